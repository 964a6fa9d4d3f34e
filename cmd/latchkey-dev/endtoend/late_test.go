package endtoend

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestLateAnswer: an answer that comes after the deadline is none, also when no worker was
// there to notice either, so that both are heard at once.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, true)
	id := h.tenant.MustCreateUser(person("ada"))
	require.NoError(t, h.tenant.LockByFailures(id))
	first := h.startWorker()
	within := 15 * time.Second // Long enough for a busy machine to get there.
	run, err := h.client.Start(t.Context(), workflows.Input{Connection: h.connection, UserID: id, RequestedBy: "soar",
		Approval: workflows.Approval{Required: true, Timeout: workflows.Duration(within)}})
	require.NoError(t, err)
	until := h.awaitApproval(run).Until
	first.kill()
	require.Eventually(t, func() bool { return time.Now().After(until) }, patience, pause)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- run.Approve(ctx, workflows.Answer{By: "boss"}) }()
	h.startWorker()
	result, err := run.Result(ctx)
	require.NoError(t, err)
	require.Equal(t, workflows.ApprovalExpired, result.Outcome, result.Explanation)
	require.Empty(t, result.Approval.By)
	require.Error(t, <-answered)
	require.True(t, h.tenant.Locked(id))
}

// awaitApproval waits until a run waits for one.
func (h *house) awaitApproval(run *client.Run) (waiting *workflows.ApprovalRecord) {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		answer, err := h.temporal.QueryWorkflow(h.t.Context(), run.WorkflowID, run.RunID, workflows.StatusQuery)
		var status workflows.Status
		if err != nil || answer.Get(&status) != nil || status.Step != workflows.StepApproval {
			return false
		}
		waiting = status.Result.Approval
		return true
	}, patience, pause)
	return waiting
}
