package endtoend

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestKilledWorker kills a worker (SIGKILL) before and after each call to the provider.
// Another takes over, and the request ends in one answer that is true to the book.
func TestKilledWorker(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		operation string
		skip      int
		after     bool
		// alone kills the only worker for the workflows along with the connection's.
		alone bool
	}{
		"before-lookup": {operation: jumpcloudsimulator.OpLookup},
		"after-lookup":  {operation: jumpcloudsimulator.OpLookup, after: true},
		"before-unlock": {operation: jumpcloudsimulator.OpUnlock},
		"after-unlock":  {operation: jumpcloudsimulator.OpUnlock, after: true},
		"before-verify": {operation: jumpcloudsimulator.OpLookup, skip: 1},
		"after-verify":  {operation: jumpcloudsimulator.OpLookup, skip: 1, after: true},

		"everything-before-unlock": {operation: jumpcloudsimulator.OpUnlock, alone: true},
		"everything-after-unlock":  {operation: jumpcloudsimulator.OpUnlock, after: true, alone: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, at.alone)
			id := h.tenant.MustCreateUser(map[string]any{"username": "ada"})
			require.NoError(t, h.tenant.LockByFailures(id))
			first := h.startWorker()
			reached := h.killPoint(at.operation, at.skip, at.after)

			run, err := h.client.Start(t.Context(), workflows.Input{Connection: h.connection, UserID: id})
			require.NoError(t, err)
			<-reached
			first.kill()
			second := h.startWorker()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			result, err := run.Result(ctx)
			require.NoError(t, err, "the second worker says: %s", second.stderr)

			require.Equal(t, workflows.Unlocked, result.Outcome)
			require.NotEqual(t, connectors.No, result.UnlockSent)
			require.False(t, h.tenant.Locked(id))
			require.Equal(t, 1, h.unlocksInBook(id), "exactly one effective unlock")
		})
	}
}

// killPoint holds one call, before or after its effect, until its client is gone, and
// tells when it is reached.
func (h *house) killPoint(operation string, skip int, after bool) <-chan struct{} {
	reached := make(chan struct{})
	order := simulator.Fault{Operation: operation, Skip: skip, Times: 1, Kind: simulator.KindChange,
		Hook: func(r *http.Request) {
			close(reached)
			if !after {
				<-r.Context().Done()
			}
		}}
	h.tenant.Faults.MustAdd(order)
	answer := simulator.Fault{Operation: operation, Skip: skip, Times: 1, Kind: simulator.KindDrop}
	if after {
		answer.Kind, answer.AfterEffect, answer.Delay = simulator.KindLatency, true, simulator.Duration(5*time.Second)
	}
	h.tenant.Faults.MustAdd(answer)
	return reached
}

// closing returns a hook that tells that it was called.
func closing(channel chan struct{}) func(*http.Request) {
	return func(*http.Request) { close(channel) }
}

func (h *house) unlocksInBook(id string) int {
	count := 0
	for _, change := range h.tenant.Book.List(id, 0) {
		if change.What == simulator.Unlocked {
			count++
		}
	}
	return count
}
