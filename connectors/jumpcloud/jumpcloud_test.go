package jumpcloud

import (
	"context"
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
	testKey = "0123456789abcdef0123456789abcdef01234567"
	testID  = "5f1b1bb2c2d3e4f5a6b7c8d9"
	testOrg = "5a4bff7ab17d0c9f63bcd277"
)

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

func listOf(users ...string) string {
	return fmt.Sprintf(`{"totalCount":%d,"results":[%s]}`, len(users), strings.Join(users, ","))
}

// fake answers by "METHOD /path?query body"; anything else is 404.
type fake struct {
	*httptest.Server
	answers map[string]string
	log     []string
}

func newFake(t *testing.T, answers map[string]string) *fake {
	t.Helper()
	fake := &fake{answers: answers}
	fake.Server = httptest.NewServer(fake)
	t.Cleanup(fake.Close)
	return fake
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.URL.EscapedPath()
	if filter := r.URL.Query().Get("filter"); filter != "" {
		line += " " + filter
	}
	if len(body) > 0 {
		line += " " + string(body)
	}
	f.log = append(f.log, line)
	if r.Header.Get("x-api-key") != testKey || r.Header.Get("Accept") != "application/json" {
		w.Header().Set("Location", "/login")
		w.WriteHeader(http.StatusFound)
		return
	}
	w.Header().Set("Date", "Thu, 12 Feb 2026 18:00:00 GMT")
	answer, found := f.answers[line]
	if !found {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"code":404,"message":"jane.doe@example.com"}`)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = io.WriteString(w, answer)
}

func (f *fake) open(t *testing.T) *connectors.Connector {
	t.Helper()
	config := NewConfig()
	config.APIKey, config.BaseURL = testKey, f.URL+"/api/"
	connector, err := connectors.Open(Provider(), config, connectors.Options{})
	require.NoError(t, err)
	return connector
}

const (
	getUser    = "GET /api/systemusers/" + testID
	postUnlock = "POST /api/systemusers/" + testID + "/unlock"
	getOrg     = "GET /api/organizations/" + testOrg
	postSearch = "POST /api/search/systemusers "
	orgOf3     = `{"settings":{"passwordPolicy":{"enableMaxLoginAttempts":true,"maxLoginAttempts":3}}}`
)

func TestLookupByID(t *testing.T) {
	t.Parallel()
	fake := newFake(t, map[string]string{getUser: fixture(t, nil), getOrg: orgOf3})
	connector := fake.open(t)
	for range 2 {
		account, err := connector.Lookup(t.Context(), connectors.UserRef{ID: strings.ToUpper(testID)})
		require.NoError(t, err)
		since := time.Date(2026, 2, 12, 17, 45, 42, 369e6, time.UTC)
		user := account.User
		account.User = nil
		require.Equal(t, &connectors.Account{
			ID: testID, Username: "Jane.Doe", Email: "jane.doe@example.com", DisplayName: "Jane Doe",
			AsOf: time.Date(2026, 2, 12, 18, 0, 0, 0, time.UTC),
			State: connectors.State{
				Locks: []connectors.Lock{{
					Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn, ReasonInferred: true, Since: &since,
				}},
				Privileged: connectors.No, CanSignIn: connectors.No,
			},
		}, account)
		require.Contains(t, string(user), `"unix_uid":4294967295`)
		require.Contains(t, string(user), `"big":12345678901234567890.10`)
		require.Contains(t, string(user), `"exclusionUntil":null`)
		require.NotContains(t, string(user), "never\"")
	}
	require.Equal(t, []string{getUser, getOrg, getUser}, fake.log, "the organization is read once")
}

func TestLookupByName(t *testing.T) {
	t.Parallel()
	exact := "GET /api/systemusers username:$eq:"
	regex := func(field, quoted string) string {
		pattern, _ := json.Marshal("(?i)(^" + quoted + "$)")
		return postSearch + `{"filter":{"` + field + `":{"$regex":` + string(pattern) + `}},"limit":10}`
	}
	jane := fixture(t, map[string]any{"account_locked": false})
	odd := fixture(t, map[string]any{"username": "a+b:c&d (e)", "account_locked": false})
	other := fixture(t, map[string]any{"_id": "ffffffffffffffffffffffff", "account_locked": false})
	cases := map[string]struct {
		ref     connectors.UserRef
		answers map[string]string
		want    connectors.Kind
		calls   int
	}{
		"exact":       {ref: connectors.UserRef{Username: "Jane.Doe"}, answers: map[string]string{exact + "Jane.Doe": listOf(jane)}, calls: 1},
		"odd letters": {ref: connectors.UserRef{Username: "a+b:c&d (e)"}, answers: map[string]string{exact + "a+b:c&d (e)": listOf(odd)}, calls: 1},
		"other case": {ref: connectors.UserRef{Username: "jane.doe"}, calls: 3, answers: map[string]string{
			exact + "jane.doe": listOf(), regex("username", `jane\.doe`): listOf(jane), getUser: jane,
		}},
		"email": {ref: connectors.UserRef{Email: "JANE.doe@example.com"}, calls: 3, answers: map[string]string{
			"GET /api/systemusers email:$eq:JANE.doe@example.com": listOf(), regex("email", `JANE\.doe@example\.com`): listOf(jane), getUser: jane,
		}},
		"nobody": {ref: connectors.UserRef{Username: "x"}, want: connectors.NotFound, calls: 2, answers: map[string]string{
			exact + "x": listOf(), regex("username", "x"): listOf(),
		}},
		"two":             {ref: connectors.UserRef{Username: "Jane.Doe"}, want: connectors.Ambiguous, calls: 1, answers: map[string]string{exact + "Jane.Doe": listOf(jane, other)}},
		"ignored filter":  {ref: connectors.UserRef{Username: "x"}, want: connectors.MalformedResponse, calls: 1, answers: map[string]string{exact + "x": listOf(jane)}},
		"wrong address":   {ref: connectors.UserRef{Username: "x"}, want: connectors.RejectedByProvider, calls: 1},
		"no results":      {ref: connectors.UserRef{Username: "x"}, want: connectors.MalformedResponse, calls: 1, answers: map[string]string{exact + "x": `{"totalCount":0}`}},
		"two references":  {ref: connectors.UserRef{Username: "x", Email: "y"}, want: connectors.RejectedByProvider},
		"a UUID":          {ref: connectors.UserRef{ID: "11111111-2222-3333-4444-555555555555"}, want: connectors.RejectedByProvider},
		"unknown ID":      {ref: connectors.UserRef{ID: testID}, want: connectors.NotFound, calls: 1},
		"another account": {ref: connectors.UserRef{ID: testID}, want: connectors.MalformedResponse, calls: 1, answers: map[string]string{getUser: other}},
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

func unlock(_ require.TestingT, connector *connectors.Connector, account *connectors.Account) error {
	_, err := connector.Unlock(context.Background(), account)
	return err
}

func TestUnlock(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", `"OK"`, "{}", "OK"} {
		fake := newFake(t, map[string]string{postUnlock: body})
		unlocked, err := fake.open(t).Unlock(t.Context(), &connectors.Account{ID: testID})
		require.NoError(t, err)
		require.Equal(t, []string{postUnlock}, fake.log)
		require.False(t, unlocked.At.IsZero())
	}
	err := unlock(t, newFake(t, nil).open(t), &connectors.Account{ID: "../x"})
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, connectors.No, failure.Sent)
}

func TestEveryStatusOfAnUnlock(t *testing.T) {
	t.Parallel()
	status := 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":"Unauthorized","message":"`+testKey+` jane.doe"}`)
	}))
	t.Cleanup(server.Close)
	connector := (&fake{Server: server}).open(t)
	for status = 200; status <= 599; status++ {
		err := unlock(t, connector, &connectors.Account{ID: testID, Username: "jane.doe"})
		if status < 300 {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, httpcall.KindOf(status), connectors.KindOf(err), status)
		require.NotContains(t, err.Error(), testKey)
		require.NotContains(t, err.Error(), "jane.doe")
	}
}

func TestServiceAccount(t *testing.T) {
	t.Parallel()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, password, _ := r.BasicAuth()
		if id != "client" || password != "secret" || r.FormValue("scope") != "api" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"T","token_type":"bearer","expires_in":3599}`)
	}))
	t.Cleanup(tokens.Close)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer T" || r.Header.Get("x-org-id") != testOrg || r.Header.Get("x-api-key") != "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(api.Close)
	config := &Config{ClientID: "client", ClientSecret: "secret", OrgID: testOrg, Region: "eu", BaseURL: api.URL, TokenURL: tokens.URL}
	connector, err := connectors.Open(Provider(), config, connectors.Options{})
	require.NoError(t, err)
	require.NoError(t, unlock(t, connector, &connectors.Account{ID: testID}))
}

func TestRotatedKey(t *testing.T) {
	t.Parallel()
	fake := newFake(t, map[string]string{postUnlock: ""})
	file := t.TempDir() + "/key"
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	connector, err := connectors.Open(Provider(), &Config{APIKeyFile: file, Region: "us", BaseURL: fake.URL + "/api"}, connectors.Options{})
	require.NoError(t, err)
	account := &connectors.Account{ID: testID}
	err = unlock(t, connector, account)
	require.Equal(t, connectors.Unauthenticated, connectors.KindOf(err), "answered 302")
	require.True(t, connectors.Retryable(err), "the file may be about to change")
	require.NoError(t, os.WriteFile(file, []byte(testKey+"\n"), 0o600))
	require.NoError(t, unlock(t, connector, account))
	require.NoError(t, os.Truncate(file, 0))
	err = unlock(t, connector, account)
	require.ErrorContains(t, err, "API_KEY_FILE names an empty file")
	require.Equal(t, connectors.Unavailable, connectors.KindOf(err))
}
