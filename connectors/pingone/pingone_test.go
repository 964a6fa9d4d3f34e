package pingone

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
)

const (
	testEnvironment = "11111111-2222-3333-4444-555555555555"
	testID          = "5f1b1bb2-c2d3-44f5-a6b7-c8d9e0f1a2b3"
	testSecret      = "s3cr3t-s3cr3t"
	users           = "/v1/environments/" + testEnvironment + "/users"
	getUser         = "GET " + users + "/" + testID
	getGroupIDs     = getUser + " memberOfGroupIDs"
	getPassword     = getUser + "/password"
	postAccount     = "POST " + users + "/" + testID + " " + unlockAccount
	postPassword    = "POST " + users + "/" + testID + "/password " + unlockPassword
)

// testNow is before the fixture's lock ends.
var testNow = time.Date(2026, 2, 12, 18, 0, 0, 0, time.UTC)

// fixture returns the user of testdata with changes; a nil value removes the key.
func fixture(t testing.TB, changes map[string]any) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/user.json")
	require.NoError(t, err)
	var object map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&object))
	for key, value := range changes {
		if object[key] = value; value == nil {
			delete(object, key)
		}
	}
	changed, err := json.Marshal(object)
	require.NoError(t, err)
	return string(changed)
}

// withIDs are the changes to a user that is read for the IDs of its groups.
var withIDs = map[string]any{
	"memberOfGroupNames": nil, "population": map[string]any{"id": "99999999-2222-3333-4444-555555555555", "name": "Everybody"},
}

func pageOf(next string, users ...string) string {
	links := "{}"
	if next != "" {
		links = `{"next":{"href":"` + next + `"}}`
	}
	return fmt.Sprintf(`{"_links":%s,"_embedded":{"users":[%s]},"count":%d,"size":%d}`, links, strings.Join(users, ","), len(users), len(users))
}

// answer is what the fake says; without a body it is a refusal of that status.
type answer struct {
	status int
	body   string
}

func ok(body string) answer { return answer{status: 200, body: body} }

// fake answers by "METHOD /path filter-or-content-type"; anything else is 404.
type fake struct {
	*httptest.Server
	answers map[string]answer
	log     []string
}

func newFake(t *testing.T, answers map[string]answer) *fake {
	t.Helper()
	fake := &fake{answers: answers}
	fake.Server = httptest.NewServer(fake)
	t.Cleanup(fake.Close)
	return fake
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/hal+json;charset=UTF-8")
	w.Header().Set("Date", testNow.Format(http.TimeFormat))
	w.Header().Set("Correlation-Id", "c-1")
	if r.URL.Path == "/"+testEnvironment+"/as/token" {
		_, _ = io.WriteString(w, `{"access_token":"T","token_type":"Bearer","expires_in":3600}`)
		return
	}
	line := strings.TrimSpace(r.Method + " " + r.URL.Path + " " + r.URL.Query().Get("filter") + r.URL.Query().Get("cursor") + r.Header.Get("Content-Type"))
	if r.URL.Query().Get("include") == "memberOfGroupIDs" {
		line += " memberOfGroupIDs"
	}
	f.log = append(f.log, line)
	answer, found := f.answers[line]
	if !found {
		answer.status = http.StatusNotFound
	}
	body, _ := io.ReadAll(r.Body)
	switch {
	case r.Header.Get("Authorization") != "Bearer T":
		answer.status, answer.body = http.StatusUnauthorized, ""
	case len(r.Header.Values("Content-Type")) > 1 || len(body) > 0:
		answer.status, answer.body = http.StatusUnsupportedMediaType, ""
	}
	w.WriteHeader(answer.status)
	if answer.body == "" {
		answer.body = `{"id":"x","code":"SOME_CODE","message":"jane.doe@example.com ` + testSecret + `"}`
	}
	_, _ = io.WriteString(w, answer.body)
}

func (f *fake) open(t *testing.T) *connectors.Connector {
	t.Helper()
	config := &Config{
		EnvironmentID: testEnvironment, ClientID: "client", ClientSecret: testSecret,
		Region: "eu", Credentials: "basic", AuthURL: f.URL, ApiURL: f.URL + "/v1",
	}
	connector, err := connectors.Open(Provider(), config, connectors.Options{Now: func() time.Time { return testNow }})
	require.NoError(t, err)
	return connector
}

func TestLookupByID(t *testing.T) {
	t.Parallel()
	fake := newFake(t, map[string]answer{
		getUser:     ok(fixture(t, map[string]any{"memberOfGroupIDs": nil})),
		getGroupIDs: ok(fixture(t, withIDs)), getPassword: ok(`{"status":"PASSWORD_LOCKED_OUT"}`),
	})
	account, err := fake.open(t).Lookup(t.Context(), connectors.UserRef{ID: strings.ToUpper(testID)})
	require.NoError(t, err)
	user := account.User
	account.User = nil
	until := testNow.Add(15 * time.Minute)
	lock := connectors.Lock{Layer: connectors.LayerPassword, Reason: connectors.ReasonFailedSignIn, ReasonInferred: true}
	accountLock := lock
	lock.Permanent = true
	accountLock.Layer, accountLock.Until = connectors.LayerAccount, &until
	require.Equal(t, &connectors.Account{
		ID: testID, Username: "jane.doe", Email: "jane.doe@example.com", DisplayName: "Jane Doe", AsOf: testNow,
		Groups: []string{"Staff", "88888888-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555", "Everybody"},
		State: connectors.State{
			Locks: []connectors.Lock{accountLock, lock}, Privileged: connectors.Unknown, CanSignIn: connectors.No,
		},
	}, account)
	require.Equal(t, []string{getUser, getGroupIDs, getPassword}, fake.log)
	var whole map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(user, &whole))
	for _, field := range fields {
		require.Contains(t, whole, field.Key)
	}
	require.Equal(t, "12345678901234567890.10", string(whole["badge"]))
	require.JSONEq(t, `["Staff"]`, string(whole["memberOfGroupNames"]))
	require.JSONEq(t, `["88888888-2222-3333-4444-555555555555"]`, string(whole["memberOfGroupIDs"]))
	require.JSONEq(t, `{"canAuthenticate":false,"lockedAt":null,"secondsUntilUnlock":900,"status":"LOCKED","unlockAt":"2026-02-12T18:15:00.000Z"}`, string(whole["account"]))
}

func TestLookupByName(t *testing.T) {
	t.Parallel()
	jane := fixture(t, nil)
	odd := fixture(t, map[string]any{"username": `a"b\c`})
	find := "GET " + users + " "
	read := func(line, body string) map[string]answer {
		return map[string]answer{find + line: ok(body), getUser: ok(jane), getGroupIDs: ok(jane), getPassword: ok(`{"status":"OK"}`)}
	}
	cases := map[string]struct {
		ref     connectors.UserRef
		answers map[string]answer
		want    connectors.Kind
		calls   int
	}{
		"username":       {ref: connectors.UserRef{Username: "Jane.Doe"}, answers: read(`username eq "Jane.Doe"`, pageOf("", jane)), calls: 4},
		"email":          {ref: connectors.UserRef{Email: "jane.doe@example.com"}, answers: read(`email eq "jane.doe@example.com"`, pageOf("", jane)), calls: 4},
		"odd letters":    {ref: connectors.UserRef{Username: `a"b\c`}, answers: map[string]answer{find + `username eq "a\"b\\c"`: ok(pageOf("", odd)), getUser: ok(odd), getGroupIDs: ok(odd), getPassword: ok(`{"status":"OK"}`)}, calls: 4},
		"nobody":         {ref: connectors.UserRef{Username: "x"}, answers: read(`username eq "x"`, pageOf("")), want: connectors.NotFound, calls: 1},
		"bare nobody":    {ref: connectors.UserRef{Username: "x"}, answers: read(`username eq "x"`, `{"size":0}`), want: connectors.NotFound, calls: 1},
		"two":            {ref: connectors.UserRef{Email: "jane.doe@example.com"}, answers: read(`email eq "jane.doe@example.com"`, pageOf("", jane, jane)), want: connectors.Ambiguous, calls: 1},
		"ignored filter": {ref: connectors.UserRef{Username: "x"}, answers: read(`username eq "x"`, pageOf("", jane)), want: connectors.MalformedResponse, calls: 1},
		"no users":       {ref: connectors.UserRef{Username: "x"}, answers: read(`username eq "x"`, `{}`), want: connectors.MalformedResponse, calls: 1},
		"wrong address":  {ref: connectors.UserRef{Username: "x"}, want: connectors.RejectedByProvider, calls: 1},
		"unknown ID":     {ref: connectors.UserRef{ID: testID}, want: connectors.NotFound, calls: 1},
		"other ID":       {ref: connectors.UserRef{ID: testID}, answers: map[string]answer{getUser: ok(fixture(t, map[string]any{"id": testEnvironment}))}, want: connectors.MalformedResponse, calls: 1},
		"JumpCloud's ID": {ref: connectors.UserRef{ID: "5f1b1bb2c2d3e4f5a6b7c8d9"}, want: connectors.RejectedByProvider},
		"nothing":        {want: connectors.RejectedByProvider},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFake(t, test.answers)
			account, err := fake.open(t).Lookup(t.Context(), test.ref)
			require.Equal(t, test.want, connectors.KindOf(err), "%v", err)
			require.Len(t, fake.log, test.calls)
			if test.want != "" {
				require.NotContains(t, strings.ToLower(err.Error()), "jane")
				return
			}
			require.Equal(t, testID, account.ID)
		})
	}
}

func TestEveryStatusOfThePassword(t *testing.T) {
	t.Parallel()
	fake := newFake(t, map[string]answer{getUser: ok(fixture(t, nil)), getGroupIDs: ok(fixture(t, withIDs))})
	connector := fake.open(t)
	for status := 300; status <= 599; status++ {
		fake.answers[getPassword] = answer{status: status}
		account, err := connector.Lookup(t.Context(), connectors.UserRef{ID: testID})
		kind := httpcall.KindOf(status)
		if kind.Retryable() {
			require.Equal(t, kind, connectors.KindOf(err), status)
			continue
		}
		require.NoError(t, err, status)
		require.Equal(t, []connectors.Unread{{Layer: connectors.LayerPassword, Kind: kind}}, account.State.Unread)
	}
}

// TestGroupsAreToldWhole: of groups that were told by half nothing is known.
func TestGroupsAreToldWhole(t *testing.T) {
	t.Parallel()
	names, ids := fixture(t, map[string]any{"memberOfGroupIDs": nil}), fixture(t, withIDs)
	change := func(key string, value any) string {
		changed := map[string]any{"memberOfGroupNames": nil, "population": withIDs["population"]}
		changed[key] = value
		return fixture(t, changed)
	}
	for name, test := range map[string]struct {
		names string
		ids   answer
		known bool
		fails connectors.Kind
	}{
		"both":                            {names: names, ids: ok(ids), known: true},
		"in no group":                     {names: fixture(t, map[string]any{"memberOfGroupNames": []any{}}), ids: ok(change("memberOfGroupIDs", []any{})), known: true},
		"names are not told":              {names: fixture(t, map[string]any{"memberOfGroupNames": nil}), ids: ok(ids)},
		"IDs are not told":                {names: names, ids: ok(change("memberOfGroupIDs", nil))},
		"the population's name is not":    {names: names, ids: ok(change("population", map[string]any{"id": testEnvironment}))},
		"the population is not":           {names: fixture(t, map[string]any{"population": nil}), ids: ok(ids)},
		"IDs are refused":                 {names: names, ids: answer{status: http.StatusForbidden}},
		"IDs are not to be had for now":   {names: names, ids: answer{status: http.StatusServiceUnavailable}, fails: connectors.Unavailable},
		"IDs are of another account":      {names: names, ids: ok(change("id", testEnvironment)), fails: connectors.MalformedResponse},
		"IDs have another type":           {names: names, ids: ok(change("memberOfGroupIDs", "x")), fails: connectors.MalformedResponse},
		"the second include is passed by": {names: names, ids: ok(fixture(t, map[string]any{"memberOfGroupIDs": nil}))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFake(t, map[string]answer{getUser: ok(test.names), getGroupIDs: test.ids, getPassword: ok(`{"status":"OK"}`)})
			account, err := fake.open(t).Lookup(t.Context(), connectors.UserRef{ID: testID})
			require.Equal(t, test.fails, connectors.KindOf(err), err)
			if err == nil {
				require.Equal(t, test.known, account.Groups != nil)
			}
		})
	}
}

func TestEveryStatusOfAnUnlock(t *testing.T) {
	t.Parallel()
	fake := newFake(t, map[string]answer{})
	connector := fake.open(t)
	account := &connectors.Account{ID: testID, Username: "jane.doe", Email: "jane.doe@example.com"}
	for status := 300; status <= 599; status++ {
		fake.answers = map[string]answer{postAccount: {status: status}}
		first := failureOf(t, unlock(t, connector, account), status)
		require.Equal(t, map[bool]connectors.Answer{true: connectors.Unknown, false: connectors.No}[status >= 500 || status == http.StatusRequestTimeout], first.Sent, status)

		fake.answers = map[string]answer{postAccount: ok(fixture(t, nil)), getPassword: {status: status}}
		require.Equal(t, connectors.Yes, failureOf(t, unlock(t, connector, account), status).Sent)

		fake.answers[getPassword] = ok(`{"status":"PASSWORD_LOCKED_OUT"}`)
		fake.answers[postPassword] = answer{status: status}
		require.Equal(t, connectors.Yes, failureOf(t, unlock(t, connector, account), status).Sent)
	}
}

func unlock(t *testing.T, connector *connectors.Connector, account *connectors.Account) error {
	t.Helper()
	_, err := connector.Unlock(t.Context(), account)
	return err
}

func failureOf(t *testing.T, err error, status int) *connectors.Error {
	t.Helper()
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, httpcall.KindOf(status), failure.Kind, status)
	require.Equal(t, "unlock", failure.Operation)
	require.Equal(t, "c-1", failure.RequestID)
	if status != http.StatusNotModified {
		require.Equal(t, "SOME_CODE", failure.Code)
	}
	require.NotContains(t, err.Error(), testSecret)
	require.NotContains(t, err.Error(), "jane")
	return failure
}

func TestUnlock(t *testing.T) {
	t.Parallel()
	for status, want := range map[string][]string{
		"OK":                  {postAccount, getPassword},
		"NO_PASSWORD":         {postAccount, getPassword},
		"PASSWORD_EXPIRED":    {postAccount, getPassword},
		"PASSWORD_LOCKED_OUT": {postAccount, getPassword, postPassword},
	} {
		fake := newFake(t, map[string]answer{postAccount: ok(fixture(t, nil)), getPassword: ok(`{"status":"` + status + `"}`), postPassword: ok("{}")})
		account := &connectors.Account{ID: testID}
		unlocked, err := fake.open(t).Unlock(t.Context(), account)
		require.NoError(t, err)
		require.Equal(t, want, fake.log)
		require.Equal(t, testNow, unlocked.At)
	}
	fake := newFake(t, nil)
	err := unlock(t, fake.open(t), &connectors.Account{ID: "../x"})
	require.Equal(t, connectors.RejectedByProvider, connectors.KindOf(err))
	require.Empty(t, fake.log)
}
