package reference

import (
	"testing"

	"github.com/invopop/jsonschema"
	"github.com/stretchr/testify/require"
)

// TestEveryFieldIsExplained: a field of an input or a result that is published has a meaning.
func TestEveryFieldIsExplained(t *testing.T) {
	t.Chdir("../../../..")
	var explained func(t *testing.T, name string, of *jsonschema.Schema) int
	explained = func(t *testing.T, name string, of *jsonschema.Schema) int {
		count := 0
		if of.Items != nil {
			count += explained(t, name+"[]", of.Items)
		}
		if of.Properties == nil {
			return count
		}
		for pair := of.Properties.Oldest(); pair != nil; pair = pair.Next() {
			require.NotEmpty(t, pair.Value.Description, "%s.%s has no comment", name, pair.Key)
			count += 1 + explained(t, name+"."+pair.Key, pair.Value)
		}
		return count
	}
	for _, each := range described {
		schema, err := reflected(each)
		require.NoError(t, err)
		require.Greater(t, explained(t, each.name, schema), 10)
	}
}
