package client_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

func TestMain(m *testing.M) { latchkeytest.Main(m) }

// desk is a connection that is served, and a client to ask it through.
type desk struct {
	*latchkeytest.Connector
	client *client.Client
	name   string
	// gate holds every unlock back until it is closed.
	gate chan struct{}
	open func()
	// effects counts the unlocks that were let through.
	effects atomic.Int64
}

// newDesk serves a connection that demands an approval in these cases.
func newDesk(t *testing.T, approvalFor ...string) *desk {
	t.Helper()
	temporal := latchkeytest.Server(t)
	d := &desk{
		Connector: latchkeytest.NewConnector(latchkeytest.Account(latchkeytest.FailedSignIns(time.Now()))),
		client:    &client.Client{Temporal: temporal.Client}, name: latchkeytest.ConnectionName(), gate: make(chan struct{}),
	}
	d.open = sync.OnceFunc(func() { close(d.gate) })
	d.OnUnlock = func(ctx context.Context, _ int) error {
		select {
		case <-d.gate:
			d.effects.Add(1)
			return nil
		case <-ctx.Done():
			return latchkeytest.Fail(connectors.Unavailable)
		}
	}
	temporal.Serve(t, latchkeytest.Connection{Name: d.name, Connector: d, Rules: guard.Rules{ApprovalFor: approvalFor}})
	t.Cleanup(d.open)
	return d
}

func (d *desk) input(change ...func(*workflows.Input)) workflows.Input {
	in := workflows.Input{Connection: d.name, UserID: latchkeytest.UserID, RequestedBy: "soar"}
	for _, each := range change {
		each(&in)
	}
	return in
}

func (d *desk) start(t *testing.T, in workflows.Input) *client.Run {
	t.Helper()
	run, err := d.client.Start(t.Context(), in)
	require.NoError(t, err)
	return run
}

func requireFailure(t *testing.T, err error, kind string) *client.Failure {
	t.Helper()
	var failure *client.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, kind, failure.Type, failure.Message)
	return failure
}

func TestStartByEachReference(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*workflows.Input)
		id     string // What the workflow ID holds.
	}{
		"id":       {func(*workflows.Input) {}, "/" + latchkeytest.UserID},
		"username": {func(in *workflows.Input) { in.UserID, in.Username = "", latchkeytest.Username }, "/by-name/"},
		"email":    {func(in *workflows.Input) { in.UserID, in.Email = "", latchkeytest.Email }, "/by-name/"},
		"dry run":  {func(in *workflows.Input) { in.DryRun = true }, "/dry-run/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.open()
			run := d.start(t, d.input(test.change))
			require.False(t, run.Joined)
			require.Contains(t, run.WorkflowID, "unlock/"+d.name+test.id)
			for _, personal := range latchkeytest.Personal() {
				require.NotContains(t, run.WorkflowID, personal, "workflow IDs are stored in the clear")
			}
			result, err := run.Result(t.Context())
			require.NoError(t, err)
			require.Contains(t, []workflows.Outcome{workflows.Unlocked, workflows.WouldUnlock}, result.Outcome)
			again, err := d.client.Attach(run.WorkflowID, "").Result(t.Context())
			require.NoError(t, err)
			require.Equal(t, result, again)
		})
	}
}

func TestJoinAnOpenRun(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.start(t, d.input())
	for name, change := range map[string]func(*workflows.Input){
		"the same": func(*workflows.Input) {},
		"somebody else, more patient": func(in *workflows.Input) {
			in.RequestedBy, in.RequestReason, in.Timeout = "help desk", "INC-1", workflows.Duration(time.Hour)
		},
	} {
		joined := d.start(t, d.input(change))
		require.True(t, joined.Joined, name)
		require.Equal(t, first.RunID, joined.RunID, name)
	}
	for name, change := range map[string]func(*workflows.Input){
		"another guard":    func(in *workflows.Input) { in.Guard.ExcludePrivileged = true },
		"an override":      func(in *workflows.Input) { in.Override = []string{connectors.BlockDisabled} },
		"even if unlocked": func(in *workflows.Input) { in.EvenIfUnlocked = true },
		"a watch":          func(in *workflows.Input) { in.WatchFor = workflows.Duration(time.Second) },
		"a summary":        func(in *workflows.Input) { in.Emit = workflows.EmitSummary },
	} {
		_, err := d.client.Start(t.Context(), d.input(change))
		failure := requireFailure(t, err, workflows.TypeAlreadyRunning)
		require.Equal(t, first.WorkflowID, failure.WorkflowID, name)
		require.Equal(t, first.RunID, failure.RunID, name)
	}
	d.open()
	result, err := first.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.NotEqual(t, first.RunID, d.start(t, d.input()).RunID, "a closed run is not joined")
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	with := func(in *workflows.Input) { in.RequestID = "request-" + d.name }
	first := d.start(t, d.input(with))
	require.Equal(t, "request-"+d.name, first.WorkflowID)
	require.Equal(t, first.RunID, d.start(t, d.input(with)).RunID, "asked twice while it is open")
	d.open()
	result, err := first.Result(t.Context())
	require.NoError(t, err)

	again := d.start(t, d.input(with))
	require.Equal(t, first.RunID, again.RunID, "asked again after it has closed")
	same, err := again.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, result, same)
	others := d.start(t, d.input(with, func(in *workflows.Input) { in.RequestedBy = "helper" }))
	require.Equal(t, first.RunID, others.RunID, "asked by somebody else after it has closed")

	_, err = d.client.Start(t.Context(), d.input(with, func(in *workflows.Input) { in.UserID = uuid.NewString() }))
	_ = requireFailure(t, err, workflows.TypeAlreadyRunning)
}

func TestNothingStarts(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	began := time.Now()
	_, err := d.client.Start(t.Context(), workflows.Input{Connection: "nobody", UserID: latchkeytest.UserID})
	require.Contains(t, requireFailure(t, err, workflows.TypeNoWorker).Message, `"nobody"`)
	require.Less(t, time.Since(began), latchkeytest.Patience)

	_, err = d.client.Start(t.Context(), workflows.Input{Connection: d.name})
	failure := requireFailure(t, err, workflows.TypeInvalidInput)
	require.Contains(t, failure.Message, "exactly one of userId")
	require.Len(t, failure.Faults, 1)
	_, err = d.client.Start(t.Context(), d.input(func(in *workflows.Input) { in.Connection, in.WatchFor = "X", -1 }))
	faults := requireFailure(t, err, workflows.TypeInvalidInput).Faults
	require.Len(t, faults, 2)
	require.Equal(t, "connection", faults[0].Field)
	require.Equal(t, "watchFor", faults[1].Field)
	lookups, _ := d.Calls()
	require.Zero(t, lookups)
}

func TestFailuresCarryTheResult(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.OnUnlock = func(context.Context, int) error { return latchkeytest.Fail(connectors.RejectedByProvider) }
	_, err := d.start(t, d.input()).Result(t.Context())
	failure := requireFailure(t, err, string(connectors.RejectedByProvider))
	require.NotNil(t, failure.Result)
	require.Equal(t, connectors.No, failure.Result.UnlockSent)
	require.True(t, failure.Result.Before.Locked())
}

func TestEndedFromOutside(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(ctx context.Context, d *desk, run *client.Run) error
		kind string
		has  bool
	}{
		"cancelled": {func(ctx context.Context, d *desk, run *client.Run) error {
			defer d.open()
			return d.client.Temporal.CancelWorkflow(ctx, run.WorkflowID, run.RunID)
		}, workflows.TypeCancelled, true},
		"terminated": {func(ctx context.Context, d *desk, run *client.Run) error {
			return d.client.Temporal.TerminateWorkflow(ctx, run.WorkflowID, run.RunID, "test")
		}, workflows.TypeTerminated, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			run := d.start(t, d.input())
			require.NoError(t, test.end(t.Context(), d, run))
			_, err := run.Result(t.Context())
			require.Equal(t, test.has, requireFailure(t, err, test.kind).Result != nil)
		})
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	run := d.start(t, d.input())
	// Longer than one slice, shorter than the run.
	impatient, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	_, err := run.Result(impatient)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "which goes on")
	d.open()
	result, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)

	_, err = d.client.Attach("no-such-run", "").Result(t.Context())
	require.Error(t, err)
}

// TestWaitingAsksSeldom: whoever waits asks the server twice a second or so, as its long polls
// end, and not as fast as it can.
func TestWaitingAsksSeldom(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	run := d.start(t, d.input())
	var asked atomic.Int64
	counting, err := sdkclient.Dial(sdkclient.Options{HostPort: latchkeytest.Server(t).Address, Logger: latchkeytest.Silent(),
		ConnectionOptions: sdkclient.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(
			func(ctx context.Context, method string, in, out any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
				if strings.HasSuffix(method, "/GetWorkflowExecutionHistory") {
					asked.Add(1)
				}
				return invoke(ctx, method, in, out, conn, options...)
			})}}})
	require.NoError(t, err)
	t.Cleanup(counting.Close)
	waiting, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
	defer cancel()
	_, err = (&client.Client{Temporal: counting}).Attach(run.WorkflowID, run.RunID).Result(waiting)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, asked.Load(), int64(20))
}

// TestResultsAreNotLate: no answer comes later than two seconds after its run has closed.
// It measures, so it is not parallel to the crowd.
func TestResultsAreNotLate(t *testing.T) { //nolint:paralleltest // see above
	d := newDesk(t)
	d.open()
	for range 20 {
		d.Change(func(a *connectors.Account) { a.State.Locks = []connectors.Lock{latchkeytest.PasswordLock()} })
		run := d.start(t, d.input())
		_, err := run.Result(t.Context())
		answered := time.Now()
		require.NoError(t, err)
		described, err := d.client.Temporal.DescribeWorkflowExecution(t.Context(), run.WorkflowID, run.RunID)
		require.NoError(t, err)
		require.Less(t, answered.Sub(described.GetWorkflowExecutionInfo().GetCloseTime().AsTime()), 2*time.Second)
	}
}

// TestACrowd: everybody who asks for one user at the same time gets an answer.
func TestACrowd(t *testing.T) {
	t.Parallel()
	const crowd = 50
	for name, held := range map[string]bool{"while a run is held open": true, "while runs come and go": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			first := d.start(t, d.input())
			if !held {
				d.open()
			}
			runs, errs := make([]*client.Run, crowd), make([]error, crowd)
			var waiting sync.WaitGroup
			for i := range crowd {
				waiting.Go(func() { runs[i], errs[i] = d.client.Start(t.Context(), d.input()) })
			}
			waiting.Wait()
			d.open()
			for i, run := range runs {
				require.NoError(t, errs[i])
				result, err := run.Result(t.Context())
				require.NoError(t, err)
				require.Contains(t, []workflows.Outcome{workflows.Unlocked, workflows.AlreadyUnlocked}, result.Outcome)
				if held {
					require.Equal(t, first.RunID, run.RunID)
				}
			}
			require.EqualValues(t, 1, d.effects.Load())
		})
	}
}
