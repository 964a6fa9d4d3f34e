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

// TestRollingUpgrade starts a run under the binary of the last release, kills it during the
// unlock, and lets this commit's binary go on. Until the first release the code of workflows
// promises nothing to open runs, and the upgrade is from this very commit.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	old := buildRelease(t)
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

// buildRelease builds the command of the newest release that this commit follows.
func buildRelease(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	built := filepath.Join(folder, "latchkey")
	for _, step := range []string{
		"git -C ../../.. archive --output '" + folder + "/source.tar' \"$(git -C ../../.. describe --tags --abbrev=0 --match 'v*' 2>/dev/null || echo HEAD)\"",
		"mkdir '" + folder + "/source' && tar -C '" + folder + "/source' -xf '" + folder + "/source.tar'",
		"cd '" + folder + "/source' && go build -buildvcs=false -o '" + built + "' ./cmd/latchkey",
	} {
		output, err := exec.CommandContext(t.Context(), "sh", "-c", step).CombinedOutput()
		require.NoError(t, err, "build the last release: %s", output)
	}
	return built
}
