package unlockuser_test

import (
	"context"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// protections are refusals by a rule that covers the account.
func protections() map[string]scenario {
	member := latchkeytest.Account(latchkeytest.PasswordLock())
	member.Groups = []string{"Domain Admins"}
	unread := latchkeytest.Account(latchkeytest.PasswordLock())
	unread.Groups = nil
	return map[string]scenario{
		"refused, protected user":  {rules: guard.Rules{ProtectedUsers: []string{latchkeytest.CoversUser}}, outcome: workflows.Refused, refusal: guard.CodeProtectedUser},
		"refused, protected group": {account: member, rules: guard.Rules{ProtectedGroups: []string{latchkeytest.CoversGroup}}, outcome: workflows.Refused, refusal: guard.CodeProtectedGroup},
		"refused, groups unknown":  {account: unread, outcome: workflows.Refused, refusal: guard.CodeGroupsUnknown},
		"protected at the last moment": {rules: guard.Rules{ProtectedGroups: []string{latchkeytest.CoversGroup}}, script: func(s *stage) {
			s.OnUnlock = func(context.Context, int) error {
				s.Change(func(a *connectors.Account) { a.Groups = []string{"Domain Admins"} })
				return latchkeytest.Fail(connectors.Unavailable)
			}
		}, outcome: workflows.Refused, refusal: guard.CodeProtectedGroup},
	}
}
