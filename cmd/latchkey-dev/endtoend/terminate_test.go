package endtoend

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// slow is how long the provider takes to answer the call that a signal comes in the middle of.
const slow = 8 * time.Second

// TestTerminatedWorker: on SIGTERM a worker takes no further work, finishes what is under way
// and ends well; the next worker makes nothing twice.
func TestTerminatedWorker(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		operation string
		alone     bool
	}{
		"looking-up":                   {operation: jumpcloudsimulator.OpLookup},
		"unlocking":                    {operation: jumpcloudsimulator.OpUnlock},
		"unlocking-with-the-workflows": {operation: jumpcloudsimulator.OpUnlock, alone: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, test.alone)
			id := h.tenant.MustCreateUser(map[string]any{"username": "ada"})
			require.NoError(t, h.tenant.LockByFailures(id))
			first := h.startWorker()
			reached := h.slowDown(test.operation)
			run, err := h.client.Start(t.Context(), workflows.Input{Connection: h.connection, UserID: id})
			require.NoError(t, err)
			<-reached
			before := h.completed(run.WorkflowID)

			first.terminate(t)
			require.True(t, first.said("draining"))
			require.Equal(t, before+1, h.completed(run.WorkflowID), "the result arrived before the worker ended")

			second := h.startWorker()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			result, err := run.Result(ctx)
			require.NoError(t, err, "the second worker says: %s", second.stderr)
			require.Equal(t, workflows.Unlocked, result.Outcome)
			require.Equal(t, 1, h.tenant.Calls.Count(jumpcloudsimulator.OpUnlock), "nothing was made twice")
		})
	}
}

// TestTerminatedIdle: a worker with nothing to do ends at once.
func TestTerminatedIdle(t *testing.T) {
	t.Parallel()
	for name, alone := range map[string]bool{"a-connection": false, "everything": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idle := newHouse(t, alone).startWorker()
			idle.terminate(t)
		})
	}
}

// TestSecondSignal: who cannot wait for the drain signals twice.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	h := newHouse(t, false)
	id := h.tenant.MustCreateUser(map[string]any{"username": "ada"})
	worker := h.startWorker()
	reached := make(chan struct{})
	h.tenant.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpLookup, Times: 1, Kind: simulator.KindChange, Hook: closing(reached)})
	h.tenant.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpLookup, Times: 1, Kind: simulator.KindLatency, Delay: simulator.Duration(time.Minute)})
	_, err := h.client.Start(t.Context(), workflows.Input{Connection: h.connection, UserID: id})
	require.NoError(t, err)
	<-reached
	require.NoError(t, worker.command.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return worker.said("draining") }, patience, pause)
	require.NoError(t, worker.command.Process.Signal(syscall.SIGTERM))
	<-worker.ended
	require.False(t, worker.command.ProcessState.Success())
}

// terminate sends SIGTERM and waits for the good end.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	began := time.Now()
	require.NoError(t, p.command.Process.Signal(syscall.SIGTERM))
	<-p.ended
	require.True(t, p.command.ProcessState.Success(), "%s: %s", p.command.ProcessState, p.stderr)
	require.Empty(t, p.stdout.String())
	require.Less(t, time.Since(began), 20*time.Second, "it waits for no more than what is under way")
}

// slowDown makes the next call of the operation slow and tells when it has come.
func (h *house) slowDown(operation string) <-chan struct{} {
	reached := make(chan struct{})
	h.tenant.Faults.MustAdd(simulator.Fault{Operation: operation, Times: 1, Kind: simulator.KindChange, Hook: closing(reached)})
	h.tenant.Faults.MustAdd(simulator.Fault{Operation: operation, Times: 1, Kind: simulator.KindLatency, Delay: simulator.Duration(slow)})
	return reached
}

// completed counts the steps whose results the run has.
func (h *house) completed(workflowID string) int {
	h.t.Helper()
	history := h.temporal.GetWorkflowHistory(h.t.Context(), workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	count := 0
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(h.t, err)
		if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED {
			count++
		}
	}
	return count
}
