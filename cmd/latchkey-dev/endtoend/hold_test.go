package endtoend

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestHoldRaisesTheAlarm: when a crowd was locked lately the worker counts it, logs it, and
// unlocks nobody until somebody releases the run.
func TestHoldRaisesTheAlarm(t *testing.T) {
	t.Parallel()
	const sprayed = 60
	h := newHouse(t, true)
	_, err := h.tenant.Populate(simulator.Populate{Count: sprayed, Locked: sprayed})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	working := h.startWorkerOf(binary, "LATCHKEY_HEALTH_ADDRESS="+address)

	none := workflows.Duration(0)
	run, err := h.client.StartBulk(t.Context(), workflows.BulkInput{Connection: h.connection, Policy: workflows.Policy{
		MinLockedFor: &none, MaxPerUser: &workflows.MaxPerUser{},
	}})
	require.NoError(t, err)
	held := func() bool {
		progress, err := run.Progress(t.Context())
		return err == nil && progress.State == workflows.StateHeld && progress.Fresh == sprayed
	}
	require.Eventually(t, held, patience, pause, "the worker says: %s", working.stderr)
	require.True(t, working.said("a bulk run holds: many users were locked lately, which may be an attack"))
	require.Regexp(t, `(?m)^latchkey_bulk_holds_total\{[^}]*connection="`+h.connection+`"[^}]*\} 1$`, metrics(t, address))
	require.Empty(t, h.unlocks())

	_, err = run.Command(t.Context(), workflows.ReleaseUpdate, workflows.Command{RequestedBy: "operator"})
	require.NoError(t, err)
	result, err := run.BulkResult(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": sprayed}, result.Counts)
	require.Len(t, h.unlocks(), sprayed)
}

// unlocks counts the unlocks in the book, by user.
func (h *house) unlocks() map[string]int {
	counts := map[string]int{}
	for _, change := range h.tenant.Book.All() {
		if change.What == simulator.Unlocked {
			counts[change.UserID]++
		}
	}
	return counts
}

// metrics reads what Prometheus would.
func metrics(t *testing.T, address string) string {
	t.Helper()
	reader := http.Client{Timeout: 5 * time.Second}
	answer, err := reader.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	page, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(page)
}
