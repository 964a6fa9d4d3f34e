package conformance

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// listLocked walks the locked accounts in small pages while they leave the set: each is
// met exactly once, in the order of the IDs, and nobody else is.
func listLocked(t *testing.T, h Harness) {
	lister := h.Connector()
	require.Equal(t, h.Capabilities().Lists, lister.Lists())
	if !lister.Lists() {
		return
	}
	var locked []string
	for i := range 25 {
		user := h.MakeUser(t, "", "")
		if i%2 == 0 {
			if i%4 != 0 || !h.LockAsAdministrator(t, user) {
				h.LockByFailedSignIns(t, user)
			}
			locked = append(locked, user.ID)
		}
	}
	slices.Sort(locked)
	var met []string
	after := ""
	for range 20 {
		page, err := lister.ListLocked(t.Context(), after, 4)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Accounts), 4)
		require.GreaterOrEqual(t, page.Read, len(page.Accounts))
		for _, account := range page.Accounts {
			require.True(t, account.State.Locked())
			require.Empty(t, account.User, "pages are long")
			met = append(met, account.ID)
			require.NoError(t, unlock(t, h.Connector(), account))
		}
		if after = page.Next; after == "" {
			break
		}
	}
	require.Equal(t, locked, met)
}
