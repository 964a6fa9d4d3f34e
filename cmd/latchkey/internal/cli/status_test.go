package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

func TestStatusOfOpenAndClosed(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-status", lockedUser().slow())
	detached := with.unlock(t.Context(), "--user-id", someID, "--detach", "-o", "json")
	require.Equal(t, ExitOK, detached.code)
	run := read[detachedView](t, detached.stdout)
	require.Equal(t, workflows.UnlockID("cli-status", someID), run.WorkflowID)
	require.NotEmpty(t, run.RunID)
	require.False(t, run.Joined)
	<-with.provider.entered

	open := until(t, func() outcome { return with.again().status(t.Context(), run.WorkflowID, "-o", "json") }, having(`"step": `))
	view := read[shownUnlock](t, open.stdout)
	require.Equal(t, client.StatusRunning, view.Status)
	require.Equal(t, workflows.StepLookup, view.Step)
	require.Len(t, view.Pending, 1)
	require.Equal(t, client.Pending{Activity: "Lookup", State: client.PendingStarted, Attempt: 1}, view.Pending[0])
	require.Contains(t, with.again().status(t.Context(), run.WorkflowID).stdout, "under way  Lookup, attempt 1\n")

	with.provider.release()
	closed := with.again().status(t.Context(), run.WorkflowID, "--run-id", run.RunID, "--follow")
	require.Equal(t, ExitOK, closed.code)
	require.Contains(t, closed.stdout, "status    completed\n")
	require.Contains(t, closed.stdout, "\nunlocked: ")
}

func TestDetachedInATable(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-detached", lockedUser())
	got := with.unlock(t.Context(), "--user-id", someID, "--detach")
	require.Equal(t, ExitOK, got.code)
	require.Contains(t, got.stdout, "workflow    "+workflows.UnlockID("cli-detached", someID)+"\n")
	require.Contains(t, got.stdout, "latchkey status unlock/")
}

func TestStatusOfRetried(t *testing.T) {
	t.Parallel()
	with := lockedUser()
	with.lookupError = &connectors.Error{Kind: connectors.RateLimited, Provider: "fake", Operation: "look up",
		Status: 429, Message: "too many requests", RetryAfter: time.Hour}
	tenant := serve(t, "cli-retried", with)
	id := workflows.UnlockID("cli-retried", someID)
	require.Equal(t, ExitOK, tenant.unlock(t.Context(), "--user-id", someID, "--timeout", "3h", "--detach").code)
	var view shownUnlock
	until(t, func() outcome { return tenant.again().status(t.Context(), id, "-o", "json") }, func(stdout string) bool {
		view = read[shownUnlock](t, stdout)
		return len(view.Pending) == 1 && view.Pending[0].Attempt == 2
	})
	require.Equal(t, "RateLimited", view.Pending[0].LastFailure.Type)
	require.WithinDuration(t, time.Now().Add(time.Hour), *view.Pending[0].NextAttemptAt, time.Minute)
	shown := tenant.again().status(t.Context(), id)
	require.Contains(t, shown.stdout, "Lookup, attempt 2, last RateLimited, next try in ")
	require.Contains(t, shown.stdout, "too many requests")

	require.NoError(t, tenant.server.temporal.CancelWorkflow(t.Context(), id, ""))
	ended := tenant.again().status(t.Context(), id, "--follow", "-o", "json")
	require.Equal(t, ExitOtherwise, ended.code)
	require.Equal(t, "Cancelled", read[shownUnlock](t, ended.stdout).Failure.Type)
	require.NotNil(t, read[shownUnlock](t, ended.stdout).Result)
}

func TestStatusOfRefused(t *testing.T) {
	t.Parallel()
	with := lockedUser()
	with.account.State.Disabled = true
	tenant := serve(t, "cli-status-refused", with)
	require.Equal(t, ExitRefused, tenant.unlock(t.Context(), "--user-id", someID).code)
	got := tenant.again().status(t.Context(), workflows.UnlockID("cli-status-refused", someID))
	require.Equal(t, ExitRefused, got.code)
	require.Contains(t, got.stdout, "refusal       disabled\n")
	require.Empty(t, got.stderr)
}

func TestStatusOfNothing(t *testing.T) {
	t.Parallel()
	tenant := serve(t, "cli-status-nothing", lockedUser())
	got := tenant.status(t.Context(), "unlock/no/such")
	require.Equal(t, ExitNoSuchUser, got.code)
	require.Contains(t, got.stderr, "latchkey: NotFound: there is no workflow unlock/no/such in the namespace default")
	require.Empty(t, got.stdout)
}

// TestStatusWithoutWorker looks at runs that nobody serves.
func TestStatusWithoutWorker(t *testing.T) {
	t.Parallel()
	tenant := serve(t, "cli-status-unserved", lockedUser())
	for id, kind := range map[string]string{"cli/unserved": workflows.UnlockUserName, "cli/other": "Other"} {
		_, err := tenant.server.temporal.ExecuteWorkflow(t.Context(), sdkclient.StartWorkflowOptions{ID: id, TaskQueue: "cli-nobody"},
			kind, workflows.Input{Connection: tenant.name, UserID: someID})
		require.NoError(t, err)
	}
	got := tenant.status(t.Context(), "cli/unserved")
	require.Equal(t, ExitOK, got.code)
	require.Contains(t, got.stdout, "no worker answered: check that one is running")

	got = tenant.again().status(t.Context(), "cli/other")
	require.Equal(t, ExitNoSuchUser, got.code)
	require.Contains(t, got.stderr, "cli/other is a workflow of type Other")

	require.NoError(t, tenant.server.temporal.TerminateWorkflow(t.Context(), "cli/unserved", "", "test"))
	got = tenant.again().status(t.Context(), "cli/unserved")
	require.Equal(t, ExitOtherwise, got.code)
	require.Contains(t, got.stderr, "latchkey: Terminated: ")
}
