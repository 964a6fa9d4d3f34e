package client_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

func approval(in *workflows.Input) {
	in.RequestReason = "INC-1"
	in.Approval = workflows.Approval{Required: true, Timeout: workflows.Duration(time.Hour)}
}

// waiting lists what waits at the desk's connection.
func (d *desk) waiting(t *testing.T) []client.Waiting {
	t.Helper()
	var all []client.Waiting
	require.NoError(t, d.client.Awaiting(t.Context(), d.name, func(page []client.Waiting) error {
		all = append(all, page...)
		return nil
	}))
	return all
}

// awaited starts an unlock that waits for an approval, and returns it as it is listed.
func (d *desk) awaited(t *testing.T) (*client.Run, client.Waiting) {
	t.Helper()
	run := d.start(t, d.input(approval))
	var listed []client.Waiting
	require.Eventually(t, func() bool {
		listed = d.waiting(t)
		return len(listed) == 1 && listed[0].Unknown == "" // The run has answered, too.
	}, latchkeytest.Patience, 20*time.Millisecond)
	return run, listed[0]
}

func TestApprove(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.open()
	run, waiting := d.awaited(t)
	require.Equal(t, run.WorkflowID, waiting.WorkflowID)
	require.Equal(t, run.RunID, waiting.RunID)
	require.Equal(t, []string{d.name, latchkeytest.UserID, "soar", "INC-1"},
		[]string{waiting.Connection, waiting.UserID, waiting.RequestedBy, waiting.RequestReason})
	require.Equal(t, []string{workflows.CaseRequested}, waiting.Cases)
	require.WithinDuration(t, time.Now().Add(time.Hour), *waiting.Until, 5*time.Minute)
	require.Len(t, waiting.Before.Locks, 1)
	require.Empty(t, waiting.Unknown)

	refused := run.Approve(t.Context(), workflows.Answer{By: "soar"})
	require.Equal(t, "who asked for the unlock must not answer", requireFailure(t, refused, workflows.TypeRejected).Message)
	require.NoError(t, run.Approve(t.Context(), workflows.Answer{By: "boss", Reason: "I called her"}))
	result, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Equal(t, []string{"boss", "I called her"}, []string{result.Approval.By, result.Approval.Reason})
	require.Eventually(t, func() bool { return len(d.waiting(t)) == 0 }, latchkeytest.Patience, 20*time.Millisecond)
}

// TestWhoJoinedMustNotApprove: however somebody came to wait for the same run.
func TestWhoJoinedMustNotApprove(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*workflows.Input){
		"by the user":       func(*workflows.Input) {},
		"by the request ID": func(in *workflows.Input) { in.RequestID = "request-" + in.Connection },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.open()
			run := d.start(t, d.input(approval, change))
			joiner := func(in *workflows.Input) { in.RequestedBy = "helper" }
			joined := d.start(t, d.input(approval, change, joiner))
			require.Equal(t, run.RunID, joined.RunID)
			require.True(t, joined.Joined)
			for by, want := range map[string]string{"soar": "who asked", "helper": "who joined"} {
				var refused error
				require.Eventually(t, func() bool {
					refused = run.Approve(t.Context(), workflows.Answer{By: by})
					return refused == nil || !strings.Contains(refused.Error(), "waits for no approval") // Not yet.
				}, latchkeytest.Patience, 20*time.Millisecond)
				require.ErrorContains(t, refused, want)
			}
			require.NoError(t, run.Approve(t.Context(), workflows.Answer{By: "boss"}))
			result, err := joined.Result(t.Context())
			require.NoError(t, err)
			require.Equal(t, workflows.Unlocked, result.Outcome)
		})
	}
}

// TestNobodyJoinsWhatAwaitsApproval: whoever joins a request that waits for an approval says who
// it is, since who joined must not approve.
func TestNobodyJoinsWhatAwaitsApproval(t *testing.T) {
	t.Parallel()
	d := newDesk(t, guard.ApprovalAlways)
	d.open()
	run := d.start(t, d.input())
	require.Eventually(t, func() bool {
		status, err := run.Status(t.Context())
		return err == nil && status.Step == workflows.StepApproval
	}, latchkeytest.Patience, 20*time.Millisecond)
	_, err := d.client.Start(t.Context(), d.input(func(in *workflows.Input) { in.RequestedBy = "" }))
	failure := requireFailure(t, err, workflows.TypeInvalidInput)
	require.Contains(t, failure.Message, "requestedBy is missing")
	require.Equal(t, run.RunID, failure.RunID)
	require.NoError(t, run.Deny(t.Context(), workflows.Answer{By: "boss"}))
}

func TestDeny(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	run, _ := d.awaited(t)
	require.NoError(t, run.Deny(t.Context(), workflows.Answer{By: "boss"}))
	result, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Denied, result.Outcome)
	require.Zero(t, d.effects.Load())
}

// TestAwaitingWithoutWorker: a request that no worker answers for is listed with what is known.
func TestAwaitingWithoutWorker(t *testing.T) {
	t.Parallel()
	name := latchkeytest.ConnectionName()
	asking := &client.Client{Temporal: latchkeytest.Server(t).Client}
	run, err := asking.Temporal.ExecuteWorkflow(t.Context(), sdkclient.StartWorkflowOptions{
		ID: "unserved/" + name, TaskQueue: "nobody",
		TypedSearchAttributes: temporal.NewSearchAttributes(workflows.AttributeAwaiting.ValueSet(workflows.AwaitingApproval),
			workflows.AttributeConnection.ValueSet(name), workflows.AttributeUserID.ValueSet(latchkeytest.UserID)),
	}, workflows.UnlockUserName, workflows.Input{Connection: name, UserID: latchkeytest.UserID})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = asking.Temporal.TerminateWorkflow(context.WithoutCancel(t.Context()), run.GetID(), "", "test")
	})
	d := &desk{client: asking, name: name}
	var listed []client.Waiting
	require.Eventually(t, func() bool {
		listed = d.waiting(t)
		return len(listed) == 1
	}, latchkeytest.Patience, 20*time.Millisecond)
	require.Contains(t, listed[0].Unknown, "no worker answered")
	require.Equal(t, []string{name, latchkeytest.UserID}, []string{listed[0].Connection, listed[0].UserID})
	require.Nil(t, listed[0].Until)
}

func TestAwaitingFails(t *testing.T) {
	t.Parallel()
	server := latchkeytest.Server(t)
	const bare = "client-bare"
	_, err := server.Client.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: bare, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
	require.NoError(t, err)
	elsewhere, err := latchkeytest.Dial(server.Address, bare)
	require.NoError(t, err)
	t.Cleanup(elsewhere.Close)
	nothing := func([]client.Waiting) error { return nil }
	var failed error
	require.Eventually(t, func() bool {
		failed = (&client.Client{Temporal: elsewhere}).Awaiting(t.Context(), "", nothing)
		var failure *client.Failure
		return errors.As(failed, &failure)
	}, latchkeytest.Patience, 100*time.Millisecond)
	require.Contains(t, requireFailure(t, failed, workflows.TypeNotSetUp).Message, "register them")
	_ = requireFailure(t, (&client.Client{Temporal: server.Client}).Awaiting(t.Context(), "JC Prod", nothing), workflows.TypeInvalidInput)
}

// TestManyJoins: however many others wait for a request, it can be answered, is listed,
// and is open to the next one who asks; a name joins once.
func TestManyJoins(t *testing.T) {
	t.Parallel()
	const most = 500 // joins that a run remembers
	d := newDesk(t)
	d.open()
	run, _ := d.awaited(t)
	join := func(by string) error {
		handle, err := d.client.Temporal.UpdateWorkflow(t.Context(), sdkclient.UpdateWorkflowOptions{
			WorkflowID: run.WorkflowID, RunID: run.RunID, UpdateName: workflows.JoinUpdate, WaitForStage: sdkclient.WorkflowUpdateStageCompleted,
			Args: []any{workflows.Join{RequestedBy: by, RequestReason: strings.Repeat("<", 1024)}}})
		if err == nil {
			err = handle.Get(t.Context(), nil)
		}
		return err
	}
	refused := func(by, kind string) {
		t.Helper()
		var application *temporal.ApplicationError
		require.ErrorAs(t, join(by), &application)
		require.Equal(t, kind, application.Type())
	}
	name := func(n int) string { return strings.Repeat("&", 1000) + strconv.Itoa(n) }
	require.NoError(t, join(name(0)))
	refused(name(0), workflows.TypeJoinedBefore)
	refused(" SOAR ", workflows.TypeJoinedBefore)
	var crowd sync.WaitGroup
	var failed atomic.Int64
	const lanes = 8 // The server lets ten updates be in flight.
	for lane := range lanes {
		crowd.Go(func() {
			for n := 1 + lane; n < most; n += lanes {
				if join(name(n)) != nil {
					failed.Add(1)
				}
			}
		})
	}
	crowd.Wait()
	require.Zero(t, failed.Load())
	refused(name(most), workflows.TypeJoinsFull)

	for _, by := range []string{"somebody new", name(7), "soar"} {
		joined := d.start(t, d.input(approval, func(in *workflows.Input) { in.RequestedBy = by }))
		require.True(t, joined.Joined)
		require.Equal(t, run.RunID, joined.RunID)
	}
	waiting := d.waiting(t)
	require.Len(t, waiting, 1)
	require.Empty(t, waiting[0].Unknown)
	require.NotEmpty(t, waiting[0].Joined)
	require.Equal(t, most, len(waiting[0].Joined)+waiting[0].JoinedMore)

	require.ErrorContains(t, run.Approve(t.Context(), workflows.Answer{By: name(most - 1)}), "who joined")
	require.NoError(t, run.Approve(t.Context(), workflows.Answer{By: "boss"}))
	result, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	accepted := 0
	for _, event := range latchkeytest.History(t, d.client.Temporal, run.WorkflowID, run.RunID).GetEvents() {
		if event.GetWorkflowExecutionUpdateAcceptedEventAttributes() != nil {
			accepted++
		}
	}
	require.Equal(t, most+1, accepted, "the joins and the approval")
}
