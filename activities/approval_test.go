package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

// TestSecondApproval: at the moment of the unlock the account must be the one that was
// approved, by somebody who still may; a lock less is no objection.
func TestSecondApproval(t *testing.T) {
	t.Parallel()
	always := guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}, Approvers: []string{"boss"}}
	for name, test := range map[string]struct {
		rules    guard.Rules
		approved bool
		by       string
		change   func(*connectors.Account)
		code     guard.Code
	}{
		"as approved":           {rules: always, approved: true, by: "boss"},
		"nobody had to":         {},
		"nobody was asked":      {rules: always, code: guard.CodeApprovalRequired},
		"by somebody else":      {rules: always, approved: true, by: "soar", code: guard.CodeApprovalRequired},
		"a lock less":           {rules: always, approved: true, by: "boss", change: func(a *connectors.Account) { a.State.Locks = a.State.Locks[:1] }},
		"privileged since":      {rules: always, approved: true, by: "boss", change: func(a *connectors.Account) { a.State.Privileged = connectors.Yes }, code: guard.CodeChangedSinceApproval},
		"a lock of another age": {rules: always, approved: true, by: "boss", change: func(a *connectors.Account) { a.State.Locks[0] = latchkeytest.FailedSignIns(time.Now().Add(time.Hour)) }, code: guard.CodeChangedSinceApproval},
		"a layer unread": {rules: always, approved: true, by: "boss", change: func(a *connectors.Account) {
			a.State.Unread = []connectors.Unread{{Layer: connectors.LayerMFA, Kind: connectors.Unavailable}}
		}, code: guard.CodeChangedSinceApproval},
		"an administrator's lock, by a rule that is new": {rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAdminLocks}}, code: guard.CodeApprovalRequired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(latchkeytest.Account(latchkeytest.FailedSignIns(time.Now()), latchkeytest.PasswordLock()))
			b.rules = test.rules
			in := unlockInput(b, time.Minute)
			if test.approved {
				state := in.Account.State
				in.Approved = &activities.Approved{State: state, By: test.by}
			}
			if test.change != nil {
				b.Change(test.change)
			}
			result, err := run[activities.UnlockResult](b, b.steps.Unlock, in)
			require.NoError(t, err)
			require.Equal(t, test.code, result.Verdict.Code, result.Verdict.Explanation)
			_, unlocks := b.Calls()
			require.Equal(t, test.code == "", unlocks == 1)
		})
	}
}
