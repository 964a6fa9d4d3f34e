package cli

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// uncounted is a policy for a namespace that cannot count unlocks.
const uncounted = "maxPerUser: {unlocks: 0}\n"

// file writes a text to a file of the test's own.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// bulk starts a run over all locked users under a policy.
func (c *crowd) bulk(t *testing.T, policy string, args ...string) []string {
	t.Helper()
	return append([]string{"bulk", "start", "--connection", c.name, "--policy", file(t, "policy.yaml", uncounted+policy)}, args...)
}

// held starts a run that holds, and returns its ID.
func (c *crowd) held(t *testing.T) string {
	t.Helper()
	got := c.again().call(t.Context(), c.bulk(t, "minLockedFor: 0s\nhold: {above: 2, window: 2h}", "--detach", "-o", "json")...)
	require.Equal(t, ExitOK, got.code, got.stderr)
	id := read[detachedView](t, got.stdout).WorkflowID
	c.await(t, id, workflows.StateHeld)
	return id
}

// await waits until a run is in a state.
func (c *crowd) await(t *testing.T, id string, state workflows.BulkState) {
	t.Helper()
	until(t, func() outcome { return c.again().call(t.Context(), "bulk", "status", id, "-o", "json") }, func(stdout string) bool {
		progress := read[shownBulk](t, stdout).Progress
		return progress != nil && progress.State == state
	})
}

func TestUnlockFromFile(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-from-file", append(lockedMembers(3), latchkeytest.Member(4))...)
	report := filepath.Join(t.TempDir(), "report.csv")
	list := file(t, "users.csv", "id,login,mail\n"+latchkeytest.MemberID(1)+",,\n,member2,\n,,member3@example.org\n,MEMBER2,\n"+latchkeytest.MemberID(4)+",,\n")
	got := with.call(t.Context(), "bulk", "start", "--connection", with.name, "--from-file", list, "--reason", "INC-1", "--report", report, "-o", "json")
	require.Equal(t, ExitOK, got.code, got.stderr)
	require.Equal(t, []string{
		`latchkey: read 4 users from CSV divided by commas, UTF-8, by user-id (column "id", 2 rows) and username (column "login", 2 rows) and email (column "mail", 1 row), of 3 columns; left out 1 repeated reference`,
		"latchkey: wrote what became of 4 users to " + report}, lines(got.stderr))
	result := read[workflows.BulkResult](t, got.stdout)
	require.Equal(t, workflows.Completed, result.Outcome)
	require.Equal(t, map[string]int{"unlocked": 3, "already_unlocked": 1}, result.Counts)
	require.Equal(t, "operator", result.RequestedBy)
	require.Equal(t, "INC-1", result.RequestReason)
	require.Len(t, with.Unlocked(), 3)

	info, err := os.Stat(report)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5)
	byUser := map[string][]string{}
	for _, cells := range rows[1:] {
		byUser[cells[0]] = cells
	}
	require.Equal(t, []string{latchkeytest.MemberID(2), "member2", "", "unlocked", ""}, byUser[latchkeytest.MemberID(2)][:5])
	require.Equal(t, "already_unlocked", byUser[latchkeytest.MemberID(4)][3])
	left, err := filepath.Glob(filepath.Join(filepath.Dir(report), ".*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestUnlockFromStdin takes the flags over the policy of the file.
func TestUnlockFromStdin(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-from-stdin", lockedMembers(2)...)
	with.env.Stdin = strings.NewReader("member1\nmember2\n")
	got := with.call(t.Context(), "bulk", "start", "--connection", with.name, "--from-file", "-", "--policy", file(t, "p.json", `{"onlyReasons": ["admin"], "maxLockedFor": "10m"}`),
		"--only-reasons", "failed_sign_in,unknown", "--max-locked-for", "3h", "--concurrency", "1", "--dry-run", "--request-id", "cli-from-stdin-1", "--report", filepath.Join(t.TempDir(), "r.json"))
	require.Equal(t, ExitOK, got.code, got.stderr)
	require.Contains(t, got.stdout, "completed: everybody who was found was decided upon")
	require.Contains(t, got.stdout, "dry run       nothing was changed\n")
	require.Contains(t, got.stdout, "│ would_unlock │     2 │")
	require.Contains(t, got.stdout, "latchkey bulk report cli-from-stdin-1")
	require.Empty(t, with.Unlocked())
	again := with.again().call(t.Context(), "bulk", "start", "--connection", with.name, "--request-id", "cli-from-stdin-1")
	require.Equal(t, ExitOtherwise, again.code)
	require.Contains(t, again.stderr, "AlreadyRunning")
}

func TestUnlockFromFileFaults(t *testing.T) {
	t.Parallel()
	list := file(t, "list", "ada\n")
	tests := []struct {
		name string
		args []string
		said []string
	}{
		{"bad lines", []string{"--from-file", file(t, "bad", "{}\n{\"email\":\"a@x\"}\nx\n")}, []string{
			"line 1: names nobody", "line 3: is not one JSON object", "nothing was started"}},
		{"too many", []string{"--from-file", file(t, "many", numbered(workflows.MaxUsers+1))}, []string{"names 5001 users; at most 5000 go in one start: split it", "nothing was started"}},
		{"no such file", []string{"--from-file", "no/such"}, []string{"--from-file: open no/such"}},
		{"a flag of one user", []string{"--from-file", list, "--email", "a@x"}, []string{"unknown flag --email", "For its flags"}},
		{"a flag of a list", []string{"--as", "email"}, []string{"--as says how to read a list: give one with --from-file", "For its flags"}},
		{"a column of no list", []string{"--column", "email=Mail"}, []string{"--column says how to read a list: give one with --from-file", "For its flags"}},
		{"a column that is not there", []string{"--from-file", file(t, "columns.csv", "Kennung,Kontakt\nada,x\n"), "--column", "email=Mail"}, []string{
			`the list has no column "Mail". Its columns are "Kennung", "Kontakt"`, "nothing was started"}},
		{"unknown way", []string{"--from-file", list, "--as", "name"}, []string{"--as must be auto, user-id, username or email", "For its flags"}},
		{"a report of no format", []string{"--from-file", list, "--report", "x.txt"}, []string{"--report must be a file whose name ends in .csv, .json or .jsonl", "For its flags"}},
		{"a report nowhere", []string{"--from-file", list, "--report", "no/such/x.csv"}, []string{"--report: there is no folder no/such: make it first", "For its flags"}},
		{"a report of what is not waited for", []string{"--from-file", list, "--report", "x.csv", "--detach"}, []string{"if any flags in the group [report detach] are set none of the others can be", "For its flags"}},
		{"a policy of no sense", []string{"--from-file", list, "--policy", file(t, "p", "onlyReason: [admin]")}, []string{`onlyReason is no field: did you mean "onlyReasons"?`}},
		{"ages of no sense", []string{"--from-file", list, "--min-locked-for", "2h", "--max-locked-for", "1h"}, []string{"--min-locked-for is longer than the age that a lock may have at most", "For its flags"}},
		{"too many at a time", []string{"--from-file", list, "--concurrency", "101"}, []string{"--concurrency must be between 1 and 100", "For its flags"}},
		{"none at a time", []string{"--from-file", list, "--concurrency", "0"}, []string{"--concurrency must be at least 1", "For its flags"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := run(t, append([]string{"bulk", "start", "--address", nowhere, "--connection", "jc-prod"}, test.args...)...)
			require.Equal(t, ExitUsage, got.code)
			require.Empty(t, got.stdout)
			said := lines(got.stderr)
			require.Len(t, said, len(test.said), got.stderr)
			for i, want := range test.said {
				require.Contains(t, said[i], want)
			}
		})
	}
}

func numbered(n int) string {
	var text strings.Builder
	for i := range n {
		text.WriteString(latchkeytest.MemberID(i) + "\n")
	}
	return text.String()
}

// TestReportOfNoUse: that a report cannot be written does not hide how the run ended.
func TestReportOfNoUse(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-report-of-no-use", lockedMembers(1)...)
	taken := filepath.Join(t.TempDir(), "taken.json")
	require.NoError(t, os.Mkdir(taken, 0o700))
	got := with.call(t.Context(), with.bulk(t, "", "--request-id", "cli-report-1", "--report", taken, "-o", "json")...)
	require.Equal(t, ExitFault, got.code)
	require.Equal(t, map[string]int{"unlocked": 1}, read[workflows.BulkResult](t, got.stdout).Counts)
	require.Contains(t, got.stderr, "latchkey: write the report: ")
	require.Contains(t, got.stderr, "latchkey: write the report again with: latchkey bulk report cli-report-1 --report FILE\n")

	path := filepath.Join(t.TempDir(), "report.json")
	later := with.again().call(t.Context(), "bulk", "report", "cli-report-1", "--report", path)
	require.Equal(t, outcome{stderr: "latchkey: wrote what became of 1 user to " + path + "\n"}, later)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, workflows.Decided("unlocked"), read[[]workflows.Decision](t, string(text))[0].Decision)
	both := with.again().call(t.Context(), "bulk", "report", "cli-report-1", "--report", path, "-o", "csv")
	require.Equal(t, ExitUsage, both.code)
}

// TestBulkStart unlocks all whom the policy allows; failures have an exit code and a table.
func TestBulkStart(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-bulk", append(lockedMembers(3), latchkeytest.Member(4, latchkeytest.PasswordLock()))...)
	with.OnUnlock = func(_ context.Context, id string) error {
		if id == latchkeytest.MemberID(2) {
			return latchkeytest.Fail(connectors.PermissionDenied)
		}
		return nil
	}
	report := filepath.Join(t.TempDir(), "report.jsonl")
	got := with.call(t.Context(), with.bulk(t, "", "--report", report)...)
	require.Equal(t, ExitLocked, got.code, got.stderr)
	require.Contains(t, got.stdout, "│ unlocked │     2 │")
	require.Contains(t, got.stdout, "│ lock_reason      │     1 │")
	require.Contains(t, got.stdout, latchkeytest.MemberID(2)+" │ PermissionDenied │")
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	require.Len(t, lines(string(text)), 4)

	_, id, _ := strings.Cut(got.stdout, "latchkey bulk report ")
	id, _, _ = strings.Cut(id, "\n")
	var decisions []workflows.Decision
	for _, line := range lines(string(text)) {
		decisions = append(decisions, read[workflows.Decision](t, line))
	}
	later := with.again().call(t.Context(), "bulk", "report", id, "-o", "json")
	require.Equal(t, ExitOK, later.code, later.stderr)
	require.Equal(t, decisions, read[[]workflows.Decision](t, later.stdout))
	require.Len(t, lines(with.again().call(t.Context(), "bulk", "report", id).stdout), 5)
	closed := with.again().call(t.Context(), "bulk", "status", id, "-o", "json")
	require.Equal(t, ExitLocked, closed.code)
	require.Equal(t, decisions, read[shownBulk](t, closed.stdout).Result.Decisions)
	require.Contains(t, with.again().call(t.Context(), "bulk", "pause", id).stderr, "Rejected: the run is completed and takes no commands any more; look at it with: latchkey bulk status "+id)
}

func TestBulkHeldThenReleased(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-bulk-released", lockedMembers(3)...)
	id := with.held(t)
	until(t, func() outcome { return with.again().call(t.Context(), "bulk", "status", id) }, having("may be an attack"))
	open := with.again().call(t.Context(), "bulk", "report", id)
	require.Contains(t, open.stderr, "the run is still open")

	watching := with.again()
	watching.env.StderrTerminal = true
	followed := aside(func() outcome { return watching.call(t.Context(), "bulk", "status", id, "--follow", "-o", "json") })
	watching.stderr.await(t, "3 users locked lately; release or abort it with: latchkey bulk release")
	released := with.again().call(t.Context(), "bulk", "release", id, "--reason", "no attack", "-o", "json")
	require.Equal(t, ExitOK, released.code, released.stderr)
	require.Equal(t, "no attack", read[workflows.Progress](t, released.stdout).Interventions[0].RequestReason)
	end := <-followed
	require.Equal(t, ExitOK, end.code, end.stderr)
	view := read[shownBulk](t, end.stdout)
	require.Equal(t, client.StatusCompleted, view.Status)
	require.NotNil(t, view.ClosedAt)
	require.Equal(t, map[string]int{"unlocked": 3}, view.Result.Counts)
	require.Equal(t, "operator", view.Result.Interventions[0].RequestedBy)
}

func TestBulkHeldThenAborted(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-bulk-aborted", lockedMembers(3)...)
	id := with.held(t)
	require.Contains(t, with.again().call(t.Context(), "bulk", "pause", id).stdout, "pause")
	require.Contains(t, with.again().call(t.Context(), "bulk", "resume", id).stdout, "by operator")
	require.Equal(t, ExitOK, with.again().call(t.Context(), "bulk", "abort", id).code)
	end := with.again().call(t.Context(), "bulk", "status", id, "--follow")
	require.Equal(t, ExitRefused, end.code, end.stderr)
	require.Contains(t, end.stdout, "aborted: an operator stopped the run")
	require.Empty(t, with.Unlocked())
}

// TestBulkInterrupted leaves the run going, and shows how far it is on a terminal.
func TestBulkInterrupted(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-bulk-interrupted", lockedMembers(4)...)
	release := make(chan struct{})
	var first sync.Once
	with.OnUnlock = func(ctx context.Context, _ string) error {
		passes := false
		first.Do(func() { passes = true })
		if passes {
			return nil
		}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return latchkeytest.Fail(connectors.Unavailable)
		}
	}
	with.env.StderrTerminal = true
	ctx, interrupt := context.WithCancel(t.Context())
	ended := aside(func() outcome { return with.call(ctx, with.bulk(t, "", "--request-id", "cli-interrupted-1")...) })
	with.stderr.await(t, "(1/4)")
	rejected := with.again().call(t.Context(), "bulk", "release", "cli-interrupted-1")
	require.Equal(t, ExitOtherwise, rejected.code)
	require.Contains(t, rejected.stderr, "latchkey: Rejected: the run does not hold: there is nothing to release")
	interrupt()
	got := <-ended
	require.Equal(t, ExitInterrupted, got.code)
	require.Contains(t, got.stderr, "latchkey: interrupted; the run goes on; look at it with: latchkey bulk status cli-interrupted-1\n")
	require.Contains(t, got.stderr, "/min, ")
	close(release)
	require.Equal(t, ExitOK, with.again().call(t.Context(), "bulk", "status", "cli-interrupted-1", "--follow").code)
	require.Len(t, with.Unlocked(), 4)
}

// TestBulkThatCannotBeKept: a failure of the run itself has the exit code of its type.
func TestBulkThatCannotBeKept(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-bulk-uncounted", lockedMembers(1)...)
	got := with.call(t.Context(), "bulk", "start", "--connection", with.name, "-o", "json")
	require.Equal(t, ExitUnreachable, got.code)
	require.Contains(t, got.stderr, "latchkey: Unsupported: ")
	view := read[failed[workflows.BulkResult]](t, got.stdout)
	require.Equal(t, "Unsupported", view.Failure.Type)
	require.NotNil(t, view.Result)
	closed := with.again().call(t.Context(), "bulk", "status", view.Failure.WorkflowID)
	require.Equal(t, ExitUnreachable, closed.code)
	require.Contains(t, closed.stdout, "Unsupported: ")
}

func TestBulkOfNothing(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-bulk-nothing", lockedUser())
	require.Equal(t, ExitOK, with.unlock(t.Context(), "--user-id", someID).code)
	for _, what := range []string{"status", "report", "pause", "resume", "release", "abort"} {
		for id, said := range map[string]string{
			"no/such": "NotFound: there is no workflow no/such",
			workflows.UnlockID("cli-bulk-nothing", someID): "is a workflow of type UnlockUser, and must be one of type UnlockLockedUsers",
		} {
			got := with.again().call(t.Context(), "bulk", what, id)
			require.Equal(t, ExitNoSuchUser, got.code, what)
			require.Contains(t, got.stderr, said)
		}
		require.Equal(t, ExitUsage, with.again().call(t.Context(), "bulk", what).code)
	}
	unserved := with.again().call(t.Context(), "bulk", "start", "--connection", "cli-bulk-unserved")
	require.Equal(t, ExitUnreachable, unserved.code)
	require.Contains(t, unserved.stderr, "NoWorker")
}

func TestBulkProgressText(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 1, 2, 15, 4, 0, 0, time.UTC)
	for want, progress := range map[string]workflows.Progress{
		"listing (3s)": {State: workflows.StateListing},
		"held until 15:04Z: 60 users locked lately; release or abort it with: latchkey bulk release ID": {State: workflows.StateHeld, HeldUntil: until, Fresh: 60, Found: 70},
		"paused, 3 of 9 done; go on with: latchkey bulk resume ID":                                      {State: workflows.StatePaused, Decided: 3, Found: 9},
		"unlocking  30% [==>.......] (3/10) 6/min, 1m10s left":                                          {State: workflows.StateUnlocking, Decided: 3, Found: 10, Remaining: 7, PerMinute: 6},
		"done 100% [==========] (2/2) 90/min":                                                           {State: workflows.StateDone, Decided: 2, Found: 2, PerMinute: 90},
	} {
		require.Equal(t, want, progressText(&client.View{WorkflowID: "ID", Progress: &progress}, 3*time.Second, began, 70))
	}
}
