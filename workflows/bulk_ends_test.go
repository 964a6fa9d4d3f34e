package workflows_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// bulkEnds are the ends of UnlockLockedUsers and ListLockedUsers. Each is tested, and
// recorded for the replay.
func bulkEnds() map[string]func(*testing.T) *crowd {
	briefly := func(policy workflows.Policy, deadline time.Duration) workflows.Policy {
		policy.Hold = &workflows.Hold{Above: to(0), Deadline: workflows.Duration(deadline)}
		return policy
	}
	ended := func(outcome workflows.BulkOutcome, policy workflows.Policy, what string) func(*testing.T) *crowd {
		return func(t *testing.T) *crowd {
			t.Helper()
			c := newCrowd(t, latchkeytest.Connection{}, fresh(3)...)
			c.start(workflows.BulkInput{Policy: policy})
			if what != "" {
				c.await(workflows.StateHeld)
				_, err := c.tell(what)
				require.NoError(t, err)
			}
			result, err := c.end()
			require.NoError(t, err)
			require.Equal(t, outcome, result.Outcome)
			return c
		}
	}
	return map[string]func(*testing.T) *crowd{
		"bulk completed with every decision": everyDecision,
		"bulk completed for a list":          ofAList,
		"bulk dry run":                       ended(workflows.Completed, workflows.Policy{DryRun: true}, ""),
		"bulk limit reached":                 ended(workflows.LimitReached, workflows.Policy{MaxPerRun: to(1)}, ""),
		"bulk held at the deadline":          ended(workflows.Held, briefly(workflows.Policy{}, time.Second), ""),
		"bulk released":                      ended(workflows.Completed, briefly(workflows.Policy{}, time.Hour), workflows.ReleaseUpdate),
		"bulk aborted":                       ended(workflows.Aborted, briefly(workflows.Policy{}, time.Hour), workflows.AbortUpdate),
		"bulk cancelled":                     cancelledMidway,
		"bulk failed":                        listingDenied,
		"bulk refused":                       refusedPolicy,
		"bulk with a wrong input":            wrongBulkInput,
		"bulk chain":                         chainOfTwo,
		"bulk incomplete":                    incomplete,
		"list of locked users":               listed,
		"list that is not whole":             listedInPart,
		"list that fails":                    listDenied,
		"list with a wrong input":            wrongListInput,
		"list that is cancelled":             listCancelled,
	}
}

// everyDecision ends with each decision that a run which is no dry run can come to.
func everyDecision(t *testing.T) *crowd {
	t.Helper()
	members := locked(8)
	members[2].State.Unread = []connectors.Unread{{Layer: connectors.LayerMFA, Kind: connectors.PermissionDenied}}
	members[3].State.Suspended = true
	members[7].State.Locks = []connectors.Lock{noDate()}
	c := newCrowd(t, latchkeytest.Connection{Records: retained(map[string]int{latchkeytest.MemberID(8): 9})}, members...)
	entered, release := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) }) // A slow machine may make a second attempt.
	c.OnLookup = func(_ context.Context, id string) error {
		switch {
		case id == latchkeytest.MemberID(2):
			c.Change(id, func(a *connectors.Account) { a.State.Locks = nil })
		case id == latchkeytest.MemberID(7) && c.Unlocked()[id] > 0:
			again := latchkeytest.FailedSignIns(time.Now().Add(time.Hour + time.Minute))
			c.Change(id, func(a *connectors.Account) { a.State.Locks = []connectors.Lock{again} })
		}
		return nil
	}
	c.OnUnlock = func(_ context.Context, id string) error {
		switch id {
		case latchkeytest.MemberID(5):
			return latchkeytest.Fail(connectors.PermissionDenied)
		case latchkeytest.MemberID(6):
			enter()
			<-release
		}
		return nil
	}
	open, err := c.client.Start(t.Context(), workflows.Input{Connection: c.name, UserID: latchkeytest.MemberID(6)})
	require.NoError(t, err)
	<-entered
	result := c.bulk(workflows.BulkInput{Policy: workflows.Policy{OnlyReasons: &[]connectors.Reason{}, MinLockedFor: to(minutes(0))}})
	close(release)
	_, err = open.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": 1, "already_unlocked": 1, "partially_unlocked": 1, "skipped": 2, "failed": 1, "already_running": 1, "relocked": 1}, result.Counts)
	require.Equal(t, map[string]int{"suspended": 1, "max_per_user": 1, "PermissionDenied": 1}, result.Codes)
	return c
}

func ofAList(t *testing.T) *crowd {
	t.Helper()
	c := newCrowd(t, latchkeytest.Connection{}, locked(2)...)
	result := c.bulk(workflows.BulkInput{Users: []connectors.UserRef{
		{ID: latchkeytest.MemberID(1)}, {Username: "member2"}, {Username: "member1"}, {Username: "nobody"},
	}})
	require.Equal(t, map[string]int{"unlocked": 2, "skipped": 1, "failed": 1}, result.Counts)
	return c
}

// cancelledMidway is cancelled while one unlock is under way.
func cancelledMidway(t *testing.T) *crowd {
	t.Helper()
	c := newCrowd(t, latchkeytest.Connection{}, locked(3)...)
	entered, release := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) }) // A slow machine may make a second attempt.
	c.OnUnlock = func(context.Context, string) error {
		enter()
		<-release
		return nil
	}
	c.start(workflows.BulkInput{Policy: workflows.Policy{Concurrency: 1}})
	<-entered
	require.NoError(t, c.client.Temporal.CancelWorkflow(t.Context(), c.run.WorkflowID, ""))
	close(release)
	require.Equal(t, map[string]int{"unlocked": 1, "skipped": 2}, c.fails(workflows.TypeCancelled).Bulk.Counts)
	return c
}

func listingDenied(t *testing.T) *crowd {
	t.Helper()
	c := newCrowd(t, latchkeytest.Connection{}, locked(2)...)
	c.OnList = func(context.Context, string) error { return latchkeytest.Fail(connectors.PermissionDenied) }
	c.start(workflows.BulkInput{})
	_ = c.fails(string(connectors.PermissionDenied))
	return c
}

func refusedPolicy(t *testing.T) *crowd {
	t.Helper()
	c := newCrowd(t, latchkeytest.Connection{Records: records{retention: time.Hour}}, locked(1)...)
	c.start(workflows.BulkInput{})
	_ = c.fails(string(connectors.Unsupported))
	return c
}

func wrongBulkInput(t *testing.T) *crowd {
	t.Helper()
	c := unserved(t)
	c.startRaw(workflows.UnlockLockedUsersName, json.RawMessage(`{"connection":"c-1","policy":{"polcy":1}}`))
	_ = c.fails(workflows.TypeInvalidInput)
	return c
}

// chainOfTwo takes two runs, the second with a sighting and the list of the first.
func chainOfTwo(t *testing.T) *crowd {
	t.Helper()
	const members = 252
	crowd := mostlySuspended(members)
	crowd[0].State.Locks, crowd[0].State.Suspended = []connectors.Lock{noDate()}, false
	c := newCrowd(t, latchkeytest.Connection{}, crowd...)
	c.PageSize = members - 1
	result := c.bulk(workflows.BulkInput{Policy: workflows.Policy{Hold: &workflows.Hold{Above: to(members)}, Concurrency: 50}})
	require.Equal(t, 2, result.Runs)
	require.Equal(t, map[string]int{"unlocked": members - manySuspended, "skipped": manySuspended}, result.Counts)
	return c
}

func listed(t *testing.T) *crowd {
	t.Helper()
	c := newCrowd(t, latchkeytest.Connection{}, locked(3)...)
	c.startRaw(workflows.ListLockedUsersName, workflows.ListInput{Connection: c.name, ListLockedInput: activities.ListLockedInput{
		Reasons: []connectors.Reason{connectors.ReasonFailedSignIn}, MinAge: guard.Duration(time.Minute),
	}})
	var page activities.ListLockedResult
	require.NoError(t, c.client.Temporal.GetWorkflow(t.Context(), c.run.WorkflowID, "").Get(t.Context(), &page))
	require.Len(t, page.Accounts, 3)
	return c
}

// lacking is what a list lacks that could not be read whole.
func lacking() connectors.Missing {
	return connectors.Missing{Rows: 2, UserIDs: []string{latchkeytest.MemberID(9)}, Servers: []connectors.Unasked{{Server: "two", Kind: connectors.Unavailable}}}
}

// incomplete unlocks whom it found, and does not take them for everybody.
func incomplete(t *testing.T) *crowd {
	t.Helper()
	c := newCrowd(t, latchkeytest.Connection{}, locked(3)...)
	c.Missing = func(string) connectors.Missing { return lacking() }
	entered, release := c.hold(3)
	c.start(workflows.BulkInput{Policy: workflows.Policy{Concurrency: 1}})
	<-entered
	const says = "2 accounts could not be read, the server two could not be asked (Unavailable)"
	progress, err := c.run.Progress(t.Context())
	require.NoError(t, err)
	require.Equal(t, lacking(), progress.Missing)
	require.Contains(t, latchkeytest.Metadata(t, c.client.Temporal, c.run.WorkflowID, "").GetCurrentDetails(), "The list is not whole: "+says)
	close(release)
	result, err := c.end()
	require.NoError(t, err)
	require.Equal(t, workflows.Incomplete, result.Outcome)
	require.Equal(t, lacking(), result.Missing)
	require.False(t, result.WalkedAll)
	require.Contains(t, result.Explanation, "the list was not whole, and whoever else is locked was not found: "+says)
	require.Equal(t, map[string]int{"unlocked": 3}, result.Counts)
	return c
}

func listedInPart(t *testing.T) *crowd {
	t.Helper()
	c := newCrowd(t, latchkeytest.Connection{}, locked(1)...)
	c.Missing = func(string) connectors.Missing { return lacking() }
	c.startRaw(workflows.ListLockedUsersName, workflows.ListInput{Connection: c.name})
	var page activities.ListLockedResult
	require.NoError(t, c.client.Temporal.GetWorkflow(t.Context(), c.run.WorkflowID, "").Get(t.Context(), &page))
	require.Equal(t, lacking(), page.Missing)
	require.Contains(t, latchkeytest.Metadata(t, c.client.Temporal, c.run.WorkflowID, "").GetCurrentDetails(), "the list is not whole, and others may be locked: 2 accounts")
	return c
}

func listDenied(t *testing.T) *crowd {
	t.Helper()
	c := newCrowd(t, latchkeytest.Connection{}, locked(1)...)
	c.OnList = func(context.Context, string) error { return latchkeytest.Fail(connectors.PermissionDenied) }
	c.startRaw(workflows.ListLockedUsersName, workflows.ListInput{Connection: c.name})
	_ = c.fails(string(connectors.PermissionDenied))
	return c
}

func listCancelled(t *testing.T) *crowd {
	t.Helper()
	c := newCrowd(t, latchkeytest.Connection{}, locked(1)...)
	entered := make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) })
	c.OnList = func(ctx context.Context, _ string) error {
		enter()
		<-ctx.Done()
		return ctx.Err()
	}
	c.startRaw(workflows.ListLockedUsersName, workflows.ListInput{Connection: c.name})
	<-entered
	require.NoError(t, c.client.Temporal.CancelWorkflow(t.Context(), c.run.WorkflowID, ""))
	_ = c.fails(workflows.TypeCancelled)
	return c
}

func wrongListInput(t *testing.T) *crowd {
	t.Helper()
	c := unserved(t)
	c.startRaw(workflows.ListLockedUsersName, workflows.ListInput{Connection: c.name, ListLockedInput: activities.ListLockedInput{After: "jane doe"}})
	_ = c.fails(workflows.TypeInvalidInput)
	return c
}

// histories reads those of all runs of the chain.
func (c *crowd) histories() []*historypb.History {
	c.t.Helper()
	return chain(c.t, c.client.Temporal, c.run.WorkflowID, c.run.RunID)
}

// chain reads the histories of all runs, from the first to the one that did not continue.
func chain(t *testing.T, temporal temporalclient.Client, workflowID, runID string) []*historypb.History {
	t.Helper()
	var all []*historypb.History
	for runID != "" {
		history := latchkeytest.History(t, temporal, workflowID, runID)
		all = append(all, history)
		last := history.GetEvents()[len(history.GetEvents())-1]
		require.NotEqual(t, enumspb.EVENT_TYPE_UNSPECIFIED, last.GetEventType())
		runID = last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return all
}

// TestBulkEnds plays every end.
func TestBulkEnds(t *testing.T) {
	t.Parallel()
	for name, play := range bulkEnds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := play(t)
			for _, history := range c.histories() {
				requireTimersEnded(t, history)
			}
			requireNoRules(t, c.histories()...)
			requireNoRulesInChildren(t, c.histories()...)
			described, err := c.client.Temporal.DescribeWorkflow(t.Context(), c.run.WorkflowID, "")
			require.NoError(t, err)
			outcome, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeOutcome)
			require.NotEmpty(t, outcome)
			details := latchkeytest.Metadata(t, c.client.Temporal, c.run.WorkflowID, "").GetCurrentDetails()
			require.Contains(t, details, "**"+outcome+"**: ")
			switch outcome {
			case string(workflows.Completed), workflows.OutcomeListed, "cancelled":
			default:
				require.Contains(t, details, "What to do: ")
			}
		})
	}
}

// TestManyCommands: however often a run that holds is paused and resumed, it can be ended.
func TestManyCommands(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, latchkeytest.Connection{}, fresh(1)...)
	c.start(workflows.BulkInput{Policy: workflows.Policy{Hold: &workflows.Hold{Above: to(0)}}})
	c.await(workflows.StateHeld)
	const most = 200 // commands that a run takes before it takes none but the last
	for n := range most {
		_, err := c.tell([]string{workflows.PauseUpdate, workflows.ResumeUpdate}[n%2])
		require.NoError(t, err, n)
	}
	for _, what := range []string{workflows.PauseUpdate, workflows.ResumeUpdate} {
		_, err := c.tell(what)
		require.ErrorContains(t, err, "takes no further pause or resume")
	}
	_, err := c.tell(workflows.AbortUpdate)
	require.NoError(t, err)
	result, err := c.end()
	require.NoError(t, err)
	require.Equal(t, workflows.Aborted, result.Outcome)
}
