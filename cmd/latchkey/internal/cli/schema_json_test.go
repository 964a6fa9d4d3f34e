package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestJSONSchemas prints each; what only a run itself may give is not among the fields.
func TestJSONSchemas(t *testing.T) {
	t.Parallel()
	for name, field := range map[string]string{
		"input": "userId", "result": "outcome", "policy": "maxPerRun", "bulk-input": "users", "bulk-result": "decisions",
	} {
		got := run(t, "schema", name)
		require.Equal(t, ExitOK, got.code, got.stderr)
		schema := read[struct {
			Properties map[string]any `json:"properties"`
		}](t, got.stdout)
		require.Contains(t, schema.Properties, field, name)
		require.NotContains(t, schema.Properties, "carried", name)
	}
	require.Contains(t, run(t, "schema", "none").stderr, "the schemas are input, result, policy, bulk-input, bulk-result, ")
}
