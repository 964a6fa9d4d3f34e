package endtoend

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	pingonesimulator "github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// onlyFailures lets nothing pass but locks by failed sign-ins.
var onlyFailures = workflows.Guard{OnlyReasons: []connectors.Reason{connectors.ReasonFailedSignIn}}

// tooOld is an age at which a look-up is repeated before the unlock.
const tooOld = 6 * time.Second

// The credentials that work.
func anyJumpcloud() provider { return jumpcloud(jumpcloudsimulator.DefaultAPIKey) }
func anyPingone() provider   { return pingone(pingonesimulator.DefaultClientSecret) }

// TestChangedBetweenAttempts changes the account after the first attempt to unlock it was
// lost: the second guard refuses, and the book shows no unlock.
func TestChangedBetweenAttempts(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		provider func() provider
		actions  []string
		guard    workflows.Guard
		refusal  workflows.RefusalCode
	}{
		"suspended": {provider: anyJumpcloud, actions: []string{"suspend"}, refusal: "suspended"},
		"disabled":  {provider: anyPingone, actions: []string{"disable"}, refusal: "disabled"},
		// An administrator unlocks the account and locks it again on purpose: the failed
		// sign-ins are gone, so that the reason is unknown.
		"locked-by-an-administrator": {provider: anyJumpcloud, actions: []string{"unlock", "lock"}, guard: onlyFailures, refusal: "lock_reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouseOf(t, false, at.provider())
			result := h.refused(at.guard, jumpcloudsimulator.OpUnlock, at.actions, simulator.Fault{Kind: simulator.KindDrop})
			require.Equal(t, at.refusal, result.Refusal.Code)
			require.Equal(t, 2, result.Attempts.Unlock)
		})
	}
}

// TestChangedSinceTheLookup changes the account after a slow look-up has read it: the
// first attempt to unlock it reads it again, and sends nothing.
func TestChangedSinceTheLookup(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		provider func() provider
		// call is one that the look-up makes after it has read the user.
		call    string
		actions []string
		guard   workflows.Guard
		refusal workflows.RefusalCode
	}{
		"suspended": {provider: anyJumpcloud, call: jumpcloudsimulator.OpOrganization, actions: []string{"suspend"}, refusal: "suspended"},
		"disabled":  {provider: anyPingone, call: pingonesimulator.OpPassword, actions: []string{"disable"}, refusal: "disabled"},
		"locked-by-an-administrator": {provider: anyJumpcloud, call: jumpcloudsimulator.OpOrganization,
			actions: []string{"unlock", "lock"}, guard: onlyFailures, refusal: "lock_reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouseOf(t, false, at.provider())
			result := h.refused(at.guard, at.call, at.actions, simulator.Fault{Kind: simulator.KindLatency, Delay: simulator.Duration(tooOld)})
			require.Equal(t, at.refusal, result.Refusal.Code)
			require.Equal(t, workflows.Attempts{Lookup: 1, Unlock: 1}, result.Attempts)
			require.Zero(t, h.provider.Calls.Count(jumpcloudsimulator.OpUnlock))
			require.Zero(t, h.provider.Calls.Count(pingonesimulator.OpUnlockPassword))
		})
	}
}

// refused asks for the unlock of a user to whom the actions are done at the first call of
// the kind, which then takes the fault.
func (h *house) refused(guard workflows.Guard, call string, actions []string, fault simulator.Fault) *workflows.Result {
	h.t.Helper()
	id := h.provider.MustCreateUser(person("ada"))
	require.NoError(h.t, h.provider.LockByFailures(id))
	h.startWorker()
	for _, action := range actions {
		h.provider.Faults.MustAdd(simulator.Fault{Operation: call, Times: 1, Kind: simulator.KindChange,
			Change: &simulator.StateChange{User: id, Action: action}})
	}
	fault.Operation, fault.Times = call, 1
	h.provider.Faults.MustAdd(fault)
	run, err := h.client.Start(h.t.Context(), workflows.Input{Connection: h.connection, UserID: id, Guard: guard})
	require.NoError(h.t, err)
	result, err := run.Result(h.t.Context())
	require.NoError(h.t, err)
	require.Equal(h.t, workflows.Refused, result.Outcome, result.Explanation)
	require.False(h.t, result.Before.Disabled || result.Before.Suspended, "the look-up saw nothing amiss")
	require.True(h.t, result.After.Locked())
	for _, change := range h.provider.Book.List(id, 0) {
		require.NotEqual(h.t, simulator.CauseUnlockCall, change.Cause)
	}
	return result
}
