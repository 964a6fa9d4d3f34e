package cli

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

var update = flag.Bool("update", false, "write the golden files anew")

// requireGolden compares with a file under testdata.
func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

var (
	began    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	lockedAt = began.Add(-time.Hour)
	endsAt   = began.Add(time.Hour)
)

func locked() *connectors.State {
	return &connectors.State{
		Locks: []connectors.Lock{
			{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn, ReasonInferred: true, Since: &lockedAt, Until: &endsAt},
			{Layer: connectors.LayerPassword, Reason: connectors.ReasonAdmin, Permanent: true, Server: "dc1.example.com"},
		},
		PasswordExpired: true, Privileged: connectors.Unknown, CanSignIn: connectors.No,
	}
}

func unlockedResult() *workflows.Result {
	return &workflows.Result{
		Outcome:     workflows.Unlocked,
		Explanation: "the account was locked, and a later read shows no lock",
		Provider:    "pingone", Connection: "ping-eu", UserID: someID,
		Before:         locked(),
		After:          &connectors.State{Locks: []connectors.Lock{}, PasswordExpired: true, Privileged: connectors.Unknown, CanSignIn: connectors.No},
		StillBlockedBy: []string{"password_expired"},
		UnlockSent:     connectors.Yes,
		User: json.RawMessage(`{"username":"ada","account":{"canAuthenticate":true,"lockedAt":null},"big":12345678901234567890123,` +
			`"price":1.10,"empty":null,"blank":"","nulls":{"a":null},"tags":[],"yes":"true","markup":"<b>","evil":"\u001b[31mred\u202e","emoji":"🔑","list":[null,{"a":null,"b":1}],"lines":"one\ntwo"}`),
		Attempts:  workflows.Attempts{Lookup: 1, Unlock: 2, Verify: 3},
		StartedAt: began, FinishedAt: began.Add(1234567 * time.Microsecond),
		RequestReason: "INC-4711", RequestedBy: "operator",
	}
}

func refusedResult() *workflows.Result {
	result := unlockedResult()
	result.Outcome, result.Explanation = workflows.Refused, "the account is suspended"
	result.Refusal = &workflows.Refusal{Code: "suspended"}
	result.Before.Suspended, result.After = true, result.Before
	result.After.Unread = []connectors.Unread{{Layer: connectors.LayerMFA, Server: "dc2.example.com", Kind: connectors.Unavailable}}
	result.StillBlockedBy = []string{"suspended", "password_expired"}
	result.UnlockSent, result.User = connectors.No, nil
	result.Attempts = workflows.Attempts{Lookup: 1}
	return result
}

func TestDrawResult(t *testing.T) {
	t.Parallel()
	nothing := &workflows.Result{Connection: "ping-eu", UnlockSent: connectors.No, Explanation: "connection ping-eu: the provider said 429",
		Attempts: workflows.Attempts{Lookup: 5}, StartedAt: began, FinishedAt: began.Add(15 * time.Minute)}
	tests := []struct {
		name     string
		terminal bool
		result   *workflows.Result
		failure  *failureView
	}{
		{"unlocked.txt", false, unlockedResult(), nil},
		{"unlocked-terminal.txt", true, unlockedResult(), nil},
		{"refused.txt", false, refusedResult(), nil},
		{"rate-limited.txt", false, nothing, &failureView{Type: "RateLimited"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness()
			h.env.StdoutTerminal = test.terminal
			h.env.Width = func() int { return 60 }
			a := &app{env: h.env}
			require.NoError(t, a.drawResult(&client.Run{WorkflowID: "unlock/ping-eu/" + someID}, test.result, test.failure))
			requireGolden(t, test.name, h.stdout.String())
		})
	}
}

// TestDrawRefusals: a server that did not accept the unlock is named.
func TestDrawRefusals(t *testing.T) {
	t.Parallel()
	result := unlockedResult()
	result.RefusedBy = []connectors.Refused{{Server: "dc2", Kind: connectors.Unavailable, Message: "it did not answer"}}
	h := newHarness()
	require.NoError(t, (&app{env: h.env}).drawResult(nil, result, nil))
	require.Contains(t, h.stdout.String(), "refused by    dc2: Unavailable: it did not answer\n")
}

func TestEncodeResult(t *testing.T) {
	t.Parallel()
	for _, output := range []format{formatJSON, formatYAML} {
		h := newHarness()
		a := &app{env: h.env}
		require.NoError(t, a.encode(output, unlockedResult()))
		requireGolden(t, "unlocked."+string(output), h.stdout.String())
	}
}

// TestJSONIsTheResult shows that the JSON reads back as the result, with every digit.
func TestJSONIsTheResult(t *testing.T) {
	t.Parallel()
	h := newHarness()
	a := &app{env: h.env}
	require.NoError(t, a.encode(formatJSON, unlockedResult()))
	var back workflows.Result
	require.NoError(t, json.Unmarshal([]byte(h.stdout.String()), &back))
	want := unlockedResult()
	require.JSONEq(t, string(want.User), string(back.User))
	require.Contains(t, string(back.User), "12345678901234567890123")
	require.Contains(t, string(back.User), "1.10")
	back.User, want.User = nil, nil
	require.Equal(t, want, &back)
}

func TestViewFailure(t *testing.T) {
	t.Parallel()
	result := refusedResult()
	got := viewFailure(&client.Failure{Type: "StillLocked", Message: "still locked", Result: result, WorkflowID: "w", RunID: "r"})
	require.Equal(t, failureView{"StillLocked", "still locked", "w", "r"}, got)
	got = viewFailure(&interruptedError{message: "interrupted", workflowID: "w", runID: "r"})
	require.Equal(t, failureView{"Interrupted", "interrupted", "w", "r"}, got)
}

func TestNoColourWhenSwitchedOff(t *testing.T) {
	t.Parallel()
	h := newHarness()
	h.env.StdoutTerminal, h.env.Colour = true, false
	require.Equal(t, "unlocked", (&app{env: h.env}).coloured("unlocked"))
}

func TestUserRowsOfNoObject(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"", "null", "[]", "1", "{"} {
		require.Empty(t, userRows(json.RawMessage(user)), user)
	}
}

func TestPendingText(t *testing.T) {
	t.Parallel()
	next := began.Add(4 * time.Second)
	failed := &failureView{Type: "RateLimited", Message: "slow down"}
	tests := []struct {
		pending pendingView
		want    string
	}{
		{pendingView{Activity: "Lookup", State: stateStarted, Attempt: 1}, "Lookup, attempt 1"},
		{pendingView{Activity: "Lookup", State: stateScheduled, Attempt: 1}, "Lookup, attempt 1, waiting for a worker"},
		{pendingView{Activity: "Unlock", State: stateScheduled, Attempt: 3, NextAttemptAt: &next, LastFailure: failed}, "Unlock, attempt 3, last RateLimited, next try in 4s"},
		{pendingView{Activity: "Unlock", State: stateScheduled, Attempt: 3, NextAttemptAt: &began, LastFailure: failed}, "Unlock, attempt 3, last RateLimited, waiting for a worker"},
		{pendingView{Activity: "Verify", State: stateScheduled, Attempt: 2, NextAttemptAt: &next, LastFailure: &failureView{Type: "StillLocked"}}, "Verify, attempt 2, next read in 4s"},
		{pendingView{Activity: "Unlock", State: stateStarted, Attempt: 3, LastFailure: failed}, "Unlock, attempt 3, last RateLimited"},
	}
	for _, test := range tests {
		require.Equal(t, test.want, pendingText(test.pending.Activity, test.pending, began))
	}
	view := &runView{Step: workflows.StepLookup, Pending: []pendingView{tests[0].pending}}
	require.Equal(t, "look up, attempt 1 (7s)", progressText(view, 7*time.Second, began))
}
