package conformance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

func suspendedStaysSuspended(t *testing.T, h Harness) {
	staysOutOfUse(t, h, h.Suspend, func(state connectors.State) bool { return state.Suspended })
}

func disabledStaysDisabled(t *testing.T, h Harness) {
	staysOutOfUse(t, h, h.Disable, func(state connectors.State) bool { return state.Disabled })
}

// staysOutOfUse: an unlock leaves an administrator's decision alone, whether the account is
// locked or not, and also where the decision was made after the account was read.
func staysOutOfUse(t *testing.T, h Harness, takeOut func(testing.TB, User) bool, reported func(connectors.State) bool) {
	for _, when := range []struct{ locked, readBefore bool }{{locked: true}, {locked: true, readBefore: true}, {locked: false}} {
		user := h.MakeUser(t, "", "")
		if when.locked {
			h.LockByFailedSignIns(t, user)
		}
		account := lookup(t, h, user)
		if !takeOut(t, user) {
			require.False(t, reported(account.State), "the provider knows no such thing")
			return
		}
		if !when.readBefore {
			account = lookup(t, h, user)
			_, one := optional[OneState](h)
			require.Equal(t, when.locked && !one, account.State.Locked())
			require.True(t, reported(account.State))
			require.Equal(t, connectors.No, account.State.CanSignIn)
		}
		requireUnlockedOrRefused(t, unlock(t, h.Connector(), account))
		after := lookup(t, h, user)
		require.True(t, reported(after.State), "an unlock leaves it alone: %+v", when)
		require.Equal(t, connectors.No, after.State.CanSignIn)
		require.False(t, h.SignIn(t, user))
	}
}

// requireUnlockedOrRefused: where the provider's call would also put the account into use, the
// driver refuses for good and has sent nothing.
func requireUnlockedOrRefused(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	requireKind(t, err, connectors.RejectedByProvider)
	requireNotSent(t, err)
}
