package cli

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/registry"
)

// TestSchemaOfAProvider: each field stands in the table and in the output for machines.
func TestSchemaOfAProvider(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, registry.Providers())
	for _, provider := range registry.Providers() {
		t.Run(provider.Name, func(t *testing.T) {
			t.Parallel()
			drawn := run(t, "schema", provider.Name)
			require.Equal(t, ExitOK, drawn.code)
			require.Empty(t, drawn.stderr)
			require.Regexp(t, `LABEL +│ JSON KEY +│ TYPE +│ MEANING`, drawn.stdout)
			shown := read[[]fieldView](t, run(t, "schema", provider.Name, "-o", "json").stdout)
			require.Equal(t, viewFields("", provider.Fields), shown)
			nested := slices.ContainsFunc(provider.Fields, func(field connectors.Field) bool { return len(field.Fields) > 0 })
			require.Equal(t, nested, len(shown) > len(provider.Fields), "nested fields are fields too")
			for _, field := range shown {
				require.Contains(t, drawn.stdout, field.Key)
				require.NotEmpty(t, field.Label, field.Key)
				require.NotEmpty(t, field.Type, field.Key)
				require.NotEmpty(t, field.Meaning, field.Key)
			}
		})
	}
}

// TestSchemaOfTheWorkflow prints JSON even where a table is the default.
func TestSchemaOfTheWorkflow(t *testing.T) {
	t.Parallel()
	for name, property := range map[string]string{"input": "connection", "result": "outcome"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(t, "schema", name)
			require.Equal(t, ExitOK, got.code)
			require.Equal(t, got, run(t, "schema", name, "-o", "json"))
			schema := read[struct {
				Properties map[string]any `json:"properties"`
			}](t, got.stdout)
			require.Contains(t, schema.Properties, property)
			require.Contains(t, run(t, "schema", name, "-o", "yaml").stdout, "\n  "+property+":")
		})
	}
}

func TestSchemaCompletion(t *testing.T) {
	t.Parallel()
	require.Equal(t, append(schemaNames(), ":4"), lines(run(t, "__complete", "schema", "").stdout))
}
