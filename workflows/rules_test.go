package workflows_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// ruleCanary is a pattern in the rules of every connection of these tests. It must be nowhere
// in what Temporal stores.
const ruleCanary = "canary-of-the-rules*"

// The patterns that cover the account of a scenario, which are as private when they refuse it.
const (
	coversUser  = "j*n*.d*e"
	coversGroup = "d*m*n adm*ns"
)

// planted are the rules with the canary among the protected, and, in runs that wait for no
// approval, among the approvers.
func planted(rules guard.Rules, waits bool) guard.Rules {
	rules.ProtectedUsers = slices.Concat(rules.ProtectedUsers, []string{ruleCanary})
	rules.ProtectedGroups = slices.Concat(rules.ProtectedGroups, []string{ruleCanary})
	if !waits {
		rules.Approvers = slices.Concat(rules.Approvers, []string{ruleCanary})
	}
	return rules
}

// requireNoRules fails when one of the connection's patterns stands in the histories, payloads
// included.
func requireNoRules(t *testing.T, histories ...*historypb.History) {
	t.Helper()
	for _, history := range histories {
		texts := latchkeytest.Texts(t, history, true)
		require.NotEmpty(t, texts)
		for _, pattern := range []string{ruleCanary, coversUser, coversGroup} {
			require.NotContains(t, texts, pattern, "the connection's rules stay with the worker that serves it")
		}
	}
}

// requireNoRulesInChildren is requireNoRules for the children that the runs began.
func requireNoRulesInChildren(t *testing.T, histories ...*historypb.History) {
	t.Helper()
	for _, history := range histories {
		for _, event := range history.GetEvents() {
			if child := event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution(); child != nil {
				requireNoRules(t, latchkeytest.History(t, latchkeytest.Server(t).Client, child.GetWorkflowId(), child.GetRunId()))
			}
		}
	}
}

// protections are refusals by a rule that covers the account.
func protections() map[string]scenario {
	member := latchkeytest.Account(latchkeytest.PasswordLock())
	member.Groups = []string{"Domain Admins"}
	unread := latchkeytest.Account(latchkeytest.PasswordLock())
	unread.Groups = nil
	return map[string]scenario{
		"refused, protected user":  {rules: guard.Rules{ProtectedUsers: []string{coversUser}}, outcome: workflows.Refused, refusal: guard.CodeProtectedUser},
		"refused, protected group": {account: member, rules: guard.Rules{ProtectedGroups: []string{coversGroup}}, outcome: workflows.Refused, refusal: guard.CodeProtectedGroup},
		"refused, groups unknown":  {account: unread, outcome: workflows.Refused, refusal: guard.CodeGroupsUnknown},
		"protected at the last moment": {rules: guard.Rules{ProtectedGroups: []string{coversGroup}}, script: func(s *stage) {
			s.OnUnlock = func(context.Context, int) error {
				s.Change(func(a *connectors.Account) { a.Groups = []string{"Domain Admins"} })
				return latchkeytest.Fail(connectors.Unavailable)
			}
		}, outcome: workflows.Refused, refusal: guard.CodeProtectedGroup},
	}
}
