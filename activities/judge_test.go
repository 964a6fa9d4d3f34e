package activities_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

// TestJudgedAtTheLookup: the look-up says whether the account may be unlocked, and tells
// approvers only to a run that waits for one of them.
// TestRefusalIsPutOff: a right that is refused for a moment makes no final refusal, at the
// look-up and at the unlock.
func TestRefusalIsPutOff(t *testing.T) {
	t.Parallel()
	demands := activities.Demands{RequestedBy: "soar", Guard: guard.Guard{OnlyReasons: []connectors.Reason{connectors.ReasonFailedSignIn}}}
	account := locked()
	account.State.Unread = []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.PermissionDenied}}
	b := newBench(account)
	_, err := run[activities.LookupResult](b, b.steps.Lookup, activities.LookupInput{Ref: connectors.UserRef{ID: latchkeytest.UserID}, Demands: demands})
	failure, _ := requireFailure(t, err, string(connectors.PermissionDenied))
	require.False(t, failure.NonRetryable())
	in := unlockInput(b, time.Hour)
	in.Demands = demands
	_, err = run[activities.UnlockResult](b, b.steps.Unlock, in)
	failure, details := requireFailure(t, err, string(connectors.PermissionDenied))
	require.False(t, failure.NonRetryable())
	require.Equal(t, connectors.No, details.Sent)
	_, unlocks := b.Calls()
	require.Zero(t, unlocks)
}

func TestJudgedAtTheLookup(t *testing.T) {
	t.Parallel()
	rules := guard.Rules{ProtectedUsers: []string{"canary*"}, ProtectedGroups: []string{"canary*"}, Approvers: []string{"canary-boss"}}
	always := rules
	always.ApprovalFor, always.ApprovalTimeout = []string{guard.ApprovalAlways}, guard.Duration(time.Minute)
	for name, test := range map[string]struct {
		rules    guard.Rules
		demands  activities.Demands
		change   func(*connectors.Account)
		decision guard.Decision
		code     guard.Code
		approval *activities.Approval
	}{
		"nobody has to approve": {rules: rules, demands: activities.Demands{RequestedBy: "soar"}, decision: guard.Unlock},
		"refused":               {rules: always, change: func(a *connectors.Account) { a.State.Suspended = true }, decision: guard.Refuse, code: guard.CodeSuspended},
		"nothing to unlock":     {rules: always, change: func(a *connectors.Account) { a.State.Locks = nil }, decision: guard.AlreadyUnlocked},
		"the guard": {rules: rules, demands: activities.Demands{Guard: guard.Guard{Exclude: []string{latchkeytest.Username}}},
			decision: guard.Refuse, code: guard.CodeExcluded},
		"a rule": {rules: always, demands: activities.Demands{RequestedBy: "soar"}, decision: guard.Unlock,
			approval: &activities.Approval{Cases: []string{guard.ApprovalAlways}, Timeout: guard.Duration(time.Minute), Approvers: []string{"canary-boss"}}},
		"the request": {demands: activities.Demands{RequestedBy: "soar", ApprovalRequired: true}, decision: guard.Unlock,
			approval: &activities.Approval{Cases: []string{guard.ApprovalRequested}}},
		"both": {rules: always, demands: activities.Demands{RequestedBy: "soar", ApprovalRequired: true}, decision: guard.Unlock,
			approval: &activities.Approval{Cases: []string{guard.ApprovalRequested, guard.ApprovalAlways}, Timeout: guard.Duration(time.Minute), Approvers: []string{"canary-boss"}}},
		"a dry run": {rules: always, demands: activities.Demands{RequestedBy: "soar", DryRun: true}, decision: guard.Unlock,
			approval: &activities.Approval{Cases: []string{guard.ApprovalAlways}}},
		"nobody says who asks": {rules: always, demands: activities.Demands{RequestedBy: " "}, decision: guard.Refuse, code: guard.CodeRequesterUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			b.rules = test.rules
			if test.change != nil {
				b.Change(test.change)
			}
			result, err := run[activities.LookupResult](b, b.steps.Lookup, activities.LookupInput{Ref: connectors.UserRef{ID: latchkeytest.UserID}, Demands: test.demands})
			require.NoError(t, err)
			require.Equal(t, test.decision, result.Verdict.Decision)
			require.Equal(t, test.code, result.Verdict.Code)
			require.Equal(t, test.approval, result.Approval)
			if test.approval == nil || test.demands.DryRun {
				encoded, err := json.Marshal(result)
				require.NoError(t, err)
				require.NotContains(t, string(encoded), "canary", "rules stay with the worker")
			}
		})
	}
}

// TestJudgedAfterTheApproval: the look-up that follows an approval, and the unlock, keep to
// what was approved, and hold whoever answered against the rules once more.
func TestJudgedAfterTheApproval(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		by       string
		joined   []string
		request  []string
		change   func(*connectors.Account)
		decision guard.Decision
		code     guard.Code
	}{
		"as approved":                   {by: "boss", decision: guard.Unlock},
		"nobody's name":                 {decision: guard.Refuse, code: guard.CodeApprovalRequired},
		"a name that cannot be seen":    {by: "bo\u200bss", decision: guard.Refuse, code: guard.CodeApprovalRequired},
		"white space around it":         {by: "boss ", decision: guard.Refuse, code: guard.CodeApprovalRequired},
		"whoever asked":                 {by: "SOAR", decision: guard.Refuse, code: guard.CodeApprovalRequired},
		"whoever joined":                {by: "boss", joined: []string{"helper", "b\u043ess"}, decision: guard.Refuse, code: guard.CodeApprovalRequired},
		"the account itself":            {by: latchkeytest.Name, decision: guard.Refuse, code: guard.CodeApprovalRequired},
		"whom the account is named now": {by: "boss", change: func(a *connectors.Account) { a.DisplayName = "Boss" }, decision: guard.Refuse, code: guard.CodeApprovalRequired},
		"whom the connection forbids":   {by: "mallory", decision: guard.Refuse, code: guard.CodeApprovalRequired},
		"whom the request forbids":      {by: "boss", request: []string{"boss2"}, decision: guard.Refuse, code: guard.CodeApprovalRequired},
		"unlocked since":                {by: "boss", change: func(a *connectors.Account) { a.State.Locks = nil }, decision: guard.AlreadyUnlocked},
		"privileged since": {by: "boss", change: func(a *connectors.Account) { a.State.Privileged = connectors.Yes },
			decision: guard.Refuse, code: guard.CodeChangedSinceApproval},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			b.rules = guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}, Approvers: []string{"b*", "soar", "SOAR*", "j*"}}
			demands := activities.Demands{RequestedBy: "soar", Approvers: test.request}
			approved := &activities.Approved{State: b.Account().State, By: test.by, Joined: test.joined}
			if test.change != nil {
				b.Change(test.change)
			}
			looked, err := run[activities.LookupResult](b, b.steps.Lookup, activities.LookupInput{Ref: connectors.UserRef{ID: latchkeytest.UserID}, Demands: demands, Approved: approved})
			require.NoError(t, err)
			require.Equal(t, test.decision, looked.Verdict.Decision, looked.Verdict.Explanation)
			require.Equal(t, test.code, looked.Verdict.Code)
			require.Nil(t, looked.Approval, "it was given")
			in := unlockInput(b, time.Minute)
			in.Demands, in.Approved = demands, approved
			unlocked, err := run[activities.UnlockResult](b, b.steps.Unlock, in)
			require.NoError(t, err)
			require.Equal(t, test.decision, unlocked.Verdict.Decision, unlocked.Verdict.Explanation)
			require.Equal(t, test.code, unlocked.Verdict.Code)
		})
	}
}

// TestSummary: the provider's object of the user is not stored where nobody asks for it.
func TestSummary(t *testing.T) {
	t.Parallel()
	for emit, there := range map[string]bool{"": true, "full": true, activities.EmitSummary: false} {
		t.Run(emit, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			result, err := run[activities.LookupResult](b, b.steps.Lookup, activities.LookupInput{Ref: connectors.UserRef{ID: latchkeytest.UserID}, Emit: emit})
			require.NoError(t, err)
			require.Equal(t, there, result.Account.User != nil)
		})
	}
}
