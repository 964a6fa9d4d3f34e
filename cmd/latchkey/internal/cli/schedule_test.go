package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// schedule runs a command over the schedule of the crowd's connection.
func (c *crowd) schedule(t *testing.T, what string, args ...string) outcome {
	t.Helper()
	return c.again().call(t.Context(), append([]string{"schedule", what, "--connection", c.name}, args...)...)
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-schedule", lockedMembers(1)...)
	policy := file(t, "policy.yaml", uncounted+"onlyReasons: [failed_sign_in, unknown]\nhold:\n  window: 2h\n")
	const id = "unlock-locked/cli-schedule"

	missing := with.schedule(t, "update", "--every", "5m")
	require.Equal(t, ExitNoSuchUser, missing.code)
	require.Contains(t, missing.stderr, "there is no schedule "+id+": create it, or give the ID of another")

	created := with.schedule(t, "create", "--every", "15m", "--jitter", "1m", "--policy", policy, "--note", "night", "--paused", "-o", "json")
	require.Equal(t, ExitOK, created.code, created.stderr)
	view := read[client.Schedule](t, created.stdout)
	require.Equal(t, id, view.ID)
	require.Equal(t, "15m", view.Every.String())
	require.Equal(t, "10m", view.CatchUpWindow.String())
	require.Equal(t, "1m", view.Jitter.String())
	require.Equal(t, "UTC", view.TimeZone)
	require.Equal(t, "2h", view.Policy.Hold.Window.String())
	require.Equal(t, 0, view.Policy.MaxPerUser.Unlocks)
	require.True(t, view.Paused)
	require.NotEmpty(t, view.NextRuns)
	require.Empty(t, view.LastRuns)

	again := with.schedule(t, "create", "--every", "15m")
	require.Equal(t, ExitOtherwise, again.code)
	require.Contains(t, again.stderr, "there is a schedule "+id+" already: change that one, or give another ID")
	require.Contains(t, again.stderr, "See: latchkey schedule update")

	updated := with.schedule(t, "update", "--cron", "*/10 6-20 * * 1-5", "--time-zone", "Europe/Berlin", "--paused=false", "--catch-up-window", "1h", "-o", "json")
	require.Equal(t, ExitOK, updated.code, updated.stderr)
	want := view
	want.Every, want.Cron, want.TimeZone, want.Paused, want.CatchUpWindow = 0, "*/10 6-20 * * 1-5", "Europe/Berlin", false, workflows.Duration(time.Hour)
	changed := read[client.Schedule](t, updated.stdout)
	want.NextRuns = changed.NextRuns
	require.Equal(t, want, changed)
	require.Zero(t, changed.NextRuns[0].Minute()%10)

	// What is not given stays: times, policy, note.
	require.Equal(t, ExitOK, with.schedule(t, "update", "--note", "day").code)
	shown := with.schedule(t, "describe")
	require.Equal(t, ExitOK, shown.code)
	require.Contains(t, shown.stdout, "runs        */10 6-20 * * 1-5 (Europe/Berlin)\n")
	require.Contains(t, shown.stdout, "note        day\n")
	require.Contains(t, shown.stdout, "  window: 2h\n")
	require.Contains(t, shown.stdout, "last runs   none\n")

	other := with.again().call(t.Context(), "schedule", "update", "--connection", "other", "--id", id, "--every", "5m")
	require.Equal(t, ExitUsage, other.code)
	require.Contains(t, other.stderr, "is for the connection cli-schedule")

	require.Equal(t, outcome{stdout: "deleted schedule " + id + "\n"}, with.schedule(t, "delete"))
	for _, what := range []string{"describe", "delete"} {
		require.Equal(t, ExitNoSuchUser, with.schedule(t, what).code, what)
	}
}

// TestScheduleRuns: a lock without a date ages from run to run.
func TestScheduleRuns(t *testing.T) {
	t.Parallel()
	undated := connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn}
	with := serveCrowd(t, "cli-schedule-runs", append(lockedMembers(1), latchkeytest.Member(2, undated))...)
	require.Equal(t, ExitOK, with.schedule(t, "create", "--cron", "0 0 1 1 *", "--policy", file(t, "p.yaml", uncounted), "--id", "yearly/cli").code)
	runs := func() []client.ScheduledRun {
		return read[client.Schedule](t, with.schedule(t, "describe", "--id", "yearly/cli", "-o", "json").stdout).LastRuns
	}
	ended := func(number int) *workflows.BulkResult {
		handle := with.server.temporal.ScheduleClient().GetHandle(t.Context(), "yearly/cli")
		require.NoError(t, handle.Trigger(t.Context(), sdkclient.ScheduleTriggerOptions{}))
		require.Eventually(t, func() bool { return len(runs()) == number }, latchkeytest.Patience, 20*time.Millisecond)
		id := runs()[number-1].WorkflowID
		require.Contains(t, id, "unlock-locked/cli-schedule-runs/yearly/cli-")
		got := with.again().call(t.Context(), "bulk", "status", id, "--follow", "-o", "json")
		require.Equal(t, ExitOK, got.code, got.stderr)
		return read[shownBulk](t, got.stdout).Result
	}
	first := ended(1)
	require.Equal(t, "schedule yearly/cli", first.RequestedBy)
	require.Equal(t, map[string]int{"unlocked": 1, "skipped": 1}, first.Counts)
	require.Equal(t, map[string]int{"lock_age_unknown": 1}, first.Codes)
	require.Len(t, first.FirstSeen, 1)
	// The scheduler learns of a run's end a moment later; until then the next is left out.
	require.Eventually(t, func() bool {
		described, err := with.server.temporal.ScheduleClient().GetHandle(t.Context(), "yearly/cli").Describe(t.Context())
		return err == nil && len(described.Info.RunningWorkflows) == 0
	}, latchkeytest.Patience, 20*time.Millisecond)
	second := ended(2)
	require.Equal(t, first.FirstSeen, second.FirstSeen)
	require.NotEqual(t, first.StartedAt, second.StartedAt)
	require.Contains(t, with.schedule(t, "describe", "--id", "yearly/cli").stdout, "latchkey bulk status unlock-locked/cli-schedule-runs/yearly/cli-")
	require.Equal(t, ExitOK, with.schedule(t, "delete", "--id", "yearly/cli", "-o", "json").code)
}

// TestScheduleDryRun decides now and makes nothing, also when the run would hold.
func TestScheduleDryRun(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-schedule-dry", lockedMembers(3)...)
	got := with.schedule(t, "create", "--dry-run", "--policy", file(t, "p.yaml", uncounted), "-o", "json")
	require.Equal(t, ExitOK, got.code, got.stderr)
	require.Equal(t, map[string]int{"would_unlock": 3}, read[workflows.BulkResult](t, got.stdout).Counts)
	holding := with.schedule(t, "create", "--dry-run", "--policy", file(t, "p.yaml", uncounted+"minLockedFor: 0s\nhold: {above: 2, window: 2h}"))
	require.Equal(t, ExitOK, holding.code, holding.stderr)
	require.Contains(t, holding.stdout, "a run that is no dry run would hold, since 3 users were locked lately")
	require.Equal(t, ExitNoSuchUser, with.schedule(t, "describe").code)

	require.Equal(t, ExitOK, with.schedule(t, "create", "--every", "1h", "--paused", "--policy", file(t, "p.yaml", uncounted+"onlyReasons: [admin]")).code)
	stored := with.schedule(t, "update", "--dry-run", "-o", "json")
	require.Equal(t, map[string]int{"skipped": 3}, read[workflows.BulkResult](t, stored.stdout).Counts)
	require.Empty(t, with.Unlocked())
	require.Equal(t, ExitOK, with.schedule(t, "delete").code)
}

func TestScheduleUnserved(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-schedule-other", lockedUser())
	create := func(args ...string) outcome {
		return with.again().call(t.Context(), append([]string{"schedule", "create", "--connection", "cli-schedule-unserved", "--every", "1h", "--paused"}, args...)...)
	}
	require.Equal(t, ExitUnreachable, create().code)
	got := create("--unserved")
	require.Equal(t, ExitOK, got.code, got.stderr)
	require.Contains(t, got.stdout, "policy      the defaults\n")
	require.Equal(t, ExitOK, with.again().call(t.Context(), "schedule", "delete", "--connection", "cli-schedule-unserved").code)
	nonsense := with.again().call(t.Context(), "schedule", "create", "--connection", with.name, "--cron", "61 * * * *")
	require.Equal(t, ExitUsage, nonsense.code)
	require.Contains(t, nonsense.stderr, "Temporal does not take the schedule: ")
}

func TestScheduleFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		said string
	}{
		{"no times", nil, "at least one of the flags in the group [every cron dry-run] is required"},
		{"both times", []string{"--every", "5m", "--cron", "* * * * *"}, "if any flags in the group [every cron] are set none of the others can be; [cron every] were all set"},
		{"too often", []string{"--every", "5s"}, "--every must be at least 1m"},
		{"no cron", []string{"--cron", " "}, "--cron is empty"},
		{"cron with a zone", []string{"--cron", "TZ=UTC * * * * *"}, "--cron must not hold a time zone: give it as the time zone"},
		{"cron with a comment", []string{"--cron", "* * * * * # x"}, "--cron must not hold a comment: give it as the note"},
		{"an interval as cron", []string{"--cron", "@every 5m"}, "--cron must be fields: give an interval instead"},
		{"unknown zone", []string{"--cron", "* * * * *", "--time-zone", "Europe/Atlantis"}, "--time-zone is not known: give a name such as Europe/Berlin or UTC"},
		{"the machine's zone", []string{"--cron", "* * * * *", "--time-zone", "Local"}, "--time-zone is not known"},
		{"a zone of an interval", []string{"--every", "5m", "--time-zone", "Europe/Berlin"}, "--time-zone goes with cron: an interval has none"},
		{"no catching up", []string{"--every", "5m", "--catch-up-window", "1s"}, "--catch-up-window must be at least 10s"},
		{"no ID", []string{"--every", "5m", "--id", "a\n"}, "--id must be 1 to 200 printable characters"},
		{"capitals", []string{"--every", "5m", "--connection", "JC"}, "--connection must be 1 to 63"},
		{"unknown key", []string{"--every", "5m", "--policy", file(t, "p", "hold:\n  abov: 5\n")}, `hold.abov is no field: did you mean "above"?`},
		{"key twice", []string{"--every", "5m", "--policy", file(t, "p", "maxPerRun: 5\nmaxPerRun: 6\n")}, `mapping key "maxPerRun" already defined at line 1`},
		{"wrong type", []string{"--every", "5m", "--policy", file(t, "p", "maxPerRun: many\n")}, "maxPerRun has the wrong type: it must be a whole number"},
		{"no duration", []string{"--every", "5m", "--policy", file(t, "p", "minLockedFor: 15\n")}, `minLockedFor must be a duration such as "90s", "15m" or "30d"`},
		{"nonsense", []string{"--every", "5m", "--policy", file(t, "p", "minLockedFor: 2h\nmaxLockedFor: 1h\n")}, "no lock can pass"},
		{"no YAML", []string{"--every", "5m", "--policy", file(t, "p", "a: [")}, "yaml: "},
		{"an empty policy", []string{"--every", "5m", "--policy", file(t, "p", "# nothing\n")}, "the file is empty: a policy of nothing but defaults is written {}"},
		{"two policies", []string{"--every", "5m", "--policy", file(t, "p", "{}\n---\n{}\n")}, "the file holds more than one document"},
		{"a key that is no text", []string{"--every", "5m", "--policy", file(t, "p", "1: 2\n")}, "the file holds a key that is not a string"},
		{"a list", []string{"--every", "5m", "--policy", file(t, "p", "- 1\n")}, "must be one JSON object"},
		{"no policy", []string{"--every", "5m", "--policy", "no/such"}, "--policy: open no/such"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := run(t, append([]string{"schedule", "create", "--address", nowhere, "--connection", "jc-prod"}, test.args...)...)
			require.Equal(t, ExitUsage, got.code)
			require.Contains(t, got.stderr, test.said)
			require.Empty(t, got.stdout)
		})
	}
}
