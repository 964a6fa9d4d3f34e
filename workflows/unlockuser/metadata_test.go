package unlockuser_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestShownWhileWaiting: a run that waits for an approval says so, until when, and how to
// answer; then what became of it.
func TestShownWhileWaiting(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{Rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}}}, latchkeytest.Locked(1)...)
	s := startOne(t, c, workflows.Input{Connection: c.Name, UserID: latchkeytest.MemberID(1), RequestedBy: "soar"})
	run := c.Client.Attach(s.run.GetID(), s.run.GetRunID())
	s.awaitStep(t, workflows.StepApproval)
	waiting := latchkeytest.Metadata(t, latchkeytest.Server(t).Client, run.WorkflowID, run.RunID).GetCurrentDetails()
	for _, part := range []string{"**approval**", c.Name, "always", "`approve`", "`deny`", time.Now().UTC().Format("2006-"), "approval_expired"} {
		require.Contains(t, waiting, part)
	}
	latchkeytest.RequireShown(t, run, workflows.ShownUnlock(c.Name))
	var updates []string
	for _, each := range latchkeytest.Metadata(t, latchkeytest.Server(t).Client, run.WorkflowID, run.RunID).GetDefinition().GetUpdateDefinitions() {
		updates = append(updates, each.GetName())
		require.NotEmpty(t, each.GetDescription(), each.GetName())
	}
	require.Subset(t, updates, []string{workflows.ApproveUpdate, workflows.DenyUpdate})
	require.NoError(t, s.answer(t.Context(), workflows.ApproveUpdate, "boss"))
	result, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Contains(t, latchkeytest.Metadata(t, latchkeytest.Server(t).Client, run.WorkflowID, run.RunID).GetCurrentDetails(), "**unlocked**")
}
