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

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

const (
	typeUnlock         = "application/vnd.pingidentity.account.unlock+json"
	typeLock           = "application/vnd.pingidentity.account.lock+json"
	typeUnlockPassword = "application/vnd.pingidentity.password.unlock+json"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is a simulator behind a server, with its clock at rest.
type bench struct {
	t     *testing.T
	sim   *simulator.Simulator
	url   string
	token string
}

func newBench(t *testing.T, configure ...func(*simulator.Settings)) *bench {
	t.Helper()
	sim := simulator.New(simulator.Options{Now: func() time.Time { return start }})
	for _, change := range configure {
		require.NoError(t, sim.Configure(change))
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	b := &bench{t: t, sim: sim, url: server.URL}
	b.token = b.tokenOf(simulator.DefaultClientID)
	return b
}

// reply is an answer read whole.
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

func (b *bench) send(request *http.Request) reply {
	b.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	require.NoError(b.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	return reply{response.StatusCode, response.Header, string(body)}
}

func (b *bench) request(method, path, body string, types ...string) *http.Request {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") && !strings.HasPrefix(path, "/") {
		path = "/v1/environments/" + b.sim.EnvironmentID() + "/" + path
	}
	if !strings.HasPrefix(path, "http") {
		path = b.url + path
	}
	request, err := http.NewRequest(method, path, strings.NewReader(body))
	require.NoError(b.t, err)
	request.Header["Content-Type"] = types
	request.Header.Set("Authorization", "Bearer "+b.token)
	return request
}

func (b *bench) do(method, path, body string, types ...string) reply {
	b.t.Helper()
	return b.send(b.request(method, path, body, types...))
}

func (b *bench) tokenOf(clientID string) string {
	b.t.Helper()
	answer := b.askToken(clientID, simulator.DefaultClientSecret, clientID != simulator.PostClientID, nil)
	require.Equal(b.t, http.StatusOK, answer.status, answer.body)
	return answer.object(b.t)["access_token"].(string)
}

func (b *bench) askToken(id, secret string, basic bool, change func(url.Values)) reply {
	b.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}}
	if !basic {
		form.Set("client_id", id)
		form.Set("client_secret", secret)
	}
	if change != nil {
		change(form)
	}
	request := b.request(http.MethodPost, "/"+b.sim.EnvironmentID()+"/as/token", form.Encode(), "application/x-www-form-urlencoded")
	request.Header.Del("Authorization")
	if basic {
		request.SetBasicAuth(id, secret)
	}
	return b.send(request)
}

func (b *bench) account(id string) map[string]any {
	b.t.Helper()
	answer := b.do(http.MethodGet, "users/"+id, "")
	require.Equal(b.t, http.StatusOK, answer.status, answer.body)
	return answer.object(b.t)["account"].(map[string]any)
}

func (b *bench) passwordStatus(id string) string {
	b.t.Helper()
	answer := b.do(http.MethodGet, "users/"+id+"/password", "")
	require.Equal(b.t, http.StatusOK, answer.status, answer.body)
	return answer.object(b.t)["status"].(string)
}

func requireCode(t *testing.T, answer reply, status int, code, detail string) {
	t.Helper()
	require.Equal(t, status, answer.status, answer.body)
	require.Equal(t, "application/hal+json;charset=UTF-8", answer.header.Get("Content-Type"))
	object := answer.object(t)
	require.Equal(t, code, object["code"])
	require.NotEmpty(t, object["id"])
	require.NotEmpty(t, object["message"])
	if detail != "" {
		require.Equal(t, detail, object["details"].([]any)[0].(map[string]any)["code"])
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	secret := simulator.DefaultClientSecret
	answer := b.askToken(simulator.DefaultClientID, secret, true, nil)
	require.Equal(t, 200, answer.status)
	require.Equal(t, "Bearer", answer.object(t)["token_type"])
	require.Equal(t, float64(3600), answer.object(t)["expires_in"])

	for name, test := range map[string]struct {
		id, secret string
		basic      bool
		change     func(url.Values)
		status     int
		code       string
	}{
		"wrong secret":         {simulator.DefaultClientID, "x", true, nil, 401, "invalid_client"},
		"unknown client":       {"nobody", secret, true, nil, 401, "invalid_client"},
		"basic client by form": {simulator.DefaultClientID, secret, false, nil, 401, "invalid_client"},
		"form client by basic": {simulator.PostClientID, secret, true, nil, 401, "invalid_client"},
		"form client by form":  {simulator.PostClientID, secret, false, nil, 200, ""},
		"both ways": {simulator.DefaultClientID, secret, true,
			func(form url.Values) { form.Set("client_secret", secret) }, 401, "invalid_client"},
		"other grant": {simulator.DefaultClientID, secret, true,
			func(form url.Values) { form.Set("grant_type", "password") }, 400, "unsupported_grant_type"},
	} {
		answer := b.askToken(test.id, test.secret, test.basic, test.change)
		require.Equal(t, test.status, answer.status, name)
		if test.code != "" {
			require.Equal(t, test.code, answer.object(t)["error"], name)
		}
	}
	request := b.request(http.MethodPost, "/"+uuid.NewString()+"/as/token", "grant_type=client_credentials", "application/x-www-form-urlencoded")
	require.Equal(t, 404, b.send(request).status)
	request = b.request(http.MethodPost, "/"+b.sim.EnvironmentID()+"/as/token", "{}", "application/json")
	require.Equal(t, 400, b.send(request).status)
}

func TestTokenMethodSetting(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for method, want := range map[string][2]int{ // status by basic, by form
		simulator.AuthBasic: {200, 401}, simulator.AuthPost: {401, 200}, simulator.AuthEither: {200, 200},
	} {
		require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.TokenEndpointAuthMethod = method }))
		for i, basic := range []bool{true, false} {
			got := b.askToken(simulator.DefaultClientID, simulator.DefaultClientSecret, basic, nil)
			require.Equal(t, want[i], got.status, "%s %v", method, basic)
		}
	}
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	require.NoError(t, b.sim.Clock.Advance(59*time.Minute))
	require.Equal(t, 200, b.do("GET", "users/"+id, "").status)
	require.NoError(t, b.sim.Clock.Advance(time.Minute))
	requireCode(t, b.do("GET", "users/"+id, ""), 401, "ACCESS_FAILED", "INVALID_TOKEN")

	b.token = b.tokenOf(simulator.DefaultClientID)
	require.Equal(t, 200, b.do("GET", "users/"+id, "").status)
	require.Equal(t, 200, b.do("POST", "/_simulator/tokens/revoke", "").status)
	requireCode(t, b.do("GET", "users/"+id, ""), 401, "ACCESS_FAILED", "INVALID_TOKEN")
}

func TestRoles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	type call struct{ method, path, contentType string }
	calls := []call{
		{"GET", "users/" + id, ""}, {"GET", "users", ""}, {"GET", "users/" + id + "/password", ""},
		{"POST", "users/" + id, typeUnlock}, {"POST", "users/" + id, typeLock},
		{"POST", "users/" + id + "/password", typeUnlockPassword},
	}
	for client, want := range map[string][]int{
		simulator.DefaultClientID:    {200, 200, 200, 200, 200, 200},
		simulator.PostClientID:       {200, 200, 200, 200, 200, 200},
		simulator.ReadOnlyClientID:   {200, 200, 200, 403, 403, 403},
		simulator.NoPasswordClientID: {200, 200, 403, 200, 200, 403},
		simulator.RolelessClientID:   {403, 403, 403, 403, 403, 403},
	} {
		b.token = b.tokenOf(client)
		for i, c := range calls {
			var types []string
			if c.contentType != "" {
				types = []string{c.contentType}
			}
			answer := b.do(c.method, c.path, "", types...)
			require.Equal(t, want[i], answer.status, "%s: %v", client, c)
			if want[i] == 403 {
				requireCode(t, answer, 403, "ACCESS_FAILED", "INSUFFICIENT_PERMISSIONS")
			}
		}
	}
}

func TestRouting(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	for name, test := range map[string]struct {
		method, path string
		status       int
	}{
		"other environment":     {"GET", "/v1/environments/" + uuid.NewString() + "/users/" + id, 403},
		"malformed environment": {"GET", "/v1/environments/x/users/" + id, 403},
		"unknown user":          {"GET", "users/" + uuid.NewString(), 404},
		"malformed id":          {"GET", "users/abc", 404},
		"upper-case id":         {"GET", "users/" + strings.ToUpper(id), 200},
		"slash in id":           {"GET", "users/" + id + "%2Fpassword", 404},
		"unknown resource":      {"GET", "users/" + id + "/devices", 404},
		"unknown collection":    {"GET", "groups", 404},
		"outside the API":       {"GET", "/v2/users", 404},
		"delete":                {"DELETE", "users/" + id, 405},
		"post to collection":    {"POST", "users", 405},
		"unknown parameter":     {"GET", "users/" + id + "?colour=blue", 400},
		"unknown include":       {"GET", "users/" + id + "?include=colour", 400},
		"unknown expand":        {"GET", "users?expand=colour", 400},
		"some of the roles":     {"GET", "users/" + id + "/roleAssignments?limit=1", 400},
		"some of the groups":    {"GET", "users/" + id + "/memberOfGroups?limit=1", 400},
		"roles":                 {"GET", "users/" + id + "/roleAssignments", 200},
	} {
		answer := b.do(test.method, test.path, "")
		require.Equal(t, test.status, answer.status, "%s: %s", name, answer.body)
		require.NoError(t, uuid.Validate(answer.header.Get("Correlation-Id")), name)
		require.Equal(t, start.Format(http.TimeFormat), answer.header.Get("Date"), name)
	}
	request := b.request("GET", "users/"+id, "")
	request.Header.Del("Authorization")
	requireCode(t, b.send(request), 401, "ACCESS_FAILED", "INVALID_TOKEN")
}

// TestTwoContentTypes: a client that sends two draws a refusal now and then.
func TestTwoContentTypes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	require.Equal(t, simulator.TwoTypesAtTimes, b.sim.Settings().TwoContentTypes)
	for how, want := range map[string][]int{
		simulator.TwoTypesAtTimes: {415, 200, 415, 200}, simulator.TwoTypesRefused: {415, 415, 415, 415}, simulator.TwoTypesTaken: {200, 200, 200, 200},
	} {
		require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.TwoContentTypes = how }))
		var got []int
		for range want {
			got = append(got, b.do("POST", "users/"+id, "", "application/json", typeUnlock).status)
		}
		require.Equal(t, want, got, how)
	}
}

// TestAccept: the answer's type follows what the client accepts, that of an error too.
func TestAccept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.Faults.MustAdd(kit.Fault{Kind: kit.KindStatus, Status: 500, Operation: simulator.OpGroups})
	id := b.sim.MustCreateUser(map[string]any{})
	const hal = "application/hal+json;charset=UTF-8"
	for accept, want := range map[string]string{
		"": hal, "*/*": hal, "application/hal+json": hal, "application/hal+json, application/json": hal,
		"application/json": "application/json", "application/json, text/plain": "application/json",
	} {
		for _, path := range []string{"users/" + id, "users", "users/" + uuid.NewString(), "users/" + id + "/memberOfGroups"} {
			request := b.request("GET", path, "")
			request.Header.Set("Accept", accept)
			require.Equal(t, want, b.send(request).header.Get("Content-Type"), accept+" "+path)
		}
	}
}

// TestGroups: memberships hold IDs, and names where they are asked for.
func TestGroups(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"memberOfGroupIDs": []string{"g1", "g2"}, "memberOfGroupNames": []string{"Admins", "Staff"}})
	answer := b.do("GET", "users/"+id+"/memberOfGroups?expand=group", "")
	require.Contains(t, answer.body, `"g2"`)
	require.Contains(t, answer.body, `"Staff"`)
	require.NotContains(t, b.do("GET", "users/"+id+"/memberOfGroups", "").body, "Staff")
	require.Equal(t, 400, b.do("GET", "users/"+id+"/memberOfGroups?expand=colour", "").status)
	require.Equal(t, 3, b.sim.Calls.Count(simulator.OpGroups))
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(s *simulator.Settings) { s.TwoContentTypes = simulator.TwoTypesRefused })
	id := b.sim.MustCreateUser(map[string]any{})
	for name, test := range map[string]struct {
		method, path, body string
		types              []string
		status             int
	}{
		"unlock":                 {"POST", "users/" + id, "", []string{typeUnlock}, 200},
		"no type":                {"POST", "users/" + id, "", nil, 415},
		"json":                   {"POST", "users/" + id, "", []string{"application/json"}, 415},
		"two types":              {"POST", "users/" + id, "", []string{"application/json", typeUnlock}, 415},
		"two wrong types":        {"POST", "users/" + id, "", []string{"application/json", "text/plain"}, 415},
		"unlock with null":       {"POST", "users/" + id, "null", []string{typeUnlock}, 200},
		"lock with null":         {"POST", "users/" + id, "null", []string{typeLock}, 200},
		"lock with another key":  {"POST", "users/" + id, `{"for":"10m"}`, []string{typeLock}, 400},
		"password with null":     {"POST", "users/" + id + "/password", " null\n", []string{typeUnlockPassword}, 200},
		"enable and more":        {"PUT", "users/" + id + "/enabled", `{"enabled":true,"colour":1}`, []string{"application/json"}, 400},
		"password's type":        {"POST", "users/" + id, "", []string{typeUnlockPassword}, 415},
		"unlock with body":       {"POST", "users/" + id, "{}", []string{typeUnlock}, 400},
		"lock":                   {"POST", "users/" + id, "", []string{typeLock}, 200},
		"lock in the past":       {"POST", "users/" + id, `{"unlockAt":"2020-01-01T00:00:00Z"}`, []string{typeLock}, 400},
		"lock with nonsense":     {"POST", "users/" + id, `[]`, []string{typeLock}, 400},
		"password unlock":        {"POST", "users/" + id + "/password", "", []string{typeUnlockPassword}, 200},
		"password, account type": {"POST", "users/" + id + "/password", "", []string{typeUnlock}, 415},
		"password with body":     {"POST", "users/" + id + "/password", "{}", []string{typeUnlockPassword}, 400},
		"enable":                 {"PUT", "users/" + id + "/enabled", `{"enabled":true}`, []string{"application/json"}, 200},
		"enable without":         {"PUT", "users/" + id + "/enabled", `{}`, []string{"application/json"}, 400},
		"enable as text":         {"PUT", "users/" + id + "/enabled", `{"enabled":true}`, []string{"text/plain"}, 415},
	} {
		answer := b.do(test.method, test.path, test.body, test.types...)
		require.Equal(t, test.status, answer.status, "%s: %s", name, answer.body)
		require.Equal(t, "application/hal+json;charset=UTF-8", answer.header.Get("Content-Type"), name)
	}
}

func TestUserObject(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(json.RawMessage(`{"username":"bea","email":null,"nickname":null,
		"big":12345678901234567890,"memberOfGroupNames":["Admins"],"roleAssignments":[{"role":{"id":"r"}}]}`))
	answer := b.do("GET", "users/"+id, "")
	require.Contains(t, answer.body, `"big":12345678901234567890`)
	user := answer.object(t)
	for _, key := range []string{
		"id", "username", "externalId", "locale", "mobilePhone", "preferredLanguage", "primaryPhone", "timezone", "title", "type",
		"createdAt", "updatedAt", "emailVerified", "enabled", "mfaEnabled", "account", "address", "environment", "population",
		"photo", "identityProvider", "lastSignOn", "lifecycle", "name", "verifyStatus", "_links",
		"badgeNumber", "costCenters", "desk", "certificates",
	} {
		require.Contains(t, user, key)
	}
	for _, key := range []string{"email", "nickname", "memberOfGroupNames", "memberOfGroupIDs", "roleAssignments", "password", "_embedded"} {
		require.NotContains(t, user, key)
	}
	require.NotContains(t, answer.body, "null")
	require.Equal(t, map[string]any{"canAuthenticate": true, "status": "OK"}, user["account"])
	require.Equal(t, "2026-03-01T12:00:00.000Z", user["createdAt"])

	for _, both := range []string{"include=memberOfGroupNames,memberOfGroupIDs", "include=memberOfGroupNames&include=memberOfGroupIDs"} {
		user = b.do("GET", "users/"+id+"?expand=population&"+both, "").object(t)
		require.Equal(t, []any{"Admins"}, user["memberOfGroupNames"])
		require.NotContains(t, user, "memberOfGroupIDs", "one include is answered a call")
		require.Contains(t, user["population"], "name")
	}
	user = b.do("GET", "users/"+id+"?include=memberOfGroupIDs", "").object(t)
	require.Equal(t, []any{}, user["memberOfGroupIDs"])
	require.NotContains(t, user, "memberOfGroupNames")
	require.Equal(t, 1, b.sim.Calls.Count(simulator.OpGroupIDs))

	require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.AnswersEveryInclude = true }))
	user = b.do("GET", "users/"+id+"?include=memberOfGroupNames,memberOfGroupIDs", "").object(t)
	require.Contains(t, user, "memberOfGroupNames")
	require.Contains(t, user, "memberOfGroupIDs")

	require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.EmbedPasswordStatus = true }))
	user = b.do("GET", "users/"+id, "").object(t)
	require.Equal(t, map[string]any{"password": map[string]any{"status": "OK"}}, user["_embedded"])
	require.Contains(t, b.do("GET", "users/"+id+"/roleAssignments", "").body, `"role"`)
}

func TestChangeOnCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"username": "dee"})
	answer := b.do("POST", "/_simulator/faults", `{"kind":"change","operation":"lookup","skip":1,"times":1,"change":{"user":"dee","action":"disable"}}`, "application/json")
	require.Equal(t, 200, answer.status, answer.body)
	for _, want := range []bool{true, false, false} {
		require.Equal(t, want, b.do("GET", "users/"+id, "").object(t)["enabled"])
	}
}

func TestActionsAndSet(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"username": "eve"})
	require.NoError(t, b.sim.Act(id, "set", map[string]any{
		"username": "eva", "email": nil, "title": "CFO", "password": map[string]string{"value": "new", "status": "OK"},
	}))
	require.True(t, b.sim.SignIn("eva", "new").OK)
	require.Equal(t, "unknown_user", b.sim.SignIn("eve", "new").Reason)
	require.Error(t, b.sim.Act(id, "set", map[string]any{"password": map[string]string{"status": "PASSWORD_LOCKED_OUT"}}))
	require.NoError(t, b.sim.Act(id, "expire-password", nil))
	require.Equal(t, "password_expired", b.sim.SignIn("eva", "new").Reason)
	require.NoError(t, b.sim.Act(id, "lock-password", nil))
	require.NoError(t, b.sim.Act(id, "unlock-password", nil))
	require.Equal(t, "PASSWORD_EXPIRED", b.passwordStatus(id), "an expired password stays expired")
	require.NoError(t, b.sim.Act(id, "delete", nil))
	require.Equal(t, 404, b.do("GET", "users/"+id, "").status)
	require.ErrorContains(t, b.sim.Act(id, "lock", nil), "there is no user")
	require.ErrorContains(t, b.sim.Act(id, "dance", nil), "there is no action")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	answer := b.do("PUT", "/_simulator/settings", `{"lockout":{"failureCount":2},"tokenLifetime":"5m"}`, "application/json")
	require.Equal(t, 200, answer.status, answer.body)
	require.Equal(t, 2, b.sim.Settings().Lockout.FailureCount)
	require.Equal(t, kit.Duration(15*time.Minute), b.sim.Settings().Lockout.Window, "what is not named stays")
	for body, sentence := range map[string]string{
		`{"colour":1}`:                     `unknown key "colour"`,
		`{"lockout":{"colour":1}}`:         `unknown key "colour"`,
		`{"tokenLifetime":60}`:             "a duration is a string",
		`{"tokenLifetime":"0s"}`:           "above zero",
		`{"tokenEndpointAuthMethod":"no"}`: "tokenEndpointAuthMethod must be",
		`{"lockout":{"failureCount":-1}}`:  "failureCount must be",
		`{"twoContentTypes":"no"}`:         "twoContentTypes must be",
		`{} {}`:                            "after top-level value",
	} {
		answer := b.do("PUT", "/_simulator/settings", body, "application/json")
		require.Equal(t, 400, answer.status, body)
		require.Contains(t, answer.object(t)["error"], sentence)
	}
	b.sim.Reset()
	require.Equal(t, simulator.DefaultSettings(), b.sim.Settings())
}
