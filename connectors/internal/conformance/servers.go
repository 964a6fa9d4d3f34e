package conformance

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// locksOfEachServer: a lock on one server alone is reported, listed and cleared, and says where it
// lives. The servers' clocks are no common one.
func locksOfEachServer(t *testing.T, h Harness) {
	several, ok := optional[Several](h)
	if !ok {
		return
	}
	for _, server := range several.Servers() {
		user := h.MakeUser(t, "", "")
		locked := several.LockOn(t, user, server)
		require.Contains(t, locked, server)
		require.False(t, h.SignIn(t, user))
		account := requireLocked(t, h, user)
		requireLocksOn(t, account, locked...)
		require.Empty(t, account.State.Unread)
		if h.Capabilities().Lists {
			page, err := h.Connector().ListLocked(t.Context(), "", listLimit)
			require.NoError(t, err)
			require.False(t, page.Missing.Any())
			require.Len(t, page.Accounts, 1)
			require.Equal(t, user.ID, page.Accounts[0].ID)
			requireLocksOn(t, page.Accounts[0], locked...)
		}
		unlocked, err := h.Connector().Unlock(t.Context(), account)
		require.NoError(t, err)
		require.Empty(t, unlocked.Refused, "a replica takes no changes, and gets them from another server")
		require.Zero(t, unlocked.At)
		requireUnlocked(t, h, user)
	}
}

func requireLocksOn(t *testing.T, account *connectors.Account, servers ...string) {
	t.Helper()
	var found []string
	for _, lock := range account.State.Locks {
		found = append(found, lock.Server)
	}
	slices.Sort(found)
	require.ElementsMatch(t, servers, slices.Compact(found))
}

// awaitNoLock waits until replicas have got what another server accepted.
func awaitNoLock(t *testing.T, h Harness, user User) (account *connectors.Account) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		account, err = h.Connector().Lookup(t.Context(), user.Ref())
		return err == nil && !account.State.Locked()
	}, patience, 5*time.Millisecond)
	return account
}

// stoppedServers: what a server that cannot be asked would say is unread, never "no lock"; the
// others are unlocked. Where none can be asked, nothing is known and nothing was sent.
func stoppedServers(t *testing.T, h Harness) {
	several, ok := optional[Several](h)
	if !ok {
		return
	}
	servers := several.Servers()
	stopped, others := servers[1], append([]string{servers[0]}, servers[2:]...)
	everywhere, there := h.MakeUser(t, "", ""), h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, everywhere)
	require.Equal(t, []string{stopped}, several.LockOn(t, there, stopped))
	several.Stop(t, stopped)

	unread := connectors.Unread{Layer: connectors.LayerUnknown, Server: stopped, Kind: connectors.Unavailable}
	account := lookup(t, h, there)
	require.Empty(t, account.State.Locks)
	require.Equal(t, []connectors.Unread{unread}, account.State.Unread)
	require.Equal(t, connectors.Unknown, account.State.CanSignIn)

	account = lookup(t, h, everywhere)
	requireLocksOn(t, account, others...)
	require.Contains(t, account.State.Unread, unread)
	if h.Capabilities().Lists {
		page, err := h.Connector().ListLocked(t.Context(), "", listLimit)
		require.NoError(t, err)
		require.Equal(t, []connectors.MissingServer{{Server: stopped, Kind: connectors.Unavailable}}, page.Missing.Servers)
	}
	unlocked, err := h.Connector().Unlock(t.Context(), account)
	require.NoError(t, err)
	require.Len(t, unlocked.Refused, 1)
	require.Equal(t, stopped, unlocked.Refused[0].Server)
	require.Equal(t, connectors.Unavailable, unlocked.Refused[0].Kind)
	account = awaitNoLock(t, h, everywhere)
	require.Equal(t, []connectors.Unread{unread}, account.State.Unread)

	for _, server := range others {
		several.Stop(t, server)
	}
	_, err = h.Connector().Lookup(t.Context(), everywhere.Ref())
	requireKind(t, err, connectors.Unavailable)
	err = unlock(t, h.Connector(), account)
	requireKind(t, err, connectors.Unavailable)
	requireNotSent(t, err)
}
