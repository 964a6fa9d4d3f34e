package jumpcloud_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

func TestConformanceWithAPIKey(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t testing.TB) conformance.Harness { return newHarness(t, false) })
}

func TestConformanceWithServiceAccount(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t testing.TB) conformance.Harness { return newHarness(t, true) })
}

func TestHTTPConformance(t *testing.T) {
	t.Parallel()
	conformance.RunHTTP(t, func(t testing.TB) conformance.HTTPHarness { return newHarness(t, false) })
}

func TestHTTPConformanceWithServiceAccount(t *testing.T) {
	t.Parallel()
	conformance.RunHTTP(t, func(t testing.TB) conformance.HTTPHarness { return newHarness(t, true) })
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
	t      testing.TB
	tenant *simulator.Simulator
	url    string
	// fetchesToken says that a service account is used instead of an API key.
	fetchesToken bool
}

var _ conformance.HTTPHarness = (*harness)(nil)

func newHarness(t testing.TB, fetchesToken bool) *harness {
	tenant := simulator.New(simulator.Options{})
	url, stop, err := tenant.Start("")
	require.NoError(t, err)
	t.Cleanup(stop)
	return &harness{
		Simulated: conformance.Simulated{Tenant: tenant, IDKey: "_id", SuspendAction: "suspend"},
		t:         t, tenant: tenant, url: url, fetchesToken: fetchesToken,
	}
}

func (h *harness) config(user role) connectors.Config {
	config := jumpcloud.NewConfig()
	config.BaseURL, config.TokenURL = simulator.APIURL(h.url), simulator.TokenURL(h.url)
	if !h.fetchesToken {
		config.APIKey = map[role]connectors.Secret{
			admin: simulator.DefaultAPIKey, readOnly: simulator.DefaultReadOnlyAPIKey, nobody: "wrong",
		}[user]
		return config
	}
	config.ClientID, config.ClientSecret = simulator.DefaultClientID, simulator.DefaultClientSecret
	switch user {
	case readOnly:
		config.ClientID, config.ClientSecret = simulator.DefaultReadOnlyClientID, simulator.DefaultReadOnlyClientSecret
	case nobody:
		config.ClientSecret = "wrong"
	case admin:
	}
	return config
}

func (h *harness) open(user role) conformance.Connector {
	return conformance.Open(h.t, jumpcloud.Provider(), h.config(user))
}

func (h *harness) Capabilities() connectors.Capabilities   { return h.Config().Capabilities() }
func (h *harness) Provider() connectors.Provider           { return jumpcloud.Provider() }
func (h *harness) Connector() conformance.Connector        { return h.open(admin) }
func (h *harness) ReadOnly() conformance.Connector         { return h.open(readOnly) }
func (h *harness) WrongCredentials() conformance.Connector { return h.open(nobody) }
func (h *harness) UnknownID() string                       { return "ffffffffffffffffffffffff" }

func (h *harness) Peer() *kit.Server         { return h.tenant.Server }
func (h *harness) Host() string              { return strings.TrimPrefix(h.url, "http://") }
func (h *harness) Config() connectors.Config { return h.config(admin) }

// Secrets implements conformance.Secretive.
func (h *harness) Secrets() []string {
	if h.fetchesToken {
		return []string{simulator.DefaultClientSecret}
	}
	return []string{simulator.DefaultAPIKey}
}

// Refusal has the shape of the live service.
func (h *harness) Refusal(code, message string) string {
	body, _ := json.Marshal(map[string]string{"error": code, "message": message})
	return string(body)
}

// Steps implements conformance.HTTPHarness.
func (h *harness) Steps() []conformance.Step {
	steps := []conformance.Step{
		{Action: conformance.LookupByID, Operation: simulator.OpLookup, NamesAccount: true},
		{Action: conformance.LookupByID, Operation: simulator.OpOrganization, Advisory: true},
		{Action: conformance.LookupByName, Operation: simulator.OpFind},
		{Action: conformance.Unlock, Operation: simulator.OpUnlock, NamesAccount: true, Unlocks: true},
		{Action: conformance.List, Operation: simulator.OpList},
	}
	if h.fetchesToken {
		steps = append(steps,
			conformance.Step{Action: conformance.LookupByID, Operation: simulator.OpToken, Token: true},
			conformance.Step{Action: conformance.Unlock, Operation: simulator.OpToken, Token: true},
			conformance.Step{Action: conformance.List, Operation: simulator.OpToken, Token: true},
		)
	}
	return steps
}

// ConfigOf implements conformance.Filer.
func (h *harness) ConfigOf(path string) connectors.Config {
	config := jumpcloud.NewConfig()
	config.BaseURL, config.TokenURL = simulator.APIURL(h.url), simulator.TokenURL(h.url)
	if h.fetchesToken {
		config.ClientID, config.ClientSecretFile = simulator.DefaultClientID, path
	} else {
		config.APIKeyFile = path
	}
	return config
}
