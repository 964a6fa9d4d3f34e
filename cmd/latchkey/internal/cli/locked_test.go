package cli

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// crowd is a provider with many accounts behind a connection that is served.
type crowd struct {
	*tenant
	*latchkeytest.Population
}

func serveCrowd(t *testing.T, name string, members ...*connectors.Account) *crowd {
	t.Helper()
	population := latchkeytest.NewPopulation()
	population.Add(members...)
	return &crowd{tenant: serveConnector(t, name, population), Population: population}
}

// lockedMembers returns n members that failed sign-ins locked an hour ago.
func lockedMembers(n int) []*connectors.Account {
	members := make([]*connectors.Account, n)
	for i := range members {
		members[i] = latchkeytest.Member(i+1, latchkeytest.FailedSignIns(time.Now()))
	}
	return members
}

// mixedCrowd has two locked members of three; the name of one is a formula.
func mixedCrowd(t *testing.T, name string) *crowd {
	t.Helper()
	formula := latchkeytest.Member(2, latchkeytest.PasswordLock(), connectors.Lock{Layer: connectors.LayerMFA, Reason: connectors.ReasonUnknown})
	formula.Username, formula.State.Suspended = "=cmd|'/C calc'!A0\x1b", true
	with := serveCrowd(t, name, append(lockedMembers(1), formula, latchkeytest.Member(3))...)
	with.PageSize = 1
	return with
}

func TestLocked(t *testing.T) {
	t.Parallel()
	with := mixedCrowd(t, "cli-locked")
	tests := []struct {
		name string
		args []string
		ids  []string
		said string
	}{
		{"all", nil, []string{latchkeytest.MemberID(1), latchkeytest.MemberID(2)}, "latchkey: 2 locked users (6 were read)\n"},
		{"by reason", []string{"--reason", "failed_sign_in"}, []string{latchkeytest.MemberID(1)}, "latchkey: 1 of 2 locked users shown (6 were read)\n"},
		{"by age", []string{"--min-age", "2h"}, []string{}, "latchkey: 0 of 2 locked users shown (6 were read)\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := with.again().call(t.Context(), append([]string{"locked", "--connection", with.name, "-o", "json"}, test.args...)...)
			require.Equal(t, ExitOK, got.code, got.stderr)
			require.Equal(t, test.said, got.stderr)
			ids := []string{}
			for _, account := range read[[]connectors.Account](t, got.stdout) {
				ids = append(ids, account.ID)
			}
			require.Equal(t, test.ids, ids)
		})
	}
}

func TestLockedFormats(t *testing.T) {
	t.Parallel()
	with := mixedCrowd(t, "cli-locked-formats")
	list := func(as string) outcome {
		got := with.again().call(t.Context(), "locked", "--connection", with.name, "-o", as)
		require.Equal(t, ExitOK, got.code, got.stderr)
		return got
	}
	rows, err := csv.NewReader(strings.NewReader(list("csv").stdout)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, "userId", rows[0][0])
	require.Equal(t, []string{latchkeytest.MemberID(2), `'=cmd|'/C calc'!A0\u001b`, "member2@example.org", "", "password; mfa", "admin; unknown", "; ", "; ",
		"yes; no", "no", "yes", "no", "no"}, rows[2])

	var accounts []map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(list("yaml").stdout), &accounts))
	require.Len(t, accounts, 2)

	drawn := list("table").stdout
	require.Contains(t, drawn, "account: failed_sign_in, since ")
	require.Contains(t, drawn, "password: admin, permanent")
	require.Contains(t, drawn, "suspended")
	require.NotContains(t, drawn, "\x1b")
}

func TestNobodyLocked(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-locked-nobody", latchkeytest.Member(1))
	for as, want := range map[string]string{"json": "[]\n", "yaml": "[]\n", "table": ""} {
		got := with.again().call(t.Context(), "locked", "--connection", with.name, "-o", as)
		require.Equal(t, outcome{code: ExitOK, stdout: want, stderr: "latchkey: 0 locked users (1 was read)\n"}, got)
	}
	require.Len(t, lines(with.again().call(t.Context(), "locked", "--connection", with.name, "-o", "csv").stdout), 1)
}

// TestAListThatIsNotWhole: whoever reads only the list and the exit code does not take it for
// whole.
func TestAListThatIsNotWhole(t *testing.T) {
	t.Parallel()
	with := mixedCrowd(t, "cli-not-whole")
	with.Missing = func(after string) connectors.Missing {
		if after == "" {
			return connectors.Missing{Rows: 2, UserIDs: []string{latchkeytest.MemberID(9)}}
		}
		return connectors.Missing{Servers: []connectors.MissingServer{{Server: "dc2", Kind: connectors.Unavailable}}}
	}
	const says = "2 accounts could not be read, the server dc2 could not be asked (Unavailable); known of them: "
	got := with.call(t.Context(), "locked", "--connection", with.name, "-o", "json")
	require.Equal(t, ExitIncomplete, got.code)
	require.Len(t, read[[]connectors.Account](t, got.stdout), 2)
	require.Equal(t, []string{"latchkey: 2 locked users (6 were read)",
		"latchkey: the list is incomplete, and others may be locked: " + says + latchkeytest.MemberID(9)}, lines(got.stderr))

	id := "cli-not-whole-1"
	bulk := with.again().call(t.Context(), with.bulk(t, "minLockedFor: 0s\nhold: {above: 1, window: 1m}", "--request-id", id, "--detach")...)
	require.Equal(t, ExitOK, bulk.code, bulk.stderr)
	with.await(t, id, workflows.StateHeld)
	require.Contains(t, with.again().call(t.Context(), "bulk", "status", id).stdout, says)
	require.Equal(t, ExitOK, with.again().call(t.Context(), "bulk", "release", id).code)
	end := with.again().call(t.Context(), "bulk", "status", id, "--follow")
	require.Equal(t, ExitIncomplete, end.code, end.stderr)
	require.Contains(t, end.stdout, "incomplete: everybody who was found was decided upon; the list was not whole")
	require.Contains(t, end.stdout, says)
}

func TestLockedProgress(t *testing.T) {
	t.Parallel()
	with := mixedCrowd(t, "cli-locked-progress")
	with.env.StderrTerminal = true
	got := with.call(t.Context(), "locked", "--connection", with.name)
	require.Contains(t, got.stderr, "listing who is locked at cli-locked-progress (1 so far, 3 read)")
	require.NotContains(t, got.stdout, "listing")
}

func TestLockedFailures(t *testing.T) {
	t.Parallel()
	cannot := serve(t, "cli-locked-cannot", lockedUser())
	tests := []struct {
		name string
		args []string
		code int
		said string
	}{
		{"no connection", nil, ExitUsage, `required flag(s) "connection" not set`},
		{"unknown reason", []string{"--connection", "a", "--reason", "x"}, ExitUsage, "--reason holds an unknown word: use failed_sign_in, admin, expired, unknown"},
		{"capitals", []string{"--connection", "A"}, ExitUsage, "--connection must be 1 to 63"},
		{"unserved", []string{"--connection", "cli-locked-unserved"}, ExitUnreachable, "NoWorker"},
		{"a provider that cannot", []string{"--connection", cannot.name}, ExitUnreachable, "Unsupported"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := cannot.again().call(t.Context(), append([]string{"locked"}, test.args...)...)
			require.Equal(t, test.code, got.code)
			require.Contains(t, got.stderr, test.said)
			require.Empty(t, got.stdout)
		})
	}
}

func TestSafeCell(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": "", "ada": "ada", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": `'\tx`, "a=b": "a=b", "a\nb": `a\nb`,
	} {
		require.Equal(t, want, safeCell(cell))
	}
}
