package latchkeytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	"github.com/latchkey-iam/latchkey/activities/guard"
)

// RuleCanary is a pattern in the rules of every connection of these tests. It must be nowhere
// in what Temporal stores.
const RuleCanary = "canary-of-the-rules*"

// The patterns that cover the account of a scenario, which are as private when they refuse it.
const (
	CoversUser  = "j*n*.d*e"
	CoversGroup = "d*m*n adm*ns"
)

// Planted are the rules with the canary among the protected, and, in runs that wait for no
// approval, among the approvers.
func Planted(rules guard.Rules, waits bool) guard.Rules {
	rules.ProtectedUsers = slices.Concat(rules.ProtectedUsers, []string{RuleCanary})
	rules.ProtectedGroups = slices.Concat(rules.ProtectedGroups, []string{RuleCanary})
	if !waits {
		rules.Approvers = slices.Concat(rules.Approvers, []string{RuleCanary})
	}
	return rules
}

// RequireNoRules fails when one of the connection's patterns stands in the histories, payloads
// included.
func RequireNoRules(t *testing.T, histories ...*historypb.History) {
	t.Helper()
	for _, history := range histories {
		texts := Texts(t, history, true)
		require.NotEmpty(t, texts)
		for _, pattern := range []string{RuleCanary, CoversUser, CoversGroup} {
			require.NotContains(t, texts, pattern, "the connection's rules stay with the worker that serves it")
		}
	}
}

// RequireNoRulesInChildren is RequireNoRules for the children that the runs began.
func RequireNoRulesInChildren(t *testing.T, histories ...*historypb.History) {
	t.Helper()
	for _, history := range histories {
		for _, event := range history.GetEvents() {
			if child := event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution(); child != nil {
				RequireNoRules(t, History(t, Server(t).Client, child.GetWorkflowId(), child.GetRunId()))
			}
		}
	}
}
