package cli

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

func TestUnlock(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(*provider)
		args    []string
		code    int
		outcome workflows.Outcome
	}{
		{"cli-by-id", nil, []string{"--user-id", someID}, ExitOK, workflows.Unlocked},
		{"cli-by-email", nil, []string{"--email", "ada@example.com"}, ExitOK, workflows.Unlocked},
		{"cli-dry-run", nil, []string{"--user-id", someID, "--dry-run"}, ExitOK, workflows.WouldUnlock},
		{"cli-already", func(p *provider) { p.account.State.Locks = nil }, []string{"--user-id", someID}, ExitOK, workflows.AlreadyUnlocked},
		{"cli-suspended", func(p *provider) { p.account.State.Suspended = true }, []string{"--user-id", someID}, ExitRefused, workflows.Refused},
		{"cli-guarded", nil, []string{"--user-id", someID, "--only-reasons", "admin"}, ExitRefused, workflows.Refused},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			with := lockedUser()
			if test.change != nil {
				test.change(with)
			}
			got := serve(t, test.name, with).unlock(t.Context(), append(test.args, "--reason", "INC-1", "-o", "json")...)
			require.Empty(t, got.stderr)
			require.Equal(t, test.code, got.code)
			result := read[workflows.Result](t, got.stdout)
			require.Equal(t, test.outcome, result.Outcome)
			require.Equal(t, "operator", result.RequestedBy)
			require.Equal(t, "INC-1", result.RequestReason)
			require.JSONEq(t, `{"username":"ada","big":12345678901234567890,"empty":null}`, string(result.User))
		})
	}
}

func TestUnlockInATable(t *testing.T) {
	t.Parallel()
	got := serve(t, "cli-table", lockedUser()).unlock(t.Context(), "--user-id", someID)
	require.Equal(t, ExitOK, got.code)
	require.Empty(t, got.stderr)
	require.Contains(t, got.stdout, "unlocked: the account was locked, and a later read shows no lock\n")
	require.Contains(t, got.stdout, "locks before  account: failed_sign_in\n")
	require.Contains(t, got.stdout, "  big       12345678901234567890\n")
	require.NotContains(t, got.stdout, "\x1b")
}

func TestUnlockSummary(t *testing.T) {
	t.Parallel()
	got := serve(t, "cli-summary", lockedUser()).unlock(t.Context(), "--user-id", someID, "--summary", "-o", "json")
	require.Equal(t, ExitOK, got.code)
	require.NotContains(t, got.stdout, `"user"`)
}

func TestUnlockFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*provider)
		args   []string
		code   int
		kind   string
	}{
		{"cli-not-found", nil, []string{"--username", "nobody"}, ExitNoSuchUser, "NotFound"},
		{"cli-rate-limited", func(p *provider) {
			p.lookupError = &connectors.Error{Kind: connectors.RateLimited, Provider: "fake", Operation: "look up", Status: 429, Message: "too many requests",
				RetryAfter: time.Hour} // Longer than there is time: the run fails at once.
		}, []string{"--user-id", someID, "--timeout", "30s"}, ExitUnreachable, "RateLimited"},
		{"cli-still-locked", func(p *provider) { p.deaf = true }, []string{"--user-id", someID, "--timeout", "20s"}, ExitLocked, "StillLocked"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			with := lockedUser()
			if test.change != nil {
				test.change(with)
			}
			got := serve(t, test.name, with).unlock(t.Context(), append(test.args, "-o", "json")...)
			require.Equal(t, test.code, got.code, got.stderr)
			require.Len(t, lines(got.stderr), 1)
			require.Contains(t, got.stderr, "latchkey: "+test.kind+": ")
			view := read[failed[workflows.Result]](t, got.stdout)
			require.Equal(t, test.kind, view.Failure.Type)
			require.Contains(t, view.Failure.WorkflowID, "unlock/"+test.name+"/")
			require.NotNil(t, view.Result)
			require.Empty(t, view.Result.Outcome)
		})
	}
}

func TestNoWorker(t *testing.T) {
	t.Parallel()
	server := shared(t)
	began := time.Now()
	nobody := &tenant{harness: newHarness(), server: server, name: "cli-nobody"}
	got := nobody.unlock(t.Context(), "--user-id", someID, "-o", "json")
	soon(t, began)
	require.Equal(t, ExitUnreachable, got.code)
	require.Contains(t, got.stderr, `latchkey: NoWorker: no worker serves the connection "cli-nobody"`)
	require.Contains(t, got.stdout, `"result": null`)
	_, err := server.temporal.DescribeWorkflowExecution(t.Context(), workflows.UnlockID("cli-nobody", someID), "")
	var missing *serviceerror.NotFound
	require.ErrorAs(t, err, &missing)
}

func TestNamespaceThatDoesNotExist(t *testing.T) {
	t.Parallel()
	got := serve(t, "cli-namespace", lockedUser()).unlock(t.Context(), "--user-id", someID, "--namespace", "nowhere")
	require.Equal(t, ExitUnreachable, got.code)
	require.Contains(t, got.stderr, "(namespace nowhere)")
	require.Len(t, lines(got.stderr), 1)
}

func TestJoinedAndInTheWay(t *testing.T) {
	t.Parallel()
	first := serve(t, "cli-joined", lockedUser().slow())
	id := workflows.UnlockID("cli-joined", someID)
	one := aside(func() outcome { return first.unlock(t.Context(), "--user-id", someID, "-o", "json") })
	<-first.provider.entered

	other := first.again().unlock(t.Context(), "--user-id", someID, "--even-if-unlocked", "-o", "json")
	require.Equal(t, ExitOtherwise, other.code)
	require.Equal(t, "AlreadyRunning", read[failed[workflows.Result]](t, other.stdout).Failure.Type)
	require.Equal(t, id, read[failed[workflows.Result]](t, other.stdout).Failure.WorkflowID)

	second := first.again()
	two := aside(func() outcome {
		return second.unlock(t.Context(), "--user-id", someID, "--requested-by", "the help desk", "-o", "json")
	})
	second.stderr.await(t, "latchkey: joined the run that another request started: "+id+"\n")
	until(t, func() outcome { return first.again().status(t.Context(), id) }, having("joined by  1 more\n"))
	first.provider.release()
	for _, done := range []<-chan outcome{one, two} {
		got := <-done
		require.Equal(t, ExitOK, got.code, got.stderr)
		require.Equal(t, workflows.Unlocked, read[workflows.Result](t, got.stdout).Outcome)
	}
	require.Equal(t, 1, first.provider.unlocks)
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-request", lockedUser())
	args := []string{"--email", "ada@example.com", "--request-id", "INC-4712", "-o", "json"}
	first := with.unlock(t.Context(), args...)
	require.Equal(t, ExitOK, first.code)
	second := with.again().unlock(t.Context(), args...)
	require.Equal(t, ExitOK, second.code)
	require.Equal(t, first.stdout, second.stdout)
	other := with.again().unlock(t.Context(), append(args, "--dry-run")...)
	require.Equal(t, ExitOtherwise, other.code)
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-interrupted", lockedUser().slow())
	id := workflows.UnlockID("cli-interrupted", someID)
	ctx, interrupt := context.WithCancel(t.Context())
	done := aside(func() outcome { return with.unlock(ctx, "--user-id", someID, "-o", "json") })
	<-with.provider.entered
	interrupt()
	got := <-done
	require.Equal(t, ExitInterrupted, got.code)
	require.Equal(t, "latchkey: interrupted; the unlock goes on; look at it with: latchkey status "+id+"\n", got.stderr)
	require.Equal(t, id, read[failed[workflows.Result]](t, got.stdout).Failure.WorkflowID)

	with.provider.release()
	followed := with.again().status(t.Context(), id, "--follow", "-o", "json")
	require.Equal(t, ExitOK, followed.code)
	require.Equal(t, workflows.Unlocked, read[shownUnlock](t, followed.stdout).Result.Outcome)
}

func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-progress", lockedUser().slow())
	with.env.StderrTerminal = true
	done := aside(func() outcome { return with.unlock(t.Context(), "--user-id", someID, "-o", "json") })
	with.stderr.await(t, clearLine+"look up, attempt 1 (")
	with.provider.release()
	got := <-done
	require.Equal(t, ExitOK, got.code)
	require.True(t, json.Valid([]byte(got.stdout)))
	require.Regexp(t, `\r\x1b\[K$`, got.stderr)
}

// TestUnlockArgument: a user without a flag is what it looks like.
func TestUnlockArgument(t *testing.T) {
	t.Parallel()
	with := serveCrowd(t, "cli-argument", lockedMembers(3)...)
	for member, reference := range map[int]string{1: latchkeytest.MemberID(1), 2: "member2", 3: "member3@example.org"} {
		got := with.again().call(t.Context(), "unlock", reference, "--connection", with.name, "-o", "json")
		require.Equal(t, ExitOK, got.code, got.stderr)
		require.Equal(t, latchkeytest.MemberID(member), read[workflows.Result](t, got.stdout).UserID)
	}
	require.Len(t, with.Unlocked(), 3)
}
