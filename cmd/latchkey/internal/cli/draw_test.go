package cli

import (
	"encoding/json"
	"errors"
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
		failure  *client.Failure
	}{
		{"unlocked.txt", false, unlockedResult(), nil},
		{"unlocked-terminal.txt", true, unlockedResult(), nil},
		{"refused.txt", false, refusedResult(), nil},
		{"rate-limited.txt", false, nothing, &client.Failure{Type: "RateLimited"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness()
			h.env.StdoutTerminal = test.terminal
			h.env.Width = func() int { return 60 }
			a := &app{env: h.env}
			a.drawResult("unlock/ping-eu/"+someID, client.Result{Unlock: test.result}, test.failure)
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
	(&app{env: h.env}).drawResult("", client.Result{Unlock: result}, nil)
	require.Contains(t, h.stdout.String(), "refused by    dc2: Unavailable: it did not answer\n")
}

// TestDrawEvidence: what the servers kept of failed sign-ins is shown.
func TestDrawEvidence(t *testing.T) {
	t.Parallel()
	result := unlockedResult()
	result.Evidence = []connectors.Evidence{{Server: "dc2", Failures: 4, Times: []time.Time{time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)}}, {Failures: 1}}
	h := newHarness()
	(&app{env: h.env}).drawResult("", client.Result{Unlock: result}, nil)
	require.Regexp(t, `failed sign-ins +4 on dc2, the last at 2026-03-01T09:30:00Z`, h.stdout.String())
	require.Regexp(t, `failed sign-ins +1\n`, h.stdout.String())
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

// TestFailed: stdout says why there is no result, and what was done before.
func TestFailed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want client.Failure
		so   *workflows.Result
	}{
		"a run that failed": {&client.Failure{Type: "StillLocked", Message: "still locked", Result: refusedResult(), WorkflowID: "w", RunID: "r"},
			client.Failure{Type: "StillLocked", Message: "still locked", WorkflowID: "w", RunID: "r"}, refusedResult()},
		"an interruption": {&client.Failure{Type: "Interrupted", Message: "interrupted", WorkflowID: "w", RunID: "r"},
			client.Failure{Type: "Interrupted", Message: "interrupted", WorkflowID: "w", RunID: "r"}, nil},
		"a fault": {errors.New("anything"), client.Failure{Type: "Internal", Message: "anything"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness()
			require.ErrorIs(t, (&app{env: h.env}).failed(formatJSON, test.err), test.err)
			got := read[failed[workflows.Result]](t, h.stdout.String())
			require.Equal(t, test.want, got.Failure)
			require.Equal(t, test.so, got.Result)
		})
	}
}

func TestNoColourWhenSwitchedOff(t *testing.T) {
	t.Parallel()
	h := newHarness()
	h.env.StdoutTerminal, h.env.Colour = true, false
	require.Equal(t, "unlocked", (&app{env: h.env}).painted("unlocked", "unlocked"))
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
	failed := &client.Failure{Type: "RateLimited", Message: "slow down"}
	tests := []struct {
		pending client.Pending
		want    string
	}{
		{client.Pending{Activity: "Lookup", State: client.PendingStarted, Attempt: 1}, "Lookup, attempt 1"},
		{client.Pending{Activity: "Lookup", State: client.PendingScheduled, Attempt: 1}, "Lookup, attempt 1, waiting for a worker"},
		{client.Pending{Activity: "Unlock", State: client.PendingScheduled, Attempt: 3, NextAttemptAt: &next, LastFailure: failed}, "Unlock, attempt 3, last RateLimited, next try in 4s"},
		{client.Pending{Activity: "Unlock", State: client.PendingScheduled, Attempt: 3, NextAttemptAt: &began, LastFailure: failed}, "Unlock, attempt 3, last RateLimited, waiting for a worker"},
		{client.Pending{Activity: "Verify", State: client.PendingScheduled, Attempt: 2, NextAttemptAt: &next, LastFailure: &client.Failure{Type: "StillLocked"}}, "Verify, attempt 2, next read in 4s"},
		{client.Pending{Activity: "Unlock", State: client.PendingStarted, Attempt: 3, LastFailure: failed}, "Unlock, attempt 3, last RateLimited"},
	}
	for _, test := range tests {
		require.Equal(t, test.want, pendingText(test.pending.Activity, test.pending, began))
	}
	view := &client.View{Step: workflows.StepLookup, Pending: []client.Pending{tests[0].pending}}
	require.Equal(t, "look up, attempt 1 (7s)", progressText(view, 7*time.Second, began, 80))
}
