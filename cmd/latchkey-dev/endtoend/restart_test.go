package endtoend

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/internal/testserver"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestTemporalRestarts stops the Temporal server while an unlock is under way and starts
// it again on its file: the request is not lost, and it ends in one answer.
func TestTemporalRestarts(t *testing.T) {
	t.Parallel()
	options := testserver.Options{DatabaseFile: filepath.Join(t.TempDir(), "temporal.db")}
	server, err := testserver.Start(t.Context(), options)
	require.NoError(t, err)
	h := newHouseAt(t, server.Address(), jumpcloud(jumpcloudsimulator.DefaultAPIKey))
	h.alone = true
	h.temporal = h.dial(sdkclient.DefaultNamespace)
	h.client = &client.Client{Temporal: h.temporal}
	id := h.tenant.MustCreateUser(map[string]any{"username": "ada"})
	require.NoError(t, h.tenant.LockByFailures(id))
	working := h.startWorker()
	reached, goOn := make(chan struct{}), make(chan struct{})
	h.tenant.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpUnlock, Times: 1, Kind: simulator.KindChange,
		Hook: func(*http.Request) {
			close(reached)
			<-goOn
		}})

	run, err := h.client.Start(t.Context(), workflows.Input{Connection: h.connection, UserID: id})
	require.NoError(t, err)
	<-reached
	require.NoError(t, server.Stop())
	close(goOn)
	options.Address = server.Address()
	server, err = testserver.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	// Cleanups run last first: the worker ends before the server.
	t.Cleanup(working.kill)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result, err := run.Result(ctx)
	require.NoError(t, err, "the worker says: %s", working.stderr)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.NotEqual(t, connectors.No, result.UnlockSent)
	require.False(t, h.tenant.Locked(id))
	require.Equal(t, 1, h.unlocksInBook(id), "exactly one effective unlock")
}
