package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestScenes: the demonstration shows all that it is to show.
func TestScenes(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, each := range scenes() {
		shown[each.connection] = true
		shown["by "+string(each.by)] = true
		shown[string(each.expect)] = true
		shown[each.title] = true
		shown["throttled"] = shown["throttled"] || each.minAttemptsToUnlock > 1
	}
	for _, what := range []string{dev.JumpCloud, dev.PingOne, "by ID", "by email", "unlocked", "already_unlocked", "refused",
		"Locked by failed sign-ins", "Locked by an administrator", "Kept out, then locked", "by username", "throttled"} {
		require.True(t, shown[what], what)
	}
}

func TestDemoJSON(t *testing.T) {
	t.Parallel()
	left := run(t.Context(), "demo", "-o", "json")
	require.NoError(t, left.err)
	require.Empty(t, left.stderr.String())
	results := parse[[]workflows.Result](t, left.stdout.String())
	require.Len(t, results, len(scenes()))
	for i, expected := range scenes() {
		result := results[i]
		require.Equal(t, expected.expect, result.Outcome, expected.title)
		require.Equal(t, expected.connection, result.Connection)
		require.Equal(t, expected.refusal != "", result.Refusal != nil)
		require.GreaterOrEqual(t, result.Attempts.Unlock, expected.minAttemptsToUnlock)
		require.Equal(t, "demo", result.RequestedBy)
		require.NotEmpty(t, result.UserID)
		require.Contains(t, string(result.User), expected.last)
	}
}

func TestDemoTable(t *testing.T) {
	t.Parallel()
	left := run(t.Context(), "demo")
	require.NoError(t, left.err)
	require.Empty(t, left.stderr.String())
	shown := left.stdout.String()
	require.Equal(t, len(scenes()), strings.Count(shown, " as expected "), shown)
	require.Contains(t, shown, fmt.Sprintf("All %d outcomes are as expected. Each unlocked user then signed in with the right password.", len(scenes())))
	require.NotContains(t, shown, "\x1b", "no colours where there is no terminal")
	for _, word := range []string{"unlocked", "already_unlocked", "refused: suspended", "refused: disabled", "Provider throttles first"} {
		require.Contains(t, shown, word)
	}
	parts := strings.Split(shown, "\n\n")
	user := parse[map[string]any](t, parts[1])
	require.Equal(t, "ada.lovelace", user["username"])
	require.Contains(t, user, "account_locked")
}

// TestDemoFails: an outcome that is not the expected one fails the command, in both forms.
func TestDemoFails(t *testing.T) {
	t.Parallel()
	play := []scene{
		{title: "Right", connection: dev.PingOne, first: "mary", last: "jackson", prepare: steps(failSignIns), by: byID, expect: workflows.Unlocked, signsIn: true},
		{title: "Another outcome", connection: dev.JumpCloud, first: "ada", last: "lovelace", by: byEmail, expect: workflows.Unlocked, signsIn: true},
		{title: "Another refusal", connection: dev.JumpCloud, first: "joan", last: "clarke", prepare: steps(act("suspend"), act("lock")),
			by: byUsername, expect: workflows.Refused, refusal: "disabled", signsIn: true, minAttemptsToUnlock: 1},
	}
	for _, form := range []string{"table", "json"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			left := &outcome{}
			command := newDemoCommand(&left.stdout, play)
			command.SetArgs([]string{"-o", form})
			command.SilenceErrors, command.SilenceUsage = true, true
			require.EqualError(t, command.ExecuteContext(t.Context()), "2 of 3 outcomes are not the expected ones")
			if form == "json" {
				require.Len(t, parse[[]workflows.Result](t, left.stdout.String()), len(play))
				return
			}
			require.Contains(t, left.stdout.String(), "2 of 3 outcomes are NOT as expected.")
			require.Contains(t, left.stdout.String(), "expected unlocked")
			require.Contains(t, left.stdout.String(), "expected the refusal disabled; expected 1 attempts to unlock; expected sign-in: true")
		})
	}
}

// TestDemoRunFails: a run that fails is told with the scene that it belongs to.
func TestDemoRunFails(t *testing.T) {
	t.Parallel()
	left := &outcome{}
	command := newDemoCommand(&left.stdout, []scene{{title: "Nobody", connection: dev.JumpCloud, first: "ada", last: "lovelace", by: byID,
		prepare: steps(func(p *person) error { p.ID = "600000000000000000000fff"; return nil })}})
	command.SetArgs([]string{})
	command.SilenceErrors, command.SilenceUsage = true, true
	require.ErrorContains(t, command.ExecuteContext(t.Context()), "Nobody at jumpcloud: NotFound: ")
	require.Empty(t, left.stdout.String())
}
