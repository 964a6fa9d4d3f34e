package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/latchkey-iam/latchkey/activities"
)

// TestWorkerConfiguration is not parallel: the worker reads the process's environment.
func TestWorkerConfiguration(t *testing.T) {
	t.Setenv("LATCHKEY_CONNECTIONS", "JC:jumpcloud,x:nosuch")
	t.Setenv("LATCHKEY_LOG_LEVEL", "loud")
	got := run(t, "worker")
	require.Equal(t, ExitUsage, got.code)
	require.Empty(t, got.stdout)
	require.GreaterOrEqual(t, len(lines(got.stderr)), 3)
	require.Contains(t, got.stderr, "latchkey: LATCHKEY_LOG_LEVEL must be debug, info, warn or error\n")
	require.NotContains(t, got.stderr, "--help")
}

// TestWorkerServesUntilInterrupted is not parallel: see above.
func TestWorkerServesUntilInterrupted(t *testing.T) {
	server := shared(t)
	t.Setenv("TEMPORAL_ADDRESS", server.address)
	t.Setenv("LATCHKEY_HEALTH_ADDRESS", "off")
	t.Setenv("LATCHKEY_LOG_LEVEL", "error")
	t.Setenv("LATCHKEY_CONNECTIONS", "cli-worker:jumpcloud")
	t.Setenv("LATCHKEY_CONNECTION_CLI_WORKER_API_KEY", strings.Repeat("0", 40))
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	done := aside(func() outcome { return newHarness().run(ctx, "worker") })
	require.Eventually(t, func() bool {
		described, err := server.temporal.DescribeTaskQueue(ctx, activities.Queue("cli-worker"), enumspb.TASK_QUEUE_TYPE_ACTIVITY)
		return err == nil && len(described.GetPollers()) > 0
	}, time.Minute, 20*time.Millisecond)
	interrupt()
	require.Equal(t, outcome{code: ExitOK}, <-done)
}

// TestWorkerCheck is not parallel: see above. Package worker tries the answers.
func TestWorkerCheck(t *testing.T) {
	t.Setenv("LATCHKEY_CONNECTIONS", "of:nobody") // A check reads no connection.
	t.Setenv("LATCHKEY_HEALTH_ADDRESS", nowhere)
	got := run(t, "worker", "--check")
	require.NotEqual(t, ExitOK, got.code)
	require.Contains(t, got.stderr, "ask the worker")
	t.Setenv("LATCHKEY_HEALTH_ADDRESS", "off")
	require.Equal(t, outcome{code: ExitOK}, run(t, "worker", "--check"))
}

// TestMissingKeyset is not parallel: see above. Nothing starts, and nothing is asked, without
// the keys that the environment names.
func TestMissingKeyset(t *testing.T) {
	t.Setenv("LATCHKEY_ENCRYPTION_KEYSET_FILE", "/nowhere/keyset.json")
	t.Setenv("TEMPORAL_ADDRESS", nowhere)
	for _, args := range [][]string{{"worker"}, {"connections", "list"}} {
		got := run(t, args...)
		require.NotEqual(t, ExitOK, got.code)
		require.Contains(t, got.stderr, "read the keyset (LATCHKEY_ENCRYPTION_KEYSET_FILE): open /nowhere/keyset.json: no such file or directory; docs/encryption.md says how to make one")
	}
}
