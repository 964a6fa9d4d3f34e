package pingone_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/conformance"
	"github.com/latchkey-iam/latchkey/connectors/pingone"
	"github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	"github.com/latchkey-iam/latchkey/internal/secret"
)

// TestConformance runs under every answer to what no source settles about PingOne's two locks.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*simulator.Settings){
		"Default": func(*simulator.Settings) {},
		"AccountUnlockClearsPassword": func(s *simulator.Settings) {
			s.AccountUnlockClearsPassword = true
		},
		"PasswordLockKeepsAccountLocked": func(s *simulator.Settings) {
			s.PasswordLockKeepsAccountLocked = true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, func(t testing.TB) conformance.Harness { return newHarness(t, change) })
		})
	}
}

type harness struct {
	conformance.Simulated
	t   testing.TB
	url string
}

func newHarness(t testing.TB, change func(*simulator.Settings)) conformance.Harness {
	settings := simulator.DefaultSettings()
	change(&settings)
	tenant := simulator.New(simulator.Options{Settings: &settings})
	url, stop, err := tenant.Start("")
	require.NoError(t, err)
	t.Cleanup(stop)
	return &harness{t: t, url: url, Simulated: conformance.Simulated{Tenant: tenant, IDKey: "id", DisableAction: "disable"}}
}

func (h *harness) open(clientID, clientSecret string) connectors.Connector {
	config := pingone.NewConfig()
	config.EnvironmentID = simulator.DefaultEnvironmentID
	config.ApiURL, config.AuthURL = h.url+"/v1", h.url
	config.ClientID = clientID
	config.ClientSecret = secret.Value(clientSecret)
	return conformance.Open(h.t, config)
}

func (h *harness) Provider() connectors.Provider { return pingone.Provider() }
func (h *harness) Connector() connectors.Connector {
	return h.open(simulator.DefaultClientID, simulator.DefaultClientSecret)
}
func (h *harness) ReadOnly() connectors.Connector {
	return h.open(simulator.ReadOnlyClientID, simulator.DefaultClientSecret)
}
func (h *harness) WrongCredentials() connectors.Connector {
	return h.open(simulator.DefaultClientID, "wrong")
}
func (h *harness) UnknownID() string { return "ffffffff-ffff-4fff-8fff-ffffffffffff" }
