package registry_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/registry"
)

func TestProviders(t *testing.T) {
	t.Parallel()
	var names []string
	for _, provider := range registry.Providers() {
		names = append(names, provider.Name)
		found, ok := registry.Find(provider.Name)
		require.True(t, ok)
		require.Equal(t, provider.Title, found.Title)
		require.Equal(t, strings.ToLower(provider.Name), provider.Name)
		require.NotEmpty(t, provider.Fields)
		require.Positive(t, provider.NewConfig().Capabilities().Requests)
		absent, err := provider.ID.Canonical(provider.ID.Absent)
		require.NoError(t, err)
		require.Equal(t, provider.ID.Absent, absent)
		require.NotEmpty(t, provider.ID.Description)
		require.NotEmpty(t, provider.ID.Keys)
		requireDescribed(t, provider)
		_, err = connectors.Open(provider, provider.NewConfig(), connectors.Options{})
		require.Error(t, err, "the defaults hold no credential")
	}
	require.NotEmpty(t, names)
	require.True(t, slices.IsSorted(names))
	require.Len(t, slices.Compact(names), len(registry.Providers()))
	_, ok := registry.Find("nobody")
	require.False(t, ok)
}

// secrecy are the endings of settings that are secrets.
var secrecy = regexp.MustCompile(`(Key|Secret|Password|Passphrase|Token)$`)

// requireDescribed: every setting has a description, its default in the tag is the one that
// NewConfig sets, and it is a connectors.Secret if it is one, which shows in nothing printed.
func requireDescribed(t *testing.T, provider connectors.Provider) {
	t.Helper()
	config := reflect.ValueOf(provider.NewConfig()).Elem()
	for _, field := range reflect.VisibleFields(config.Type()) {
		if field.Anonymous {
			continue // Its own fields are visible too.
		}
		value := config.FieldByIndex(field.Index)
		require.NotEmpty(t, field.Tag.Get("desc"), field.Name)
		require.Equal(t, reflect.String, value.Kind(), "envconfig must not fail half-way")
		require.Equal(t, field.Tag.Get("default"), value.String())
		if secrecy.MatchString(field.Name) {
			require.Equal(t, reflect.TypeFor[connectors.Secret](), field.Type, field.Name)
		}
	}
}
