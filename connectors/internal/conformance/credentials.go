package conformance

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

func wrongCredentials(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	account := requireLocked(t, h, user)
	_, err := h.WrongCredentials().Lookup(t.Context(), user.Ref())
	requireKind(t, err, connectors.Unauthenticated)
	err = unlock(t, h.WrongCredentials(), account)
	requireKind(t, err, connectors.Unauthenticated)
	requireNotSent(t, err)
	requireLocked(t, h, user)
}

func noPermission(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	account, err := h.ReadOnly().Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	require.True(t, account.State.Locked())
	err = unlock(t, h.ReadOnly(), account)
	requireKind(t, err, connectors.PermissionDenied)
	requireNotSent(t, err)
	requireLocked(t, h, user)
}

func cancelledContext(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	account := requireLocked(t, h, user)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Connector().Lookup(ctx, user.Ref())
	require.ErrorIs(t, err, context.Canceled)
	requireKind(t, err, connectors.Unavailable)
	_, err = h.Connector().Unlock(ctx, account)
	require.ErrorIs(t, err, context.Canceled)
	requireKind(t, err, connectors.Unavailable)
	requireLocked(t, h, user)
}
