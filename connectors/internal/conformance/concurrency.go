package conformance

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// concurrency: one connector serves many at once, and mixes nobody up.
func concurrency(t *testing.T, h Harness) {
	connector := h.Connector()
	var users []User
	for range 8 {
		user := h.MakeUser(t, "", "")
		h.LockByFailedSignIns(t, user)
		users = append(users, user)
	}
	failures := make([]error, 3*len(users))
	var group sync.WaitGroup
	for i := range failures {
		group.Go(func() { failures[i] = lookUpListAndUnlock(t, connector, users[i%len(users)]) })
	}
	group.Wait()
	require.NoError(t, errors.Join(failures...))
	for _, user := range users {
		require.True(t, lookup(t, h, user).State.Clear())
	}
}

func lookUpListAndUnlock(t *testing.T, connector Connector, user User) error {
	t.Helper()
	for _, ref := range []connectors.UserRef{user.Ref(), {Username: user.Username}, {Email: user.Email}} {
		account, err := connector.Lookup(t.Context(), ref)
		if err != nil {
			return err
		}
		if account.ID != user.ID || account.Username != user.Username {
			return fmt.Errorf("%v was answered with another account", ref)
		}
	}
	if connector.Lists() {
		if _, err := connector.ListLocked(t.Context(), "", 3); err != nil {
			return err
		}
	}
	account := &connectors.Account{ID: user.ID, Username: user.Username, Email: user.Email}
	return unlock(t, connector, account)
}
