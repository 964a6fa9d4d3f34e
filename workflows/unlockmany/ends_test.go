package unlockmany_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// bulkEnds are the ends of UnlockLockedUsers and ListLockedUsers. Each is tested, and
// recorded for the replay.
func bulkEnds() map[string]func(*testing.T) *latchkeytest.Crowd {
	briefly := func(policy workflows.Policy, deadline time.Duration) workflows.Policy {
		policy.Hold = &workflows.Hold{Above: to(0), Deadline: workflows.Duration(deadline)}
		return policy
	}
	ended := func(outcome workflows.BulkOutcome, policy workflows.Policy, what string) func(*testing.T) *latchkeytest.Crowd {
		return func(t *testing.T) *latchkeytest.Crowd {
			t.Helper()
			c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, fresh(3)...)
			c.Start(workflows.BulkInput{Policy: policy})
			if what != "" {
				c.Await(workflows.StateHeld)
				_, err := c.Tell(what)
				require.NoError(t, err)
			}
			result, err := c.End()
			require.NoError(t, err)
			require.Equal(t, outcome, result.Outcome)
			return c
		}
	}
	return map[string]func(*testing.T) *latchkeytest.Crowd{
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
	}
}

// everyDecision ends with each decision that a run which is no dry run can come to.
func everyDecision(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	members := latchkeytest.Locked(8)
	members[2].State.Unread = []connectors.Unread{{Layer: connectors.LayerMFA, Kind: connectors.PermissionDenied}}
	members[3].State.Suspended = true
	members[7].State.Locks = []connectors.Lock{noDate()}
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{Records: latchkeytest.Retained(map[string]int{latchkeytest.MemberID(8): 9})}, members...)
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
	open, err := c.Client.Start(t.Context(), workflows.Input{Connection: c.Name, UserID: latchkeytest.MemberID(6)})
	require.NoError(t, err)
	<-entered
	result := c.Bulk(workflows.BulkInput{Policy: workflows.Policy{OnlyReasons: &[]connectors.Reason{}, MinLockedFor: to(minutes(0))}})
	close(release)
	_, err = open.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": 1, "already_unlocked": 1, "partially_unlocked": 1, "skipped": 2, "failed": 1, "already_running": 1, "relocked": 1}, result.Counts)
	require.Equal(t, map[string]int{"suspended": 1, "max_per_user": 1, "PermissionDenied": 1}, result.Codes)
	return c
}

func ofAList(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(2)...)
	result := c.Bulk(workflows.BulkInput{Users: []connectors.UserRef{
		{ID: latchkeytest.MemberID(1)}, {Username: "member2"}, {Username: "member1"}, {Username: "nobody"},
	}})
	require.Equal(t, map[string]int{"unlocked": 2, "skipped": 1, "failed": 1}, result.Counts)
	return c
}

// cancelledMidway is cancelled while one unlock is under way.
func cancelledMidway(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(3)...)
	entered, release := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) }) // A slow machine may make a second attempt.
	c.OnUnlock = func(context.Context, string) error {
		enter()
		<-release
		return nil
	}
	c.Start(workflows.BulkInput{Policy: workflows.Policy{Concurrency: 1}})
	<-entered
	require.NoError(t, c.Client.Temporal.CancelWorkflow(t.Context(), c.Run.WorkflowID, ""))
	close(release)
	require.Equal(t, map[string]int{"unlocked": 1, "skipped": 2}, c.Fails(workflows.TypeCancelled).Bulk.Counts)
	return c
}

func listingDenied(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(2)...)
	c.OnList = func(context.Context, string) error { return latchkeytest.Fail(connectors.PermissionDenied) }
	c.Start(workflows.BulkInput{})
	_ = c.Fails(string(connectors.PermissionDenied))
	return c
}

func refusedPolicy(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{Records: latchkeytest.FixedRecords{Kept: time.Hour}}, latchkeytest.Locked(1)...)
	c.Start(workflows.BulkInput{})
	_ = c.Fails(string(connectors.Unsupported))
	return c
}

func wrongBulkInput(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.UnservedCrowd(t)
	c.StartRaw(workflows.UnlockLockedUsersName, json.RawMessage(`{"connection":"c-1","policy":{"polcy":1}}`))
	_ = c.Fails(workflows.TypeInvalidInput)
	return c
}

// chainOfTwo takes two runs, the second with a sighting and the list of the first.
func chainOfTwo(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	const members = 252
	crowd := mostlySuspended(members)
	crowd[0].State.Locks, crowd[0].State.Suspended = []connectors.Lock{noDate()}, false
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, crowd...)
	c.PageSize = members - 1
	result := c.Bulk(workflows.BulkInput{Policy: workflows.Policy{Hold: &workflows.Hold{Above: to(members)}, Concurrency: 50}})
	require.Equal(t, 2, result.Runs)
	require.Equal(t, map[string]int{"unlocked": members - manySuspended, "skipped": manySuspended}, result.Counts)
	return c
}

// incomplete unlocks whom it found, and does not take them for everybody.
func incomplete(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(3)...)
	c.Missing = func(string) connectors.Missing { return latchkeytest.Lacking() }
	entered, release := c.Hold(3)
	c.Start(workflows.BulkInput{Policy: workflows.Policy{Concurrency: 1}})
	<-entered
	const says = "2 accounts could not be read, the server two could not be asked (Unavailable)"
	progress, err := c.Run.Progress(t.Context())
	require.NoError(t, err)
	require.Equal(t, latchkeytest.Lacking(), progress.Missing)
	require.Contains(t, latchkeytest.Metadata(t, c.Client.Temporal, c.Run.WorkflowID, "").GetCurrentDetails(), "The list is not whole: "+says)
	close(release)
	result, err := c.End()
	require.NoError(t, err)
	require.Equal(t, workflows.Incomplete, result.Outcome)
	require.Equal(t, latchkeytest.Lacking(), result.Missing)
	require.False(t, result.WalkedAll)
	require.Contains(t, result.Explanation, "the list was not whole, and whoever else is locked was not found: "+says)
	require.Equal(t, map[string]int{"unlocked": 3}, result.Counts)
	return c
}

// TestBulkEnds plays every end.
func TestBulkEnds(t *testing.T) {
	t.Parallel()
	for name, play := range bulkEnds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t).RequireEnded()
		})
	}
}

// TestManyCommands: however often a run that holds is paused and resumed, it can be ended.
func TestManyCommands(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, fresh(1)...)
	c.Start(workflows.BulkInput{Policy: workflows.Policy{Hold: &workflows.Hold{Above: to(0)}}})
	c.Await(workflows.StateHeld)
	const most = 200 // commands that a run takes before it takes none but the last
	for n := range most {
		_, err := c.Tell([]string{workflows.PauseUpdate, workflows.ResumeUpdate}[n%2])
		require.NoError(t, err, n)
	}
	for _, what := range []string{workflows.PauseUpdate, workflows.ResumeUpdate} {
		_, err := c.Tell(what)
		require.ErrorContains(t, err, "takes no further pause or resume")
	}
	_, err := c.Tell(workflows.AbortUpdate)
	require.NoError(t, err)
	result, err := c.End()
	require.NoError(t, err)
	require.Equal(t, workflows.Aborted, result.Outcome)
}
