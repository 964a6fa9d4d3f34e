package temporalclient

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/internal/testserver"
)

const (
	queue    = "encryption"
	patience = time.Minute
)

// asks is a workflow that reads an input, the failure of a step, its details, a signal, and
// the result of a step.
func asks(ctx workflow.Context, input string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: patience, ScheduleToCloseTimeout: 2 * patience})
	var application *temporal.ApplicationError
	err := workflow.ExecuteActivity(ctx, "step", true).Get(ctx, nil)
	var detail, signal, result string
	if !temporal.IsApplicationError(err) {
		return "", err
	}
	application = err.(*temporal.ActivityError).Unwrap().(*temporal.ApplicationError) //nolint:errorlint,forcetypeassert // a panic fails the test
	if err := application.Details(&detail); err != nil {
		return "", err
	}
	workflow.GetSignalChannel(ctx, "go-on").Receive(ctx, &signal)
	if err := workflow.ExecuteActivity(ctx, "step", false).Get(ctx, &result); err != nil {
		return "", err
	}
	return input + application.Message() + detail + signal + result, nil
}

func step(_ context.Context, fail bool) (string, error) {
	if fail {
		return "", temporal.NewNonRetryableApplicationError(" failed", "Failed", nil, " detail")
	}
	return " result", nil
}

// place is a client with keys of its own, and workers of it.
type place struct {
	t      *testing.T
	path   string
	client client.Client
	keys   *Keys
}

func newPlace(t *testing.T, address, path string) *place {
	t.Helper()
	keys, err := OpenKeys(path)
	require.NoError(t, err)
	dialled, err := Dial(t.Context(), At(address, testserver.DefaultNamespace).WithKeys(keys).Serving(), nil)
	require.NoError(t, err)
	t.Cleanup(dialled.Close)
	return &place{t, path, dialled, keys}
}

// serve starts a worker, which remembers no run that it has not read from its history.
func (p *place) serve() (stop func()) {
	p.t.Helper()
	w := worker.New(p.client, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(asks, workflow.RegisterOptions{Name: "asks"})
	w.RegisterActivity(step)
	require.NoError(p.t, w.Start())
	return w.Stop
}

func (p *place) start(id string) client.WorkflowRun {
	p.t.Helper()
	run, err := p.client.ExecuteWorkflow(p.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: queue}, "asks", "input")
	require.NoError(p.t, err)
	return run
}

func (p *place) failedTask(id string) *historypb.WorkflowTaskFailedEventAttributes {
	p.t.Helper()
	for history := p.client.GetWorkflowHistory(p.t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); history.HasNext(); {
		event, err := history.Next()
		require.NoError(p.t, err)
		if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			return failed
		}
	}
	return nil
}

func (p *place) reached(id string, event enumspb.EventType) bool {
	p.t.Helper()
	for history := p.client.GetWorkflowHistory(p.t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); history.HasNext(); {
		next, err := history.Next()
		require.NoError(p.t, err)
		if next.GetEventType() == event {
			return true
		}
	}
	return false
}

// TestAMissingKeyEndsNoRun: a worker without the key of what a run has read so far fails the
// task, says which key it lacks, and goes on with the run when the key is there; runs that
// began in plain go on too, encrypted.
func TestAMissingKeyEndsNoRun(t *testing.T) {
	t.Parallel()
	testserver.Skip(t)
	server, err := testserver.Start(t.Context(), testserver.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	keyset := newKeyset(t)
	plain, whole := newPlace(t, server.Address(), ""), newPlace(t, server.Address(), keysetFile(t, keyset))
	other := newPlace(t, server.Address(), keysetFile(t, newKeyset(t)))
	result := func(run client.WorkflowRun) string {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var read string
		require.NoError(t, whole.client.GetWorkflow(ctx, run.GetID(), "").Get(ctx, &read))
		return read
	}
	failed := enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED

	begun := plain.start("begun in plain")
	stop := plain.serve()
	require.Eventually(t, func() bool { return plain.reached("begun in plain", failed) }, patience, 10*time.Millisecond)
	stop()

	unread, read := whole.start("its input cannot be read"), whole.start("its past cannot be read")
	stop = whole.serve()
	require.Eventually(t, func() bool { return whole.reached(read.GetID(), failed) && whole.reached(unread.GetID(), failed) }, patience, 10*time.Millisecond)
	require.NoError(t, whole.client.SignalWorkflow(t.Context(), begun.GetID(), "", "go-on", " signal"))
	require.Equal(t, "input failed detail signal result", result(begun))
	stop()

	late := whole.start("never read before")
	require.NoError(t, whole.client.SignalWorkflow(t.Context(), read.GetID(), "", "go-on", " signal"))
	stop = other.serve()
	defer func() { stop() }()
	for _, run := range []client.WorkflowRun{read, late} {
		require.Eventually(t, func() bool { return other.failedTask(run.GetID()) != nil }, patience, 10*time.Millisecond)
		task := other.failedTask(run.GetID())
		require.Regexp(t, `^encryption key \d+ is not in the keyset`, task.GetFailure().GetMessage())
		require.Empty(t, task.GetFailure().GetStackTrace())
	}
	require.ErrorContains(t, other.keys.Fault(), "is not in the keyset")
	require.Positive(t, other.keys.Failed())

	require.NoError(t, replace(other.path, keyset))
	for _, run := range []client.WorkflowRun{unread, late} {
		require.NoError(t, whole.client.SignalWorkflow(t.Context(), run.GetID(), "", "go-on", " signal"))
	}
	for _, run := range []client.WorkflowRun{read, unread, late} {
		require.Equal(t, "input failed detail signal result", result(run))
	}
	var nothing string
	require.ErrorContains(t, plain.client.GetWorkflow(t.Context(), read.GetID(), "").Get(t.Context(), &nothing), KeysetVariable+" is not set")
}

// replace changes a file at once, as whoever rotates keys has to.
func replace(path string, content []byte) error {
	beside := filepath.Join(filepath.Dir(path), "new")
	if err := os.WriteFile(beside, content, 0o600); err != nil {
		return err
	}
	return os.Rename(beside, path)
}
