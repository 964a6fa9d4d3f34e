package browser

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/workflows"
)

// begin starts an unlock with the Temporal UI's own form.
func (h *house) begin(workflowID, input string) *client.Run {
	h.t.Helper()
	h.visit("/namespaces/default/workflows/start-workflow")
	h.sees("Random UUID")
	h.fill("workflowId", workflowID)
	h.fill("taskQueue", workflows.TaskQueue)
	h.fill("workflowType", workflows.UnlockUserName)
	h.sees("Task Queue is Active")
	h.write("main", input)
	h.press("the button", visible("[data-testid=start-workflow-button]", "true"), "scrollIntoView")
	h.picture("start.png")
	h.click("start-workflow-button")
	require.Eventually(h.t, func() bool {
		_, err := h.Client.Temporal.DescribeWorkflow(h.t.Context(), workflowID, "")
		return err == nil
	}, patience, 20*time.Millisecond, "the form starts nothing")
	return h.Client.Attach(workflowID, "")
}

// end waits for the end of a run.
func (h *house) end(run *client.Run) (*workflows.Result, error) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	return run.Result(ctx)
}

// TestOperatorsAct: with the Temporal UI's own forms an operator starts an unlock, hears what
// is wrong with an input, approves, and cancels.
func TestOperatorsAct(t *testing.T) {
	t.Parallel()
	h := newHouse(t)

	wrong := h.begin("INC-4712", `{"connection": "jumpcloud", "user_id": "`+absentID+`"}`)
	_, err := h.end(wrong)
	var failure *client.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, workflows.TypeInvalidInput, failure.Type)
	h.visit("/namespaces/default/workflows/INC-4712")
	h.sees("FAILED", workflows.TypeInvalidInput, "user_id")

	ada := h.locked("ada")
	started := h.begin(workflows.UnlockID(dev.JumpCloud, ada), fmt.Sprintf(`{"connection": "jumpcloud", "userId": %q}`, ada))
	result, err := h.end(started)
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.True(t, h.Tenant(dev.JumpCloud).SignIn("ada", dev.Password).OK)

	approved := h.waiting(workflows.Input{Connection: dev.JumpCloud, UserID: h.locked("grace")})
	h.look(approved, "user-metadata")
	h.choose("More Actions")
	h.choose("Send an Update")
	h.click("update-select-button")
	h.choose(workflows.ApproveUpdate)
	h.write("dialog[open]", `{"by": "boss", "reason": "I called her"}`)
	h.click("confirm-modal-button")
	result, err = h.end(approved)
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Equal(t, "boss", result.Approval.By)

	cancelled := h.waiting(workflows.Input{Connection: dev.JumpCloud, UserID: h.locked("barbara")})
	h.look(cancelled, "user-metadata")
	h.choose("Request Cancellation")
	h.click("confirm-modal-button")
	_, err = h.end(cancelled)
	require.ErrorAs(t, err, &failure)
	require.Equal(t, workflows.TypeCancelled, failure.Type)
	h.look(cancelled, "user-metadata")
	h.sees("CANCELED", "cancelled: cancelled before anything was sent")
}
