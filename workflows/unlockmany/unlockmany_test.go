package unlockmany_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestPolicyDefaults: a run over all locked users unlocks those that failed sign-ins locked
// a while ago, and gives each of the others a reason.
func TestPolicyDefaults(t *testing.T) {
	t.Parallel()
	admin, suspended := latchkeytest.Member(4, since(time.Hour, connectors.ReasonAdmin)), latchkeytest.Member(5, since(time.Hour, connectors.ReasonFailedSignIn))
	suspended.State.Suspended = true
	privileged, unsaid := latchkeytest.Member(6, since(time.Hour, connectors.ReasonFailedSignIn)), latchkeytest.Member(7, since(time.Hour, connectors.ReasonFailedSignIn))
	privileged.State.Privileged, unsaid.State.Privileged = connectors.Yes, connectors.Unknown
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{Records: latchkeytest.Retained(map[string]int{latchkeytest.MemberID(9): 3, latchkeytest.MemberID(10): 2})},
		latchkeytest.Member(1, since(time.Hour, connectors.ReasonFailedSignIn)),
		latchkeytest.Member(2, since(4*time.Minute, connectors.ReasonFailedSignIn)),
		latchkeytest.Member(3),
		admin, suspended, privileged, unsaid,
		latchkeytest.Member(8, noDate()),
		latchkeytest.Member(9, since(time.Hour, connectors.ReasonFailedSignIn)),
		latchkeytest.Member(10, since(time.Hour, connectors.ReasonFailedSignIn)),
		latchkeytest.Member(11, since(time.Hour, connectors.ReasonUnknown)),
	)
	result := c.Bulk(workflows.BulkInput{RequestedBy: "schedule", RequestReason: "auto"})
	require.Equal(t, workflows.Completed, result.Outcome)
	require.True(t, result.WalkedAll)
	require.Equal(t, 10, result.Found)
	require.Equal(t, map[string]int{"unlocked": 2, "skipped": 8}, result.Counts)
	require.Equal(t, latchkeytest.Provider, result.Provider)
	codes := map[string]string{}
	for id, decision := range c.Report() {
		codes[id] = string(decision.Decision) + " " + decision.Code
	}
	require.Equal(t, map[string]string{
		latchkeytest.MemberID(1): "unlocked ", latchkeytest.MemberID(2): "skipped locked_too_briefly",
		latchkeytest.MemberID(4): "skipped lock_reason", latchkeytest.MemberID(5): "skipped suspended",
		latchkeytest.MemberID(6): "skipped privileged", latchkeytest.MemberID(7): "skipped privilege_unknown",
		latchkeytest.MemberID(8): "skipped lock_age_unknown", latchkeytest.MemberID(9): "skipped max_per_user",
		latchkeytest.MemberID(10): "unlocked ", latchkeytest.MemberID(11): "skipped lock_reason",
	}, codes)
	require.Equal(t, map[string]int{latchkeytest.MemberID(1): 1, latchkeytest.MemberID(10): 1}, c.Unlocked())
	require.Contains(t, c.Report()[latchkeytest.MemberID(2)].Explanation, "locked for 4m")
	require.Len(t, result.FirstSeen, 1)
	require.Equal(t, []string{latchkeytest.MemberID(8)}, result.FirstSeen[0].UserIDs)
}

// TestPrivilegeThatIsNeverTold: where the provider cannot say who is privileged, nobody is
// left out for that.
func TestPrivilegeThatIsNeverTold(t *testing.T) {
	t.Parallel()
	member := latchkeytest.Member(1, since(time.Hour, connectors.ReasonFailedSignIn))
	member.State.Privileged = connectors.Unknown
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{HidesPrivilege: true}, member)
	require.Equal(t, map[string]int{"unlocked": 1}, c.Bulk(workflows.BulkInput{}).Counts)
}

// TestGivenList: references of every kind, each with one decision.
func TestGivenList(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{},
		latchkeytest.Member(1, since(time.Minute, connectors.ReasonAdmin)),
		latchkeytest.Member(2, noDate()),
		latchkeytest.Member(3, noDate()),
		latchkeytest.Member(4),
	)
	result := c.Bulk(workflows.BulkInput{Users: []connectors.UserRef{
		{ID: latchkeytest.MemberID(1)}, {Username: "member2"}, {Email: "member3@example.org"}, {ID: latchkeytest.MemberID(4)},
		{Username: "member1"}, {Username: "nobody"}, {ID: latchkeytest.MemberID(99)},
	}})
	require.Equal(t, workflows.Completed, result.Outcome)
	require.Equal(t, 7, result.Found)
	require.Equal(t, map[string]int{"unlocked": 3, "already_unlocked": 1, "skipped": 1, "failed": 2}, result.Counts)
	require.Equal(t, map[string]int{"duplicate": 1, "NotFound": 2}, result.Codes)
	require.Len(t, result.Failures, 2)
	report := c.Report()
	require.Equal(t, workflows.Decided("unlocked"), report["member2"].Decision)
	require.Equal(t, latchkeytest.MemberID(2), report["member2"].UserID)
	require.Equal(t, workflows.CodeDuplicate, report["member1"].Code)
}

// TestDryRun touches nothing and says what it would do.
func TestDryRun(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, append(latchkeytest.Locked(3), latchkeytest.Member(9, since(time.Minute, connectors.ReasonFailedSignIn)))...)
	result := c.Bulk(workflows.BulkInput{Policy: workflows.Policy{DryRun: true}})
	require.True(t, result.DryRun)
	require.Equal(t, map[string]int{"would_unlock": 3, "skipped": 1}, result.Counts)
	require.Empty(t, c.Unlocked())
}

// TestMaxPerRun stops at the number, and leaves the rest with a reason.
func TestMaxPerRun(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(12)...)
	result := c.Bulk(workflows.BulkInput{Policy: workflows.Policy{MaxPerRun: to(5), Concurrency: 4}})
	require.Equal(t, workflows.LimitReached, result.Outcome)
	require.Equal(t, map[string]int{"unlocked": 5, "skipped": 7}, result.Counts)
	require.Equal(t, map[string]int{"max_per_run": 7}, result.Codes)
	require.Len(t, c.Unlocked(), 5)
}

// TestChain: more users than one run takes are decided upon by several, each once.
func TestChain(t *testing.T) {
	t.Parallel()
	const members = 280
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, mostlySuspended(members)...)
	c.PageSize = 150
	result := c.Bulk(workflows.BulkInput{Policy: workflows.Policy{MaxPerRun: to(0), Hold: &workflows.Hold{Above: to(members)}, Concurrency: 20}})
	require.Equal(t, workflows.Completed, result.Outcome, result.Explanation)
	require.Equal(t, map[string]int{"skipped": manySuspended, "unlocked": members - manySuspended}, result.Counts)
	require.Equal(t, 2, result.Runs)
	last := latchkeytest.Metadata(t, c.Client.Temporal, c.Run.WorkflowID, "")
	require.Contains(t, last.GetCurrentDetails(), workflows.ShownBulk(c.Name).Details, "Temporal shows the first run's alone")
	require.Len(t, c.Report(), members)
	for id, times := range c.Unlocked() {
		require.Equal(t, 1, times, id)
	}
}

// TestFailureDoesNotStopTheRest, nor does an unlock that is open already.
func TestFailureDoesNotStopTheRest(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(4)...)
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c.OnUnlock = func(_ context.Context, id string) error {
		switch id {
		case latchkeytest.MemberID(2):
			return latchkeytest.Fail(connectors.PermissionDenied)
		case latchkeytest.MemberID(3):
			once.Do(func() { close(entered); <-release })
		}
		return nil
	}
	run, err := c.Client.Start(t.Context(), workflows.Input{Connection: c.Name, UserID: latchkeytest.MemberID(3)})
	require.NoError(t, err)
	<-entered
	result := c.Bulk(workflows.BulkInput{})
	close(release)
	require.Equal(t, map[string]int{"unlocked": 2, "failed": 1, "already_running": 1}, result.Counts)
	require.Equal(t, run.WorkflowID, c.Report()[latchkeytest.MemberID(3)].WorkflowID)
	require.Equal(t, "PermissionDenied", result.Failures[0].Code)
	_, err = run.Result(t.Context())
	require.NoError(t, err)
}

// TestHold: a crowd that was locked lately is left alone until somebody says what to do.
func TestHold(t *testing.T) {
	t.Parallel()
	policy := func(deadline time.Duration) workflows.Policy {
		return workflows.Policy{Hold: &workflows.Hold{Above: to(3), Deadline: workflows.Duration(deadline)}, MinLockedFor: to(workflows.Duration(0))}
	}
	fresh := func() []*connectors.Account {
		return []*connectors.Account{latchkeytest.Member(1, since(time.Minute, connectors.ReasonFailedSignIn)),
			latchkeytest.Member(2, since(2*time.Minute, connectors.ReasonUnknown)), latchkeytest.Member(3, noDate()),
			latchkeytest.Member(4, since(time.Minute, connectors.ReasonFailedSignIn)),
			latchkeytest.Member(5, since(time.Minute, connectors.ReasonAdmin))}
	}
	t.Run("an administrator's locks are no attack", func(t *testing.T) {
		t.Parallel()
		members := fresh()
		members[0].State.Locks[0].Reason = connectors.ReasonAdmin
		c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, members...)
		require.Equal(t, workflows.Completed, c.Bulk(workflows.BulkInput{Policy: policy(time.Hour)}).Outcome)
	})
	t.Run("the deadline", func(t *testing.T) {
		t.Parallel()
		c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, fresh()...)
		c.PageSize = 2
		result := c.Bulk(workflows.BulkInput{Policy: policy(time.Second)})
		require.Equal(t, workflows.Held, result.Outcome)
		require.Equal(t, map[string]int{"held": 1, "lock_reason": 1}, result.Codes, "those of the page that was read")
		require.False(t, result.WalkedAll)
		require.Empty(t, c.Unlocked())
	})
	t.Run("released", func(t *testing.T) {
		t.Parallel()
		c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, fresh()...)
		c.Start(workflows.BulkInput{Policy: policy(time.Hour)})
		progress := c.Await(workflows.StateHeld)
		require.Equal(t, 4, progress.Fresh)
		require.Equal(t, 5, progress.Found)
		require.Contains(t, progress.Explanation, "may be an attack")
		require.Empty(t, c.Unlocked())
		// What has changed meanwhile counts: the list is read anew.
		c.Change(latchkeytest.MemberID(1), func(a *connectors.Account) { a.State.Suspended = true })
		c.Add(latchkeytest.Member(6, since(time.Minute, connectors.ReasonFailedSignIn)))
		_, err := c.Tell(workflows.ReleaseUpdate)
		require.NoError(t, err)
		result, err := c.End()
		require.NoError(t, err)
		require.Equal(t, workflows.Completed, result.Outcome)
		require.Equal(t, 6, result.Found)
		require.Equal(t, map[string]int{"unlocked": 3, "skipped": 3}, result.Counts)
		require.Equal(t, "release", result.Interventions[0].What)
		require.Equal(t, "otto", result.Interventions[0].RequestedBy)
	})
	t.Run("aborted", func(t *testing.T) {
		t.Parallel()
		c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, fresh()...)
		c.Start(workflows.BulkInput{Policy: policy(time.Hour)})
		c.Await(workflows.StateHeld)
		_, err := c.Tell(workflows.AbortUpdate)
		require.NoError(t, err)
		result, err := c.End()
		require.NoError(t, err)
		require.Equal(t, workflows.Aborted, result.Outcome)
		require.Equal(t, map[string]int{"aborted": 3, "lock_reason": 2}, result.Codes)
		require.Empty(t, c.Unlocked())
	})
}

// TestHoldOfTheUnread: an account that could not be read may be one of a crowd. A list that is
// read anew after a release is whole when nothing of it is missing.
func TestHoldOfTheUnread(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(2)...)
	var broken atomic.Bool
	broken.Store(true)
	c.PageSize = 1
	c.Missing = func(after string) connectors.Missing {
		if broken.Load() && after != "" {
			return connectors.Missing{Rows: 4}
		}
		return connectors.Missing{}
	}
	c.Start(workflows.BulkInput{Policy: workflows.Policy{Hold: &workflows.Hold{Above: to(3), Window: minutes(1)}}})
	progress := c.Await(workflows.StateHeld)
	require.Equal(t, 4, progress.Fresh)
	require.Equal(t, 4, progress.Missing.Rows)
	require.Contains(t, progress.Explanation, "counting 4 who could not be read")
	broken.Store(false)
	_, err := c.Tell(workflows.ReleaseUpdate)
	require.NoError(t, err)
	result, err := c.End()
	require.NoError(t, err)
	require.Equal(t, workflows.Completed, result.Outcome)
	require.True(t, result.WalkedAll)
	require.Len(t, c.Unlocked(), 2)
}

// TestPauseAndResume: a run that is paused begins no unlock.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(6)...)
	entered, release := c.Hold(6)
	c.Start(workflows.BulkInput{Policy: workflows.Policy{Concurrency: 1}})
	<-entered
	_, err := c.Tell(workflows.ReleaseUpdate)
	var failure *client.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, workflows.TypeRejected, failure.Type)
	progress, err := c.Tell(workflows.PauseUpdate)
	require.NoError(t, err)
	require.Equal(t, workflows.StatePaused, progress.State)
	close(release)
	require.Eventually(t, func() bool {
		progress, err := c.Run.Progress(t.Context())
		return err == nil && progress.InFlight == 0 && progress.Decided == 1
	}, latchkeytest.Patience, 10*time.Millisecond)
	require.Empty(t, entered, "nobody else")
	_, err = c.Tell(workflows.ResumeUpdate)
	require.NoError(t, err)
	result, err := c.End()
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": 6}, result.Counts)
	require.Len(t, result.Interventions, 2)
}

// TestAbortAndCancel: unlocks that are under way are waited for, and nobody else is unlocked.
func TestAbortAndCancel(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"abort", "cancel"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(6)...)
			entered, release := c.Hold(6)
			c.Start(workflows.BulkInput{Policy: workflows.Policy{Concurrency: 2}})
			<-entered
			<-entered
			if how == "abort" {
				_, err := c.Tell(workflows.AbortUpdate)
				require.NoError(t, err)
			} else {
				require.NoError(t, c.Client.Temporal.CancelWorkflow(t.Context(), c.Run.WorkflowID, ""))
			}
			close(release)
			result, err := c.End()
			if how == "cancel" {
				var failure *client.Failure
				require.ErrorAs(t, err, &failure)
				require.Equal(t, workflows.TypeCancelled, failure.Type)
				result = failure.Bulk
			} else {
				require.NoError(t, err)
				require.Equal(t, workflows.Aborted, result.Outcome)
			}
			require.Equal(t, map[string]int{"unlocked": 2, "skipped": 4}, result.Counts)
			require.Len(t, c.Report(), 6)
			require.Len(t, c.Unlocked(), 2)
		})
	}
}

// TestPolicyThatCannotBeKept is refused before anybody is listed.
func TestPolicyThatCannotBeKept(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		records     latchkeytest.FixedRecords
		hidesGroups bool
		policy      workflows.Policy
		contains    string
	}{
		"retention": {records: latchkeytest.FixedRecords{Kept: time.Hour}, contains: "keeps closed runs for 1h"},
		"groups":    {records: latchkeytest.Retained(nil), hidesGroups: true, policy: workflows.Policy{Exclude: []string{"group:staff"}}, contains: "does not tell the groups"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := latchkeytest.NewCrowd(t, latchkeytest.Connection{Records: test.records, HidesGroups: test.hidesGroups}, latchkeytest.Locked(1)...)
			c.Start(workflows.BulkInput{Policy: test.policy})
			_, err := c.End()
			var failure *client.Failure
			require.ErrorAs(t, err, &failure)
			require.Equal(t, "Unsupported", failure.Type)
			require.Contains(t, failure.Message, test.contains)
			require.Empty(t, c.Unlocked())
		})
	}
}

// TestBulkInvalidInput names the field.
func TestBulkInvalidInput(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`:                                                                                  "connection is missing",
		`{"connection":"a","users":[]}`:                                                       "users is empty",
		`{"connection":"a","users":[{}]}`:                                                     "users[0] is no reference: give exactly one of",
		`{"connection":"a","polcy":{}}`:                                                       `did you mean "policy"`,
		`{"connection":"a","policy":{"maxPerRum":1}}`:                                         `did you mean "maxPerRun"`,
		`{"connection":"a","policy":{"hold":{"abov":1}}}`:                                     `did you mean "above"`,
		`{"connection":"a","users":[{"userid":"x"}]}`:                                         `did you mean "userId"`,
		`{"connection":"a","policy":{"maxPerRun":"many"}}`:                                    "policy.maxPerRun has the wrong type: it must be a whole number",
		`{"connection":"a","policy":{"minLockedFor":"2h","maxLockedFor":"1h"}}`:               "no lock can pass",
		`{"connection":"a","policy":{"onlyReasons":["x"]}}`:                                   "policy.onlyReasons",
		`{"connection":"a","policy":{"concurrency":1000}}`:                                    "policy.concurrency must be between 1 and 100",
		`{"connection":"a","policy":{"exclude":[" "]}}`:                                       "policy.exclude holds a pattern that is empty",
		`{"connection":"a","policy":{"include":[]}}`:                                          "policy.include is empty",
		`{"connection":"a","policy":{"maxPerUser":{"within":"48h"}}}`:                         "policy.maxPerUser.within bounds nothing by itself",
		`{"connection":"a","requestedBy":"bo\u200bss"}`:                                       "requestedBy holds a control character",
		`{"connection":"a","requestId":"Unlock-Locked/a/1"}`:                                  "requestId begins like the IDs of Latchkey's own runs",
		`{"connection":"a","policy":{"hold":{"deadline":"1ms"}}}`:                             "policy.hold.deadline must be between",
		`{"connection":"a","policy":{"maxPerRun":-1,"maxPerUser":{"unlocks":-1}}}`:            "policy.maxPerUser.unlocks must not be negative",
		fmt.Sprintf(`{"connection":"a","users":[%s{"userId":"x"}]}`, many(`{"userId":"x"},`)): "users holds 5001 references; at most 5000 go in one start: split the list into 2",
	} {
		_, err := workflows.ParseBulkInput([]byte(text))
		require.ErrorContains(t, err, want)
	}
}

func many(text string) string {
	return string(slices.Concat(slices.Repeat([]byte(text), workflows.MaxUsers)))
}
