package unlockmany_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestApprovalInBulk: who must be approved is reported so and not waited for; the child
// goes on, and unlocks once it is approved.
func TestApprovalInBulk(t *testing.T) {
	t.Parallel()
	privileged := latchkeytest.Member(2, latchkeytest.FailedSignIns(time.Now()))
	privileged.State.Privileged = connectors.Yes
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{Rules: guard.Rules{ApprovalFor: []string{guard.ApprovalPrivileged}}}, append(latchkeytest.Locked(1), privileged)...)
	result := c.Bulk(workflows.BulkInput{RequestedBy: "soar", Policy: workflows.Policy{ExcludePrivileged: to(false)}})
	require.Equal(t, map[string]int{"unlocked": 1, "awaiting_approval": 1}, result.Counts)
	waiting := c.Report()[privileged.ID]
	require.Equal(t, workflows.UnlockID(c.Name, privileged.ID), waiting.WorkflowID)
	require.Equal(t, map[string]int{latchkeytest.MemberID(1): 1}, c.Unlocked())

	handle, err := c.Client.Temporal.UpdateWorkflow(t.Context(), temporalclient.UpdateWorkflowOptions{
		WorkflowID: waiting.WorkflowID, UpdateName: workflows.ApproveUpdate, WaitForStage: temporalclient.WorkflowUpdateStageCompleted,
		Args: []any{workflows.Answer{By: "boss"}},
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(t.Context(), nil))
	approved, err := c.Client.Attach(waiting.WorkflowID, "").Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, approved.Outcome)
}

// TestShown: whatever starts a run, the Temporal UI says what it does, what can be done to
// it, and how it stands.
func TestShown(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(1)...)
	in := workflows.Input{Connection: c.Name, UserID: latchkeytest.MemberID(1), RequestedBy: "soar", RequestReason: "INC-4711"}

	c.Bulk(workflows.BulkInput{RequestedBy: "soar", RequestReason: "INC-4711"})
	latchkeytest.RequireShown(t, c.Run, workflows.ShownBulk(c.Name))
	require.Contains(t, latchkeytest.Metadata(t, latchkeytest.Server(t).Client, c.Run.WorkflowID, c.Run.RunID).GetCurrentDetails(), "1 of 1 users decided")
	child := c.Only("unlock/")
	latchkeytest.RequireShown(t, child, workflows.ShownUnlock(c.Name))

	run, err := c.Client.Start(t.Context(), in)
	require.NoError(t, err)
	_, err = run.Result(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, child.RunID, run.RunID)
	latchkeytest.RequireShown(t, run, workflows.ShownUnlock(c.Name))
	require.Contains(t, latchkeytest.Metadata(t, latchkeytest.Server(t).Client, run.WorkflowID, run.RunID).GetCurrentDetails(), "**already_unlocked**")
}
