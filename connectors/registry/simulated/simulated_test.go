package simulated_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/registry"
	"github.com/latchkey-iam/latchkey/connectors/registry/simulated"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// TestProviders: each is a provider of the registry, and does what it says of itself.
func TestProviders(t *testing.T) {
	t.Parallel()
	last := ""
	for _, each := range simulated.Providers() {
		require.Greater(t, each.Name, last)
		last = each.Name
		provider, found := registry.Find(each.Name)
		require.True(t, found, each.Name)
		require.Equal(t, provider.Title, each.Title)
		require.NotEmpty(t, each.Settings("http://127.0.0.1:1"))

		tenant := each.New()
		profile := each.Profile("ada", "lovelace", "Analyst")
		profile["username"] = "ada"
		native, err := tenant.CreateUser(profile)
		require.NoError(t, err)
		fields, err := simulator.ParseFields(native, "user")
		require.NoError(t, err)
		id := fields.Text(each.IDKey)
		require.NoError(t, tenant.Act(id, each.Suspend, nil))
		require.Equal(t, simulator.SignIn{Reason: each.Suspended}, tenant.SignIn(id, simulator.DefaultPassword))
	}
}
