package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// viewed awaits that a run shows what is awaited of it.
func viewed(t *testing.T, run *client.Run, awaited func(*client.View) bool) *client.View {
	t.Helper()
	var view *client.View
	require.Eventually(t, func() bool {
		var err error
		view, err = run.View(t.Context())
		return err == nil && awaited(view)
	}, latchkeytest.Patience, 20*time.Millisecond)
	return view
}

func TestViewOfAnUnlock(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	run := d.start(t, d.input())
	open := viewed(t, run, func(view *client.View) bool {
		return len(view.Pending) == 1 && view.Pending[0].Activity == "Unlock" && view.Pending[0].State == client.PendingStarted && view.Step == workflows.StepUnlock
	})
	require.True(t, open.Open())
	require.Equal(t, []string{run.WorkflowID, run.RunID, workflows.UnlockUserName}, []string{open.WorkflowID, open.RunID, open.Type})
	require.Equal(t, client.Pending{Activity: "Unlock", State: client.PendingStarted, Attempt: 1}, open.Pending[0])
	require.Equal(t, workflows.StepUnlock, open.Step)
	require.True(t, open.Result.Unlock.Before.Locked())
	require.Nil(t, open.ClosedAt)

	d.open()
	result, err := d.client.Attach(run.WorkflowID, "").Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, string(workflows.Unlocked), result.Word())
	closed, err := run.View(t.Context())
	require.NoError(t, err)
	require.Equal(t, client.StatusCompleted, closed.Status)
	require.NotNil(t, closed.ClosedAt)
	require.Equal(t, result, closed.Result)
	require.Nil(t, closed.Failure)
}

func TestViewOfAFailure(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.OnUnlock = func(context.Context, int) error { return latchkeytest.Fail(connectors.RejectedByProvider) }
	run := d.start(t, d.input())
	_, err := run.Wait(t.Context())
	failure := requireFailure(t, err, string(connectors.RejectedByProvider))
	view, err := run.View(t.Context())
	require.NoError(t, err)
	require.Equal(t, client.StatusFailed, view.Status)
	require.Equal(t, failure, view.Failure)
	require.Equal(t, failure.SoFar(), view.Result)
	require.Empty(t, view.Result.Word())
}

// TestViewOfNoRunOfLatchkeys: what Temporal knows of another workflow can be seen.
func TestViewOfNoRunOfLatchkeys(t *testing.T) {
	t.Parallel()
	asking := &client.Client{Temporal: latchkeytest.Server(t).Client}
	_, err := asking.Attach("no-such-run", "").View(t.Context())
	require.Contains(t, requireFailure(t, err, string(connectors.NotFound)).Message, "no-such-run in the namespace default")
	other, err := asking.Temporal.ExecuteWorkflow(t.Context(), sdkclient.StartWorkflowOptions{TaskQueue: "nobody"}, "Other")
	require.NoError(t, err)
	run := asking.Attach(other.GetID(), "")
	view, err := run.View(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Other", view.Type)
	require.Empty(t, view.Unknown)
	for _, err := range []error{run.Approve(t.Context(), workflows.Answer{By: "boss"}), commanded(t, run)} {
		require.Contains(t, requireFailure(t, err, string(connectors.NotFound)).Message, "is a workflow of type Other")
	}
	require.NoError(t, asking.Temporal.TerminateWorkflow(t.Context(), other.GetID(), "", "test"))
}

func commanded(t *testing.T, run *client.Run) error {
	t.Helper()
	_, err := run.Command(t.Context(), workflows.AbortUpdate, workflows.Command{RequestedBy: "otto"})
	return err
}

// TestViewOfABulkRun: a run over many users ends as the worst of them did.
func TestViewOfABulkRun(t *testing.T) {
	t.Parallel()
	temporal := latchkeytest.Server(t)
	asking := &client.Client{Temporal: temporal.Client}
	population, name := latchkeytest.NewPopulation(), latchkeytest.ConnectionName()
	population.Add(latchkeytest.Member(1, latchkeytest.PasswordLock()), latchkeytest.Member(2, latchkeytest.PasswordLock()))
	release := make(chan struct{})
	population.OnUnlock = func(ctx context.Context, id string) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		if id == latchkeytest.MemberID(2) {
			return latchkeytest.Fail(connectors.RejectedByProvider)
		}
		return nil
	}
	temporal.Serve(t, latchkeytest.Connection{Name: name, Connector: population})
	run, err := asking.StartBulk(t.Context(), workflows.BulkInput{Connection: name,
		Users: []connectors.UserRef{{ID: latchkeytest.MemberID(1)}, {ID: latchkeytest.MemberID(2)}}})
	require.NoError(t, err)
	open := viewed(t, run, func(view *client.View) bool { return view.Progress != nil && view.Progress.InFlight == 2 })
	require.Equal(t, workflows.UnlockLockedUsersName, open.Type)
	close(release)
	result, err := run.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": 1, "failed": 1}, result.Bulk.Counts)
	require.Equal(t, string(workflows.FailedUser), result.Word())
	closed, err := asking.Attach(run.WorkflowID, "").View(t.Context())
	require.NoError(t, err)
	require.Equal(t, result, closed.Result)
	require.Contains(t, requireFailure(t, commanded(t, run), workflows.TypeRejected).Message, "the run is completed and takes no commands any more")
}

func TestTypeAndClass(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err   error
		kind  string
		class workflows.Class
	}{
		"a failure":   {&client.Failure{Type: workflows.TypeStillLocked}, workflows.TypeStillLocked, workflows.ClassLocked},
		"refused":     {serviceerror.NewPermissionDenied("no", ""), workflows.TypeTemporalUnavailable, workflows.ClassUnavailable},
		"late":        {context.DeadlineExceeded, workflows.TypeTemporalUnavailable, workflows.ClassUnavailable},
		"interrupted": {context.Canceled, workflows.TypeInterrupted, workflows.ClassOpen},
		"unforeseen":  {errors.New("anything"), workflows.TypeInternal, workflows.ClassInternal},
	} {
		require.Equal(t, test.kind, client.TypeOf(test.err), name)
		require.Equal(t, test.class, client.ClassOf(test.err), name)
	}
}
