package pingone

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/kelseyhightower/envconfig"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	good := Config{EnvironmentID: testEnvironment, ClientID: "c", ClientSecret: "s", Region: "AU", Credentials: "body"}
	var called []string
	opened, err := good.Open(connectors.Options{Transport: transport(func(r *http.Request) *http.Response {
		_, _, basic := r.BasicAuth()
		require.False(t, basic, "the credentials are in the body")
		called = append(called, r.URL.String())
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"access_token":"T"}`)),
		}
	})})
	require.NoError(t, err)
	_, err = opened[0].Driver.Get(t.Context(), testID)
	require.Error(t, err, "a token is no user")
	require.Equal(t, []string{
		"https://auth.pingone.com.au/" + testEnvironment + "/as/token",
		"https://api.pingone.com.au/v1/environments/" + testEnvironment + "/users/" + testID + "?include=memberOfGroupNames",
	}, called)

	bad := Config{EnvironmentID: "../x", Region: "mars", Credentials: "cookie", AuthURL: "http://example.com", ApiURL: "x"}
	_, err = bad.Open(connectors.Options{})
	faults := []string{
		"ENVIRONMENT_ID must be a UUID", "CLIENT_ID must be set", "CLIENT_SECRET or CLIENT_SECRET_FILE must be set",
		"CREDENTIALS must be basic or body", "REGION must be na, ca, eu, au, sg or ap",
		"API_URL must be an address", "AUTH_URL must begin with https://",
	}
	require.Len(t, strings.Split(err.Error(), "\n"), len(faults))
	requireFlat(t, err)
	for _, fault := range faults {
		require.ErrorContains(t, err, fault)
	}
	bad = good
	bad.ClientSecret, bad.ClientSecretFile = "", "testdata/nowhere"
	_, err = bad.Open(connectors.Options{})
	require.ErrorContains(t, err, "CLIENT_SECRET_FILE names a file that cannot be read")
}

type transport func(*http.Request) *http.Response

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r), nil }

func TestConfigFromEnvironment(t *testing.T) {
	t.Setenv("LATCHKEY_CONNECTION_PING_CLIENT_SECRET", testSecret)
	t.Setenv("CLIENT_ID", "stray")
	config := NewConfig()
	require.NoError(t, envconfig.Process("LATCHKEY_CONNECTION_PING", config))
	require.Equal(t, testSecret, config.ClientSecret.Reveal())
	require.Equal(t, NewConfig().Region, config.Region)
	require.Empty(t, config.ClientID, "a variable without the prefix is not ours")
	require.Equal(t, []string{
		"P_ENVIRONMENT_ID", "P_CLIENT_ID", "P_CLIENT_SECRET", "P_CLIENT_SECRET_FILE",
		"P_CREDENTIALS", "P_REGION", "P_AUTH_URL", "P_API_URL",
	}, variablesOf(t, config))
	require.Equal(t, NewConfig().Credentials, config.Credentials)

	encoded, err := json.Marshal(config)
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", config, config, config, encoded), testSecret)
}

// requireFlat: the worker puts the connection's prefix before each fault.
func requireFlat(t *testing.T, err error) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, fault := range joined.Unwrap() {
		require.Regexp(t, `^[A-Z][A-Z_]+ [^\n]+$`, fault.Error())
	}
}

func variablesOf(t *testing.T, config any) []string {
	t.Helper()
	var names strings.Builder
	require.NoError(t, envconfig.Usagef("P", config, &names, "{{range .}}{{usage_key .}} {{end}}"))
	return strings.Fields(names.String())
}
