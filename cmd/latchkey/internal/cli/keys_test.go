package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/internal/testserver"
	"github.com/latchkey-iam/latchkey/workflows"
)

// secretOf is what must show nowhere of a keyset's file.
func secretOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(content), `"value": "`)
	require.True(t, found)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func TestKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyset.json")
	missing := run(t, "keys", "list", "--file", path)
	require.Equal(t, ExitUsage, missing.code)
	require.Contains(t, missing.stderr, "make one with latchkey keys create")

	created := run(t, "keys", "create", "--file", path)
	require.Equal(t, ExitOK, created.code, created.stderr)
	require.Contains(t, created.stdout, "Give this file to all workers and callers, as LATCHKEY_ENCRYPTION_KEYSET_FILE")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	secret := secretOf(t, path)
	require.Equal(t, ExitUsage, run(t, "keys", "create", "--file", path).code, "a file that exists is left alone")
	require.Equal(t, secret, secretOf(t, path))

	list := func() []temporalclient.Key {
		listed := run(t, "keys", "list", "--file", path, "-o", "json")
		require.Equal(t, ExitOK, listed.code, listed.stderr)
		require.NotContains(t, listed.stdout+listed.stderr+created.stdout, secret)
		return read[[]temporalclient.Key](t, listed.stdout)
	}
	old := list()[0]
	require.True(t, old.Primary)
	rotate := func(args ...string) outcome {
		return run(t, append([]string{"keys", "rotate", "--file", path}, args...)...)
	}

	added := rotate("--add")
	require.Equal(t, ExitOK, added.code, added.stderr)
	require.Equal(t, old, list()[0], "a new key does not write yet")
	anew := list()[1]
	require.Contains(t, added.stdout, fmt.Sprintf("latchkey keys rotate --make-primary %d\n", anew.ID))
	promoted := rotate("--make-primary", fmt.Sprint(anew.ID))
	require.Equal(t, ExitOK, promoted.code, promoted.stderr)
	require.True(t, list()[1].Primary)
	require.Equal(t, ExitUsage, rotate("--retire", fmt.Sprint(anew.ID)).code, "the key that writes stays")
	require.Equal(t, ExitUsage, rotate("--retire", "1").code)
	require.Equal(t, ExitUsage, rotate("--make-primary", "1").code)
	require.Equal(t, ExitUsage, rotate().code)
	require.Equal(t, ExitUsage, rotate("--add", "--retire", "1").code)
	require.Len(t, list(), 2)
	require.Equal(t, ExitOK, rotate("--retire", fmt.Sprint(old.ID)).code)
	require.Equal(t, []temporalclient.Key{{ID: anew.ID, Primary: true, Enabled: true}}, list())
	require.Contains(t, run(t, "keys", "list", "--file", path).stdout, "writes and reads")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	require.NoError(t, err)
	require.Empty(t, left)

	require.NoError(t, os.WriteFile(path, []byte("{"+secret), 0o600))
	broken := rotate("--add")
	require.Equal(t, ExitUsage, broken.code)
	require.NotContains(t, broken.stderr, secret)
}

// TestRewrittenSchedules is not parallel: the keyset is the environment's. What a schedule
// starts runs with is written by the primary key only after it was rewritten.
func TestRewrittenSchedules(t *testing.T) {
	testserver.Skip(t)
	server, err := testserver.Start(t.Context(), testserver.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	path := filepath.Join(t.TempDir(), "keyset.json")
	t.Setenv(temporalclient.KeysetVariable, path)
	t.Setenv("TEMPORAL_ADDRESS", server.Address())
	require.Contains(t, run(t, "keys", "list").stderr, path)
	require.Equal(t, ExitOK, run(t, "keys", "create").code)
	old := read[[]temporalclient.Key](t, run(t, "keys", "list", "-o", "json").stdout)[0].ID
	every, note := workflows.Duration(time.Hour), "night"
	require.NoError(t, connect(t.Context(), temporalFlags{}, func(c *client.Client) error {
		_, err := c.CreateSchedule(t.Context(), "ada", client.ScheduleID("ada"), client.ScheduleChange{Every: &every, Note: &note})
		return err
	}))

	blind, err := temporalclient.OpenKeys("")
	require.NoError(t, err)
	dialled, err := temporalclient.Dial(t.Context(), temporalclient.At(server.Address(), testserver.DefaultNamespace).WithKeys(blind), nil)
	require.NoError(t, err)
	t.Cleanup(dialled.Close)
	writtenBy := func() string {
		described, err := dialled.WorkflowService().DescribeSchedule(t.Context(), &workflowservice.DescribeScheduleRequest{
			Namespace: testserver.DefaultNamespace, ScheduleId: client.ScheduleID("ada"),
		})
		require.NoError(t, err)
		payload := described.GetSchedule().GetAction().GetStartWorkflow().GetInput().GetPayloads()[0]
		require.NotContains(t, string(payload.GetData()), "ada")
		return string(payload.GetMetadata()["encryption-key-id"])
	}
	require.Equal(t, fmt.Sprint(old), writtenBy())
	require.Equal(t, ExitOK, run(t, "keys", "rotate", "--add").code)
	keys := read[[]temporalclient.Key](t, run(t, "keys", "list", "-o", "json").stdout)
	require.Equal(t, ExitOK, run(t, "keys", "rotate", "--make-primary", fmt.Sprint(keys[1].ID)).code)
	require.Equal(t, fmt.Sprint(old), writtenBy())

	require.Eventually(t, func() bool { // The list of schedules lags.
		rewritten := run(t, "keys", "rotate", "--rewrite-schedules", "-o", "json")
		require.Equal(t, ExitOK, rewritten.code, rewritten.stderr)
		return len(read[rewrittenView](t, rewritten.stdout).Schedules) == 1
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, fmt.Sprint(keys[1].ID), writtenBy())
	require.Equal(t, ExitOK, run(t, "keys", "rotate", "--retire", fmt.Sprint(old)).code)
	require.Contains(t, run(t, "schedule", "describe", "--connection", "ada").stdout, "night")

	t.Setenv(temporalclient.KeysetVariable, "")
	blinded := run(t, "schedule", "describe", "--connection", "ada")
	require.NotEqual(t, ExitOK, blinded.code)
	require.Contains(t, blinded.stderr, fmt.Sprintf("encryption key %d is needed to read this, and LATCHKEY_ENCRYPTION_KEYSET_FILE is not set", keys[1].ID))
}
