package guard_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// TestApprovalFor: what is not known counts as what somebody must approve.
func TestApprovalFor(t *testing.T) {
	t.Parallel()
	lock := func(reason connectors.Reason) []connectors.Lock {
		return []connectors.Lock{{Layer: connectors.LayerAccount, Reason: reason}}
	}
	unread := []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.PermissionDenied}}
	none := []string(nil)
	privileged, adminLocks := []string{guard.ApprovalPrivileged}, []string{guard.ApprovalAdminLocks}
	for name, test := range map[string]struct {
		state connectors.State
		want  []string
	}{
		"ordinary":                   {connectors.State{Privileged: connectors.No, Locks: lock(connectors.ReasonFailedSignIn)}, none},
		"privileged":                 {connectors.State{Privileged: connectors.Yes, Locks: lock(connectors.ReasonFailedSignIn)}, privileged},
		"privilege unknown":          {connectors.State{Privileged: connectors.Unknown, Locks: lock(connectors.ReasonFailedSignIn)}, privileged},
		"privilege not told":         {connectors.State{Locks: lock(connectors.ReasonFailedSignIn)}, privileged},
		"locked by an administrator": {connectors.State{Privileged: connectors.No, Locks: lock(connectors.ReasonAdmin)}, adminLocks},
		"locked for unknown reasons": {connectors.State{Privileged: connectors.No, Locks: lock(connectors.ReasonUnknown)}, adminLocks},
		"one of two locks": {connectors.State{Privileged: connectors.No,
			Locks: append(lock(connectors.ReasonFailedSignIn), lock(connectors.ReasonAdmin)...)}, adminLocks},
		"a layer unread": {connectors.State{Privileged: connectors.No, Locks: lock(connectors.ReasonFailedSignIn), Unread: unread}, adminLocks},
		"both":           {connectors.State{Privileged: connectors.Yes, Locks: lock(connectors.ReasonAdmin)}, append(privileged, adminLocks...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := guard.Rules{ApprovalFor: []string{guard.ApprovalPrivileged, guard.ApprovalAdminLocks}}
			require.Equal(t, test.want, guard.ApprovalFor(rules, test.state))
			require.Empty(t, guard.ApprovalFor(guard.Rules{}, test.state))
			require.Equal(t, []string{guard.ApprovalAlways}, guard.ApprovalFor(guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}}, test.state))
		})
	}
}
