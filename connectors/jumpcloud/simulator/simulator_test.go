package simulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is a simulator behind a server, with its clock at rest.
type bench struct {
	t   *testing.T
	sim *simulator.Simulator
	url string
}

func newBench(t *testing.T, configure ...func(*simulator.Settings)) *bench {
	t.Helper()
	sim := simulator.New(simulator.Options{Now: func() time.Time { return start }})
	for _, change := range configure {
		require.NoError(t, sim.Configure(change))
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return &bench{t: t, sim: sim, url: server.URL}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) object(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.body), &object), r.body)
	return object
}

// results are the usernames on a page.
func (r reply) results(t *testing.T) []string {
	t.Helper()
	require.Equal(t, http.StatusOK, r.status, r.body)
	names := []string{}
	for _, user := range r.object(t)["results"].([]any) {
		names = append(names, user.(map[string]any)["username"].(string))
	}
	return names
}

// headers of a request: name and value in turn.
func (b *bench) do(method, path, body string, headers ...string) reply {
	b.t.Helper()
	request, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	require.NoError(b.t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if len(headers) == 0 {
		headers = []string{"x-api-key", simulator.DefaultAPIKey}
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	require.NoError(b.t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	return reply{response.StatusCode, response.Header, string(answer)}
}

func (b *bench) read(id string) map[string]any {
	b.t.Helper()
	answer := b.do("GET", "/api/systemusers/"+id, "")
	require.Equal(b.t, http.StatusOK, answer.status, answer.body)
	return answer.object(b.t)
}

func basic(id, secret string) string {
	request, _ := http.NewRequest("GET", "/", nil)
	request.SetBasicAuth(id, secret)
	return request.Header.Get("Authorization")
}

func (b *bench) token(form string, headers ...string) reply {
	b.t.Helper()
	return b.do("POST", "/oauth2/token", form, append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	org := simulator.DefaultOrgID
	for name, test := range map[string]struct {
		headers                    []string
		read, unlock, organization int
	}{
		"key":                   {[]string{"x-api-key", simulator.DefaultAPIKey}, 200, 200, 200},
		"read-only key":         {[]string{"x-api-key", simulator.DefaultReadOnlyAPIKey}, 200, 403, 200},
		"key of another region": {[]string{"x-api-key", simulator.ForeignAPIKey}, 401, 401, 401},
		"unknown token":         {[]string{"Authorization", "Bearer x"}, 401, 401, 401},
		"no key":                {[]string{"Accept", "*/*"}, 302, 302, 302},
		"empty key":             {[]string{"x-api-key", ""}, 302, 302, 302},
		"key and organization":  {[]string{"x-api-key", simulator.DefaultAPIKey, "x-org-id", org}, 200, 200, 403},
		"malformed org":         {[]string{"x-api-key", simulator.DefaultAPIKey, "x-org-id", "x"}, 400, 400, 403},
		"unknown org":           {[]string{"x-api-key", simulator.DefaultAPIKey, "x-org-id", "5a0000000000000000000009"}, 404, 404, 403},
		"multi-tenant":          {[]string{"x-api-key", simulator.DefaultMultiTenantAPIKey, "x-org-id", org}, 200, 200, 403},
		"multi-tenant, no org":  {[]string{"x-api-key", simulator.DefaultMultiTenantAPIKey}, 401, 401, 200},
	} {
		read := b.do("GET", "/api/systemusers/"+id, "", test.headers...)
		require.Equal(t, test.read, read.status, name)
		require.Equal(t, test.unlock, b.do("POST", "/api/systemusers/"+id+"/unlock", "", test.headers...).status, name)
		require.Equal(t, test.organization, b.do("GET", "/api/organizations/"+org, "", test.headers...).status, name)
		if test.read == 302 {
			require.Equal(t, "/login", read.header.Get("Location"))
		}
	}
	require.JSONEq(t, `{"error":"Unauthorized","message":"Unauthorized: api key user not found"}`,
		b.do("GET", "/api/systemusers/"+id, "", "x-api-key", simulator.ForeignAPIKey).body)
	login := b.do("GET", "/login", "", "Accept", "*/*")
	require.Equal(t, 200, login.status)
	require.Contains(t, login.body, "<html>")
}

func TestServiceAccounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	form := "grant_type=client_credentials&scope=api"
	full := basic(simulator.DefaultClientID, simulator.DefaultClientSecret)

	answer := b.token(form, "Authorization", full)
	require.Equal(t, 200, answer.status, answer.body)
	require.Equal(t, float64(3600), answer.object(t)["expires_in"])
	require.NotContains(t, answer.body, "refresh_token")
	bearer := "Bearer " + answer.object(t)["access_token"].(string)
	require.Equal(t, 200, b.do("POST", "/api/systemusers/"+id+"/unlock", "", "Authorization", bearer).status)

	require.NoError(t, b.sim.Clock.Advance(time.Hour))
	require.Equal(t, 401, b.do("GET", "/api/systemusers/"+id, "", "Authorization", bearer).status)

	answer = b.token(form, "Authorization", basic(simulator.DefaultReadOnlyClientID, simulator.DefaultReadOnlyClientSecret))
	bearer = "Bearer " + answer.object(t)["access_token"].(string)
	require.Equal(t, 200, b.do("GET", "/api/systemusers/"+id, "", "Authorization", bearer).status)
	require.Equal(t, 403, b.do("POST", "/api/systemusers/"+id+"/unlock", "", "Authorization", bearer).status)

	for name, test := range map[string]struct {
		form, auth, code string
		status           int
	}{
		"wrong secret":  {form, basic(simulator.DefaultClientID, "x"), "invalid_client", 401},
		"in the form":   {form + "&client_id=" + simulator.DefaultClientID + "&client_secret=" + simulator.DefaultClientSecret, "", "invalid_client", 401},
		"no scope":      {"grant_type=client_credentials", full, "invalid_scope", 400},
		"another grant": {"grant_type=password&scope=api", full, "unsupported_grant_type", 400},
		"broken form":   {"grant_type=%zz", full, "invalid_request", 400},
	} {
		answer := b.token(test.form, "Authorization", test.auth)
		require.Equal(t, test.status, answer.status, name)
		require.Equal(t, test.code, answer.object(t)["error"], name)
	}
	require.Equal(t, 400, b.do("POST", "/oauth2/token", form, "Authorization", full).status, "the form must be a form")
	require.Equal(t, 405, b.do("GET", "/oauth2/token", "").status)
}

func TestRouting(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"_id": "5AFFFFFFFFFFFFFFFFFFFFFF"})
	for name, test := range map[string]struct {
		method, path string
		status       int
	}{
		"lower case":     {"GET", "/api/systemusers/" + id, 200},
		"upper case":     {"GET", "/api/systemusers/" + strings.ToUpper(id), 200},
		"unknown":        {"GET", "/api/systemusers/5a00000000000000000000ff", 404},
		"unlock unknown": {"POST", "/api/systemusers/5a00000000000000000000ff/unlock", 404},
		"malformed":      {"GET", "/api/systemusers/bob", 400},
		"slash in id":    {"POST", "/api/systemusers/" + id + "%2Funlock/unlock", 400},
		"get on unlock":  {"GET", "/api/systemusers/" + id + "/unlock", 405},
		"delete":         {"DELETE", "/api/systemusers/" + id, 405},
		"elsewhere":      {"GET", "/api/systems", 404},
		"outside":        {"GET", "/v2/x", 404},
		"organizations":  {"GET", "/api/organizations", 200},
		"some of them":   {"GET", "/api/organizations?limit=1", 400},
		"organization":   {"GET", "/api/organizations/" + simulator.DefaultOrgID, 200},
		"another":        {"GET", "/api/organizations/5a0000000000000000000009", 404},
		"malformed org":  {"GET", "/api/organizations/x", 400},
	} {
		answer := b.do(test.method, test.path, "")
		require.Equal(t, test.status, answer.status, "%s: %s", name, answer.body)
		require.Equal(t, start.Format(http.TimeFormat), answer.header.Get("Date"))
	}
	require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.BadIDStatus = 404 }))
	require.Equal(t, 404, b.do("GET", "/api/systemusers/bob", "").status)
}

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	for shape, keys := range map[string][]string{ // at 404, at 401
		simulator.ErrorShapeMixed:         {"code", "error"},
		simulator.ErrorShapeLive:          {"error", "error"},
		simulator.ErrorShapeSpecification: {"code", "code"},
	} {
		b := newBench(t, func(s *simulator.Settings) { s.ErrorShape = shape })
		missing := b.do("GET", "/api/systemusers/5a00000000000000000000ff", "")
		require.Contains(t, missing.object(t), keys[0], shape)
		require.Contains(t, missing.object(t), "message")
		require.Contains(t, b.do("GET", "/api/systemusers", "", "x-api-key", "x").object(t), keys[1], shape)
	}
}

// documented are the keys of the user as JumpCloud documents it.
var documented = strings.Fields(`email username allow_public_key public_key sudo enable_managed_uid unix_uid unix_guid
	activated tags account_locked passwordless_sudo externally_managed external_dn external_source_type firstname lastname
	ldap_binding_user enable_user_portal_multifactor attributes samba_service_user addresses jobTitle department phoneNumbers
	password_never_expires middlename displayname description location costCenter employeeType company employeeIdentifier mfa
	suspended alternateEmail disableDeviceMaxLoginAttempts external_password_expiration_date managedAppleId manager state
	relationships restrictedFields ssh_keys password_expired totp_enabled created _id organization badLoginAttempts
	password_expiration_date admin creationSource password_date recoveryEmail mfaEnrollment
	account_locked_date systemUsername id`)

func TestUserObject(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(json.RawMessage(`{"username":"bea","unix_uid":4294967295,"huge":12345678901234567890,
		"admin":{"id":"5a00000000000000000000bb","roleName":"Manager","roleNames":["Manager"]}}`))
	answer := b.do("GET", "/api/systemusers/"+id, "")
	require.Contains(t, answer.body, `"unix_uid":4294967295`)
	require.Contains(t, answer.body, `"huge":12345678901234567890`)
	require.Contains(t, answer.body, `"account_locked_date":null`)
	user := answer.object(t)
	for _, key := range append(documented, "delegatedAuthority") {
		require.Contains(t, user, key)
	}
	require.NotContains(t, user, "memberof")
	require.NotContains(t, user, "password")
	require.Equal(t, user["_id"], user["id"])
	require.Equal(t, "bea@example.com", user["email"])
	require.Equal(t, "2026-03-01T12:00:00.000Z", user["created"])

	found := b.do("POST", "/api/search/systemusers", `{"filter":{"username":"bea"}}`).object(t)["results"].([]any)[0].(map[string]any)
	for _, key := range append(documented, "memberof") {
		require.Contains(t, found, key)
	}
	require.NotContains(t, found, "delegatedAuthority")
}

func TestNeverActivated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"activated": false, "manager": "5a00000000000000000000cc"})
	user := b.read(id)
	require.Equal(t, "STAGED", user["state"])
	for _, key := range []string{"organization", "tags", "public_key", "badLoginAttempts", "mfaEnrollment", "password_date", "relationships"} {
		require.NotContains(t, user, key)
	}
	require.Contains(t, user, "manager", "what it was made with stays")
	require.Equal(t, "not_activated", b.sim.SignIn(id, kit.DefaultPassword).Reason)
	require.NoError(t, b.sim.Act(id, "activate", nil))
	require.Contains(t, b.read(id), "tags")
	require.True(t, b.sim.SignIn(id, kit.DefaultPassword).OK)
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	for _, native := range []any{
		7, map[string]any{"_id": "x"}, map[string]any{"_id": id}, map[string]any{"account_locked": "yes"},
		map[string]any{"state": "GONE"}, map[string]any{"badLoginAttempts": -1}, map[string]any{"badLoginAttempts": 5000},
	} {
		_, err := b.sim.CreateUser(native)
		require.Error(t, err, native)
	}
}

func TestSettingsRefuse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for body, sentence := range map[string]string{
		`{"colour":1}`: `unknown key "colour"`,
		`{"passwordPolicy":{"maxLoginAttempts":0}}`:           "maxLoginAttempts must be",
		`{"passwordPolicy":{"maxLoginAttempts":"6"}}`:         "maxLoginAttempts",
		`{"passwordPolicy":{"lockoutTimeInSeconds":299}}`:     "lockoutTimeInSeconds must be",
		`{"passwordPolicy":{"resetLockoutCounterMinutes":0}}`: "resetLockoutCounterMinutes must be",
		`{"unlockAnswer":"x"}`:                                "unlockAnswer must be",
		`{"errorShape":"x"}`:                                  "errorShape must be",
		`{"pageLimit":0}`:                                     "pageLimit must be",
		`{"gap":{"at":-1}}`:                                   "gap.at and gap.count",
		`{"badIdStatus":500}`:                                 "badIdStatus must be",
		`{"tokenLifetime":"0s"}`:                              "tokenLifetime must be",
	} {
		answer := b.do("PUT", "/_simulator/settings", body)
		require.Equal(t, 400, answer.status, body)
		require.Contains(t, answer.object(t)["error"], sentence)
	}
	answer := b.do("PUT", "/_simulator/settings", `{"passwordPolicy":{"maxLoginAttempts":2}}`)
	require.Equal(t, 200, answer.status)
	require.True(t, b.sim.Settings().PasswordPolicy.EnableMaxLoginAttempts, "what is not named stays")
	b.sim.Reset()
	require.Equal(t, simulator.DefaultSettings(), b.sim.Settings())
}

func TestStart(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Options{APIKey: "mine", ClientSecret: "p%40ss word"})
	root, stop, err := sim.Start("")
	require.NoError(t, err)
	defer stop()
	b := &bench{t: t, sim: sim, url: root}
	require.True(t, strings.HasSuffix(simulator.APIURL(root), "/api"))
	require.Equal(t, 200, b.do("GET", "/api/systemusers", "", "x-api-key", "mine").status)
	require.Equal(t, 401, b.do("GET", "/api/systemusers", "").status)
	auth := basic(url.QueryEscape(simulator.DefaultClientID), url.QueryEscape("p%40ss word"))
	require.Equal(t, 200, b.token("grant_type=client_credentials&scope=api", "Authorization", auth).status)
	_, _, err = sim.Start("not an address")
	require.Error(t, err)
}
