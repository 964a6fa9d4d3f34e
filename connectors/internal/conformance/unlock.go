package conformance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

func failedSignInsLockAndUnlock(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	require.False(t, h.SignIn(t, user))
	account := requireLocked(t, h, user)
	for _, lock := range account.State.Locks {
		require.NotEqual(t, connectors.ReasonAdmin, lock.Reason)
		require.True(t, lock.Reason == connectors.ReasonUnknown || lock.Reason == connectors.ReasonFailedSignIn)
	}
	require.NoError(t, unlock(t, h.Connector(), account))
	requireUnlocked(t, h, user)
}

func administratorsLockAndUnlock(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	if !h.LockAsAdministrator(t, user) {
		return // the provider locks by failed sign-ins alone
	}
	require.False(t, h.SignIn(t, user))
	account := requireLocked(t, h, user)
	requireNotTakenForFailures(t, account)
	require.NoError(t, unlock(t, h.Connector(), account))
	requireUnlocked(t, h, user)
}

func unlockTwice(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	account := requireLocked(t, h, user)
	before := account.AsOf
	unlocked, err := h.Connector().Unlock(t.Context(), account)
	require.NoError(t, err)
	require.False(t, unlocked.At.Before(before), "an unlock reports the provider's time")
	require.NoError(t, unlock(t, h.Connector(), account))
	requireUnlocked(t, h, user)
}

// unlockOfOneAlone: nobody else is unlocked, whatever the names have in common.
func unlockOfOneAlone(t *testing.T, h Harness) {
	var users []User
	for _, name := range []string{"jane", "jane2", "ajane", "john"} {
		user := h.MakeUser(t, name, "")
		h.LockByFailedSignIns(t, user)
		users = append(users, user)
	}
	require.NoError(t, unlock(t, h.Connector(), requireLocked(t, h, users[0])))
	requireUnlocked(t, h, users[0])
	for _, other := range users[1:] {
		requireLocked(t, h, other)
		require.False(t, h.SignIn(t, other))
	}
}
