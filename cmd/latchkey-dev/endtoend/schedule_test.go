package endtoend

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"

	pingonesimulator "github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestScheduleAtPingOne: PingOne tells neither the reason of a lock in a list nor since when
// a password is locked out. A schedule unlocks such users all the same, once it has seen
// them locked for long enough, and leaves alone what an administrator locked.
func TestScheduleAtPingOne(t *testing.T) {
	t.Parallel()
	h := newHouseOf(t, true, pingone(pingonesimulator.DefaultClientSecret))
	tenant, isPingOne := h.provider.tenant.(*pingonesimulator.Simulator)
	require.True(t, isPingOne)
	failed, admin := tenant.MustCreateUser(person("ada")), tenant.MustCreateUser(person("bob"))
	require.NoError(t, tenant.LockByFailures(failed))
	require.NoError(t, tenant.Act(admin, "lock", nil))
	h.startWorker()

	least, unbounded := workflows.Duration(2*time.Second), workflows.MaxPerUser{}
	schedule, err := h.temporal.ScheduleClient().Create(t.Context(), sdkclient.ScheduleOptions{
		ID: "auto-unlock",
		Action: &sdkclient.ScheduleWorkflowAction{
			ID: workflows.BulkID(h.connection, "auto-unlock"), Workflow: workflows.UnlockLockedUsersName, TaskQueue: workflows.TaskQueue,
			Args: []any{workflows.BulkInput{Connection: h.connection, Policy: workflows.Policy{MinLockedFor: &least, MaxPerUser: &unbounded}}},
		},
	})
	require.NoError(t, err)
	first := h.trigger(schedule, 1)
	require.Equal(t, workflows.Completed, first.Outcome)
	require.Equal(t, map[string]int{"skipped": 2}, first.Counts)
	require.Equal(t, 1, first.Codes["lock_age_unknown"])
	require.Equal(t, []string{failed}, first.FirstSeen[0].UserIDs)

	var last *workflows.BulkResult
	runs := 1
	require.Eventually(t, func() bool {
		runs++
		last = h.trigger(schedule, runs)
		return last.Counts[string(workflows.Unlocked)] > 0
	}, patience, pause)
	require.Empty(t, last.FirstSeen, "who was unlocked is forgotten")
	require.Equal(t, 1, last.Codes["lock_reason"], "what an administrator locked stays locked: %v", last.Codes)
	for _, change := range h.provider.Book.All() {
		if change.What == simulator.Unlocked {
			require.Equal(t, failed, change.UserID)
		}
	}
	account, password := tenant.Locked(failed)
	require.False(t, account || password)
	account, _ = tenant.Locked(admin)
	require.True(t, account)
}

// trigger makes the schedule act now and waits for what comes of it.
func (h *house) trigger(schedule sdkclient.ScheduleHandle, runs int) *workflows.BulkResult {
	h.t.Helper()
	require.NoError(h.t, schedule.Trigger(h.t.Context(), sdkclient.ScheduleTriggerOptions{}))
	var execution *sdkclient.ScheduleWorkflowExecution
	require.Eventually(h.t, func() bool {
		described, err := schedule.Describe(h.t.Context())
		if err != nil || described.Info.NumActions < runs || len(described.Info.RunningWorkflows) > 0 || len(described.Info.RecentActions) == 0 {
			return false
		}
		execution = described.Info.RecentActions[len(described.Info.RecentActions)-1].StartWorkflowResult
		return execution != nil
	}, patience, pause)
	result, err := h.client.Attach(execution.WorkflowID, execution.FirstExecutionRunID).BulkResult(h.t.Context())
	require.NoError(h.t, err)
	return result
}
