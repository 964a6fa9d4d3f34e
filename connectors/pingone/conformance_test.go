package pingone_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
	"github.com/latchkey-iam/latchkey/connectors/pingone"
	"github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// TestConformance runs under every answer to what no source settles about PingOne's two locks.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*simulator.Settings){
		"Default": asIs,
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

func TestHTTPConformance(t *testing.T) {
	t.Parallel()
	conformance.RunHTTP(t, func(t testing.TB) conformance.HTTPHarness { return newHarness(t, asIs) })
}

func asIs(*simulator.Settings) {}

type harness struct {
	conformance.Simulated
	t      testing.TB
	tenant *simulator.Simulator
	url    string
	// ids and names are the groups that a user joined.
	ids, names []string
}

var (
	_ conformance.HTTPHarness = (*harness)(nil)
	_ conformance.Linker      = (*harness)(nil)
	_ conformance.TimedLocker = (*harness)(nil)
	_ conformance.Grouper     = (*harness)(nil)
)

func newHarness(t testing.TB, change func(*simulator.Settings)) *harness {
	settings := simulator.DefaultSettings()
	change(&settings)
	tenant := simulator.New(simulator.Options{Settings: &settings})
	url, stop, err := tenant.Start("")
	require.NoError(t, err)
	t.Cleanup(stop)
	return &harness{
		Simulated: conformance.Simulated{Tenant: tenant, IDKey: "id", DisableAction: "disable"},
		t:         t, tenant: tenant, url: url,
	}
}

func (h *harness) config(clientID, clientSecret string) connectors.Config {
	config := pingone.NewConfig()
	config.EnvironmentID = simulator.DefaultEnvironmentID
	config.ApiURL, config.AuthURL = h.url+"/v1", h.url
	config.ClientID = clientID
	config.ClientSecret = connectors.Secret(clientSecret)
	return config
}

func (h *harness) open(clientID, clientSecret string) conformance.Connector {
	return conformance.Open(h.t, pingone.Provider(), h.config(clientID, clientSecret))
}

func (h *harness) Capabilities() connectors.Capabilities { return h.Config().Capabilities() }
func (h *harness) Provider() connectors.Provider         { return pingone.Provider() }
func (h *harness) Connector() conformance.Connector {
	return h.open(simulator.DefaultClientID, simulator.DefaultClientSecret)
}
func (h *harness) ReadOnly() conformance.Connector {
	return h.open(simulator.ReadOnlyClientID, simulator.DefaultClientSecret)
}
func (h *harness) WrongCredentials() conformance.Connector {
	return h.open(simulator.DefaultClientID, "wrong")
}
func (h *harness) UnknownID() string { return "ffffffff-ffff-4fff-8fff-ffffffffffff" }

func (h *harness) Peer() *kit.Server { return h.tenant.Server }
func (h *harness) Host() string      { return strings.TrimPrefix(h.url, "http://") }
func (h *harness) Secrets() []string { return []string{simulator.DefaultClientSecret} }
func (h *harness) Config() connectors.Config {
	return h.config(simulator.DefaultClientID, simulator.DefaultClientSecret)
}

// Refusal implements conformance.HTTPHarness.
func (h *harness) Refusal(code, message string) string {
	body, _ := json.Marshal(map[string]any{
		"id": "6f1c5f5e-0000-4000-8000-000000000000", "code": code, "message": message,
		"details": []any{map[string]any{"code": code, "target": message, "message": message, "innerError": map[string]any{}}},
	})
	return string(body)
}

// Steps implements conformance.HTTPHarness.
func (h *harness) Steps() []conformance.Step {
	return []conformance.Step{
		{Action: conformance.LookupByID, Operation: simulator.OpLookup, NamesAccount: true},
		{Action: conformance.LookupByID, Operation: simulator.OpGroupIDs, NamesAccount: true, Groups: true},
		{Action: conformance.LookupByID, Operation: simulator.OpPassword, NamesAccount: true, Unread: connectors.LayerPassword},
		{Action: conformance.LookupByName, Operation: simulator.OpFind},
		{Action: conformance.LookupByName, Operation: simulator.OpLookup, NamesAccount: true},
		{Action: conformance.Unlock, Operation: simulator.OpUnlock, NamesAccount: true, Unlocks: true, Answered: true},
		{Action: conformance.Unlock, Operation: simulator.OpPassword, NamesAccount: true, Unlocked: true},
		{Action: conformance.Unlock, Operation: simulator.OpUnlockPassword, NamesAccount: true, Unlocks: true, Unlocked: true},
		// What status a lock of the account has when its word is new, a look-up tells.
		{Action: conformance.List, Operation: simulator.OpList, LeavesOut: []string{"/account/status"}},
		{Action: conformance.LookupByID, Operation: simulator.OpToken, Token: true},
		{Action: conformance.Unlock, Operation: simulator.OpToken, Token: true},
		{Action: conformance.List, Operation: simulator.OpToken, Token: true},
	}
}

// LinkTo implements conformance.Linker.
func (h *harness) LinkTo(page []byte, next any) []byte {
	var object map[string]any
	if json.Unmarshal(page, &object) != nil {
		return nil
	}
	object["_links"] = map[string]any{"next": map[string]any{"href": next}}
	linked, _ := json.Marshal(object)
	return linked
}

// LockFor implements conformance.TimedLocker.
func (h *harness) LockFor(t testing.TB, user conformance.User, duration time.Duration) {
	require.NoError(t, h.tenant.Act(user.ID, "lock", map[string]string{"for": duration.String()}))
}

// JoinGroup implements conformance.Grouper.
func (h *harness) JoinGroup(t testing.TB, user conformance.User, id, name string) {
	h.ids, h.names = append(h.ids, id), append(h.names, name)
	require.NoError(t, h.tenant.Act(user.ID, "set", map[string][]string{"memberOfGroupIDs": h.ids, "memberOfGroupNames": h.names}))
}

// Population implements conformance.Grouper.
func (h *harness) Population() (id, name string) {
	return simulator.DefaultPopulationID, simulator.PopulationName
}

// ConfigOf implements conformance.Filer.
func (h *harness) ConfigOf(path string) connectors.Config {
	config := pingone.NewConfig()
	config.EnvironmentID = simulator.DefaultEnvironmentID
	config.ApiURL, config.AuthURL = h.url+"/v1", h.url
	config.ClientID, config.ClientSecretFile = simulator.DefaultClientID, path
	return config
}
