package endtoend

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestRollingUpgrade starts a run under the binary of the commit before this one, kills it
// during the unlock, and lets this commit's binary go on.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	old := buildPrevious(t)
	h := newHouse(t, true)
	id := h.tenant.MustCreateUser(map[string]any{"username": "ada"})
	require.NoError(t, h.tenant.LockByFailures(id))
	before := h.startWorkerOf(old)
	reached := h.killPoint(jumpcloudsimulator.OpUnlock, 0, false)

	run, err := h.client.Start(t.Context(), workflows.Input{Connection: h.connection, UserID: id})
	require.NoError(t, err)
	<-reached
	before.kill()
	now := h.startWorker()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result, err := run.Result(ctx)
	require.NoError(t, err, "the worker of this commit says: %s", now.stderr)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Equal(t, 1, h.unlocksInBook(id), "exactly one effective unlock")
}

// buildPrevious builds the command of the commit before this one.
func buildPrevious(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	built := filepath.Join(folder, "latchkey")
	for _, step := range []string{
		// A clone of one commit has no other: then it is itself that it is upgraded from.
		"git -C ../../.. archive --output '" + folder + "/source.tar' \"$(git -C ../../.. rev-parse -q --verify HEAD~1 || echo HEAD)\"",
		"mkdir '" + folder + "/source' && tar -C '" + folder + "/source' -xf '" + folder + "/source.tar'",
		"cd '" + folder + "/source' && go build -buildvcs=false -o '" + built + "' ./cmd/latchkey",
	} {
		output, err := exec.CommandContext(t.Context(), "sh", "-c", step).CombinedOutput()
		require.NoError(t, err, "build the commit before this one: %s", output)
	}
	return built
}
