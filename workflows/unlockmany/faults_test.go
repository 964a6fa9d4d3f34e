package unlockmany_test

import (
	"context"
	"errors"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestListingFailsForAWhile: another attempt is made, and nobody is lost or found twice.
func TestListingFailsForAWhile(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(5)...)
	c.PageSize = 2
	var asked atomic.Int64
	c.OnList = func(context.Context, string) error {
		if asked.Add(1)%2 == 1 {
			return latchkeytest.FailAfter(connectors.RateLimited, 10*time.Millisecond)
		}
		return nil
	}
	require.Equal(t, map[string]int{"unlocked": 5}, c.Bulk(workflows.BulkInput{}).Counts)
	require.Len(t, c.Report(), 5)
}

// TestListingFailsForGood ends the run with what was done so far.
func TestListingFailsForGood(t *testing.T) {
	t.Parallel()
	for kind, fail := range map[string]func() error{
		string(connectors.PermissionDenied): func() error { return latchkeytest.Fail(connectors.PermissionDenied) },
		workflows.TypeInternal:              func() error { return errors.New("secret of member1") },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(5)...)
			c.PageSize = 2
			c.OnList = func(_ context.Context, after string) error {
				if after == "" {
					return nil
				}
				return fail()
			}
			c.Start(workflows.BulkInput{Policy: workflows.Policy{Hold: &workflows.Hold{Off: true}}})
			failure := c.Fails(kind)
			require.Equal(t, map[string]int{"unlocked": 2}, failure.Bulk.Counts)
			require.False(t, failure.Bulk.WalkedAll)
			require.Regexp(t, "^"+regexp.QuoteMeta(failure.Bulk.Explanation)+`. What to do: `, failure.Message)
			require.NotZero(t, failure.Bulk.FinishedAt)
			require.Len(t, c.Report(), 2, "what was decided can be read")
		})
	}
}

// uncounted are records that know the retention and nothing else.
type uncounted struct{ latchkeytest.FixedRecords }

func (uncounted) UnlocksOf(context.Context, []string, time.Time) (map[string]int, error) {
	return nil, errors.New("secret of visibility")
}

// TestVisibilityFails: nobody is unlocked whose unlocks cannot be counted.
func TestVisibilityFails(t *testing.T) {
	t.Parallel()
	for name, connection := range map[string]latchkeytest.Connection{
		"no retention": {Records: latchkeytest.FixedRecords{Err: errors.New("secret of visibility")}},
		"no count":     {Records: uncounted{latchkeytest.Retained(nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := latchkeytest.NewCrowd(t, connection, latchkeytest.Locked(2)...)
			c.Start(workflows.BulkInput{Timeout: workflows.Duration(testTimeout)})
			failure := c.Fails(string(connectors.Unavailable))
			require.NotNil(t, failure.Bulk)
			require.Empty(t, c.Unlocked())
		})
	}
}

// TestUnservedForAWhile: a run waits for a worker of its connection.
func TestUnservedForAWhile(t *testing.T) {
	t.Parallel()
	c := latchkeytest.UnservedCrowd(t, latchkeytest.Locked(2)...)
	c.StartRaw(workflows.UnlockLockedUsersName, workflows.BulkInput{Connection: c.Name})
	c.Await(workflows.StateListing)
	c.Serve(latchkeytest.Connection{})
	result, err := c.End()
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": 2}, result.Counts)
}

// TestNeverServed ends in time.
func TestNeverServed(t *testing.T) {
	t.Parallel()
	c := latchkeytest.UnservedCrowd(t, latchkeytest.Locked(2)...)
	c.StartRaw(workflows.UnlockLockedUsersName, workflows.BulkInput{Connection: c.Name, Timeout: workflows.Duration(time.Second)})
	require.NotNil(t, c.Fails(workflows.TypeNoWorker).Bulk)
}

// TestScheduleRemembers: what one scheduled run saw lets a lock without a date pass in a
// later one, when it is old enough by then.
func TestScheduleRemembers(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Member(1, noDate()))
	schedule, err := c.Client.Temporal.ScheduleClient().Create(t.Context(), temporalclient.ScheduleOptions{
		ID: "test/schedule/" + c.Name,
		Action: &temporalclient.ScheduleWorkflowAction{
			ID: "test/scheduled/" + c.Name, Workflow: workflows.UnlockLockedUsersName, TaskQueue: workflows.TaskQueue,
			Args: []any{workflows.BulkInput{Connection: c.Name, Policy: workflows.Policy{MinLockedFor: to(workflows.Duration(time.Second))}}},
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = schedule.Delete(context.WithoutCancel(t.Context())) })
	first := trigger(t, c, schedule, 1)
	require.Equal(t, map[string]int{"lock_age_unknown": 1}, first.Codes)
	for n := 2; len(c.Unlocked()) == 0; n++ {
		require.Less(t, n, 100)
		next := trigger(t, c, schedule, n)
		if next.Counts["skipped"] == 1 {
			require.Equal(t, first.FirstSeen, next.FirstSeen, "the lock keeps its date")
			continue
		}
		require.Equal(t, map[string]int{"unlocked": 1}, next.Counts)
		require.Empty(t, next.FirstSeen, "a later lock is another one")
	}
}

// trigger starts the n-th scheduled run and waits for its end.
func trigger(t *testing.T, c *latchkeytest.Crowd, schedule temporalclient.ScheduleHandle, n int) *workflows.BulkResult {
	t.Helper()
	require.NoError(t, schedule.Trigger(t.Context(), temporalclient.ScheduleTriggerOptions{}))
	require.Eventually(t, func() bool {
		described, err := schedule.Describe(t.Context())
		if err != nil || described.Info.NumActions < n || len(described.Info.RecentActions) == 0 {
			return false
		}
		started := described.Info.RecentActions[len(described.Info.RecentActions)-1].StartWorkflowResult
		c.Run = c.Client.Attach(started.WorkflowID, started.FirstExecutionRunID)
		return len(described.Info.RunningWorkflows) == 0
	}, latchkeytest.Patience, 50*time.Millisecond)
	result, err := c.End()
	require.NoError(t, err)
	return result
}

// TestNamesWhileTheProviderIsDown: each fails, and the run completes.
func TestNamesWhileTheProviderIsDown(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(2)...)
	c.OnLookup = func(context.Context, string) error {
		return latchkeytest.FailAfter(connectors.Unavailable, 24*time.Hour)
	}
	result := c.Bulk(workflows.BulkInput{Users: []connectors.UserRef{
		{Username: "member1"}, {Email: "member2@example.org"}, {ID: latchkeytest.MemberID(2)},
	}})
	require.Equal(t, workflows.Completed, result.Outcome)
	require.Equal(t, map[string]int{"failed": 3}, result.Counts)
	require.Equal(t, map[string]int{"Unavailable": 3}, result.Codes)
	require.Len(t, c.Report(), 3)
}

// TestNameThatCannotBeRead: an answer that stays unreadable is that of one user, and the
// others are unlocked.
func TestNameThatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(3)...)
	c.OnLookup = func(_ context.Context, name string) error {
		if name == "member2" {
			return latchkeytest.FailAfter(connectors.MalformedResponse, 10*time.Millisecond)
		}
		return nil
	}
	result := c.Bulk(workflows.BulkInput{Timeout: workflows.Duration(time.Second), Policy: workflows.Policy{DryRun: true},
		Users: []connectors.UserRef{{Username: "member1"}, {Username: "member2"}, {Username: "member3"}}})
	require.Equal(t, map[string]int{"would_unlock": 2, "failed": 1}, result.Counts)
	require.Equal(t, map[string]int{"MalformedResponse": 1}, result.Codes)
}

// TestNameThatCannotBeReadOnce: an answer that cannot be read is asked for again within the
// time, however often others had to be asked for before.
func TestNameThatCannotBeReadOnce(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(3)...)
	var mutex sync.Mutex
	failing := map[string]int{"member1": 7, "member3": 1}
	c.OnLookup = func(_ context.Context, name string) error {
		mutex.Lock()
		defer mutex.Unlock()
		if failing[name] > 0 && (name == "member1" || failing["member1"] == 0) {
			failing[name]--
			return latchkeytest.FailAfter(connectors.MalformedResponse, 10*time.Millisecond)
		}
		if name == "member3" && failing[name] > 0 {
			return latchkeytest.FailAfter(connectors.Unavailable, 10*time.Millisecond)
		}
		return nil
	}
	result := c.Bulk(workflows.BulkInput{Users: []connectors.UserRef{{Username: "member1"}, {Username: "member2"}, {Username: "member3"}}})
	require.Equal(t, map[string]int{"unlocked": 3}, result.Counts)
}

// TestChildEndedFromOutside: its user is told as failed, with what was sent, and the rest goes on.
func TestChildEndedFromOutside(t *testing.T) {
	t.Parallel()
	for code, test := range map[string]struct {
		end  func(*latchkeytest.Crowd, string) error
		sent connectors.Answer
	}{
		"Terminated": {func(c *latchkeytest.Crowd, id string) error {
			return c.Client.Temporal.TerminateWorkflow(t.Context(), id, "", "test")
		}, connectors.Unknown},
		"Cancelled": {func(c *latchkeytest.Crowd, id string) error {
			return c.Client.Temporal.CancelWorkflow(t.Context(), id, "")
		}, connectors.Yes},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(2)...)
			entered, release := make(chan struct{}), make(chan struct{})
			enter := sync.OnceFunc(func() { close(entered) }) // A slow machine may make a second attempt.
			c.OnUnlock = func(_ context.Context, id string) error {
				if id == latchkeytest.MemberID(1) {
					enter()
					<-release
				}
				return nil
			}
			c.Start(workflows.BulkInput{Policy: workflows.Policy{MaxPerRun: to(1), Concurrency: 1}})
			<-entered
			require.NoError(t, test.end(c, workflows.UnlockID(c.Name, latchkeytest.MemberID(1))))
			close(release)
			result, err := c.End()
			require.NoError(t, err)
			require.Equal(t, map[string]int{code: 1, workflows.CodeMaxPerRun: 1}, result.Codes, "an unlock that may have been sent counts")
			require.Equal(t, test.sent, result.Failures[0].UnlockSent)
		})
	}
}

// TestAbortedWhileListing ends without an alarm, however many were locked lately.
func TestAbortedWhileListing(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, fresh(3)...)
	entered, release := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) }) // A slow machine may make a second attempt.
	c.OnList = func(context.Context, string) error {
		enter()
		<-release
		return nil
	}
	c.Start(workflows.BulkInput{Policy: crowded()})
	<-entered
	_, err := c.Tell(workflows.AbortUpdate)
	require.NoError(t, err)
	close(release)
	result, err := c.End()
	require.NoError(t, err)
	require.Equal(t, workflows.Aborted, result.Outcome)
	require.Equal(t, map[string]int{"aborted": 3}, result.Codes)
	for _, history := range c.Histories() {
		for _, event := range history.GetEvents() {
			upserted := event.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().GetIndexedFields()
			require.NotContains(t, upserted, workflows.AttributeAwaiting.GetName())
		}
	}
}

// crowded is a policy that holds whenever anybody is locked.
func crowded() workflows.Policy { return workflows.Policy{Hold: &workflows.Hold{Above: to(0)}} }

// fresh are users who were locked lately, and long enough ago to be unlocked.
func fresh(n int) []*connectors.Account {
	members := make([]*connectors.Account, n)
	for i := range members {
		members[i] = latchkeytest.Member(i+1, since(20*time.Minute, connectors.ReasonFailedSignIn))
	}
	return members
}

// TestUpdatesThatRace: one release counts, and a run that ended takes no command.
func TestUpdatesThatRace(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, fresh(2)...)
	c.Start(workflows.BulkInput{Policy: crowded()})
	c.Await(workflows.StateHeld)
	var accepted atomic.Int64
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := c.Tell(workflows.ReleaseUpdate); err == nil {
				accepted.Add(1)
			}
		})
	}
	both.Wait()
	require.EqualValues(t, 1, accepted.Load())
	result, err := c.End()
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": 2}, result.Counts)
	require.Len(t, result.Interventions, 1)
	_, err = c.Tell(workflows.AbortUpdate)
	require.Error(t, err)
}

// TestCancelledWhileHeld unlocks nobody.
func TestCancelledWhileHeld(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, fresh(2)...)
	c.Start(workflows.BulkInput{Policy: crowded()})
	c.Await(workflows.StateHeld)
	require.NoError(t, c.Client.Temporal.CancelWorkflow(t.Context(), c.Run.WorkflowID, ""))
	require.NotNil(t, c.Fails(workflows.TypeCancelled).Bulk)
	require.Empty(t, c.Unlocked())
}

// TestPauseSurvivesTheChain: a run that continues as new while it is paused stays so.
func TestPauseSurvivesTheChain(t *testing.T) {
	t.Parallel()
	const members, first = 255, 250
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, mostlySuspended(members)...)
	entered, release := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) }) // A slow machine may make a second attempt.
	c.OnUnlock = func(_ context.Context, id string) error {
		if id == latchkeytest.MemberID(first) {
			enter()
			<-release
		}
		return nil
	}
	c.Start(workflows.BulkInput{Policy: workflows.Policy{Concurrency: 20, Hold: &workflows.Hold{Off: true}}})
	<-entered
	_, err := c.Tell(workflows.PauseUpdate)
	require.NoError(t, err)
	close(release)
	require.Eventually(t, func() bool {
		progress, err := c.Run.Progress(t.Context())
		return err == nil && progress.Runs == 2 && progress.State == workflows.StatePaused
	}, latchkeytest.Patience, 50*time.Millisecond)
	require.Len(t, c.Unlocked(), first-manySuspended)
	_, err = c.Tell(workflows.ResumeUpdate)
	require.NoError(t, err)
	result, err := c.End()
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": members - manySuspended, "skipped": manySuspended}, result.Counts)
	require.Len(t, result.Interventions, 2)
	require.Len(t, c.Report(), members)
}
