package endtoend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/internal/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestChangedBetweenAttempts changes the account after the first attempt to unlock it was
// lost: the second guard refuses, and the book shows no unlock.
func TestChangedBetweenAttempts(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		action  string
		guard   workflows.Guard
		refusal workflows.RefusalCode
	}{
		"suspended": {action: "suspend", refusal: "suspended"},
		// An administrator unlocks the account and locks it again on purpose: the failed
		// sign-ins are gone, so that the reason is unknown.
		"locked-by-an-administrator": {action: "unlock", guard: workflows.Guard{OnlyReasons: []connectors.Reason{connectors.ReasonFailedSignIn}}, refusal: "lock_reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, false)
			id := h.tenant.MustCreateUser(map[string]any{"username": "ada"})
			require.NoError(t, h.tenant.LockByFailures(id))
			h.startWorker()
			actions := []string{at.action}
			if at.action == "unlock" {
				actions = append(actions, "lock")
			}
			for _, action := range actions {
				h.tenant.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpUnlock, Times: 1, Kind: simulator.KindChange,
					Change: &simulator.StateChange{User: id, Action: action}})
			}
			h.tenant.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpUnlock, Times: 1, Kind: simulator.KindDrop})

			run, err := h.client.Start(t.Context(), workflows.Input{Connection: h.connection, UserID: id, Guard: at.guard})
			require.NoError(t, err)
			result, err := run.Result(t.Context())
			require.NoError(t, err)
			require.Equal(t, workflows.Refused, result.Outcome, result.Explanation)
			require.Equal(t, at.refusal, result.Refusal.Code)
			require.Equal(t, 2, result.Attempts.Unlock)
			require.True(t, h.tenant.Locked(id))
			for _, change := range h.tenant.Book.List(id, 0) {
				require.NotEqual(t, simulator.CauseUnlockCall, change.Cause)
			}
		})
	}
}
