package jumpcloud_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/conformance"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/internal/secret"
)

func TestConformanceWithAPIKey(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t testing.TB) conformance.Harness {
		return newHarness(t, func(config *jumpcloud.Config, user role) {
			config.APIKey = map[role]secret.Value{
				admin: simulator.DefaultAPIKey, readOnly: simulator.DefaultReadOnlyAPIKey, nobody: "wrong",
			}[user]
		})
	})
}

func TestConformanceWithServiceAccount(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t testing.TB) conformance.Harness {
		return newHarness(t, func(config *jumpcloud.Config, user role) {
			config.ClientID, config.ClientSecret = simulator.DefaultClientID, simulator.DefaultClientSecret
			switch user {
			case readOnly:
				config.ClientID, config.ClientSecret = simulator.DefaultReadOnlyClientID, simulator.DefaultReadOnlyClientSecret
			case nobody:
				config.ClientSecret = "wrong"
			}
		})
	})
}

// role is whose credentials a connector has.
type role int

const (
	admin role = iota
	readOnly
	nobody
)

type harness struct {
	conformance.Simulated
	open func(role) connectors.Connector
}

func newHarness(t testing.TB, authenticate func(*jumpcloud.Config, role)) conformance.Harness {
	tenant := simulator.New(simulator.Options{})
	url, stop, err := tenant.Start("")
	require.NoError(t, err)
	t.Cleanup(stop)
	h := &harness{Simulated: conformance.Simulated{Tenant: tenant, IDKey: "_id", SuspendAction: "suspend"}}
	h.open = func(user role) connectors.Connector {
		config := jumpcloud.NewConfig()
		config.BaseURL, config.TokenURL = simulator.APIURL(url), simulator.TokenURL(url)
		authenticate(config, user)
		return conformance.Open(t, config)
	}
	return h
}

func (h *harness) Provider() connectors.Provider          { return jumpcloud.Provider() }
func (h *harness) Connector() connectors.Connector        { return h.open(admin) }
func (h *harness) ReadOnly() connectors.Connector         { return h.open(readOnly) }
func (h *harness) WrongCredentials() connectors.Connector { return h.open(nobody) }
func (h *harness) UnknownID() string                      { return "ffffffffffffffffffffffff" }
