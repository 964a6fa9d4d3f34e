package jumpcloud

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/kelseyhightower/envconfig"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		config Config
		want   []string
	}{
		"key":             {config: Config{APIKey: testKey, Region: "eu"}},
		"service account": {config: Config{ClientID: "c", ClientSecret: "s", Region: "IN", OrgID: testOrg, MaxLoginAttempts: "6"}},
		"everything wrong": {
			config: Config{APIKey: "x", ClientID: "c", OrgID: "zz", Region: "mars", BaseURL: "http://example.com", TokenURL: "x", MaxLoginAttempts: "0"},
			want: []string{"API_KEY and CLIENT_ID with CLIENT_SECRET must not", "ORG_ID must be 24 hexadecimal digits", "REGION must be us, eu or in",
				"BASE_URL must begin with https://", "TOKEN_URL must be an address", "MAX_LOGIN_ATTEMPTS must be"},
		},
		"no credential": {config: Config{Region: "us"}, want: []string{"API_KEY or API_KEY_FILE, or CLIENT_ID"}},
		"no client":     {config: Config{Region: "us", ClientSecret: "s"}, want: []string{"CLIENT_ID must be set"}},
		"no secret":     {config: Config{Region: "us", ClientID: "c"}, want: []string{"CLIENT_SECRET or CLIENT_SECRET_FILE must be set"}},
		"missing file":  {config: Config{Region: "us", APIKeyFile: "testdata/nowhere"}, want: []string{"API_KEY_FILE names a file that cannot be read"}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.config.Open(connectors.Options{})
			if len(test.want) == 0 {
				require.NoError(t, err)
				return
			}
			require.Len(t, strings.Split(err.Error(), "\n"), len(test.want), err)
			requireFlat(t, err)
			for _, fault := range test.want {
				require.ErrorContains(t, err, fault)
			}
		})
	}
}

func TestConfigFromEnvironment(t *testing.T) {
	t.Setenv("LATCHKEY_CONNECTION_JC_API_KEY", testKey)
	t.Setenv("CLIENT_SECRET", "stray")
	t.Setenv("LATCHKEY_CONNECTION_JC_MAX_LOGIN_ATTEMPTS", "many")
	config := NewConfig()
	require.NoError(t, envconfig.Process("LATCHKEY_CONNECTION_JC", config), "only Open reports faults")
	require.Equal(t, testKey, config.APIKey.Reveal())
	require.Equal(t, NewConfig().Region, config.Region)
	require.Empty(t, config.ClientSecret.Reveal(), "a variable without the prefix is not ours")
	require.Equal(t, []string{
		"P_API_KEY", "P_API_KEY_FILE", "P_CLIENT_ID", "P_CLIENT_SECRET", "P_CLIENT_SECRET_FILE",
		"P_ORG_ID", "P_REGION", "P_BASE_URL", "P_TOKEN_URL", "P_MAX_LOGIN_ATTEMPTS",
	}, variablesOf(t, config))
	_, err := config.Open(connectors.Options{})
	require.ErrorContains(t, err, "MAX_LOGIN_ATTEMPTS")

	encoded, err := json.Marshal(config)
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", config, config, config, encoded), testKey)
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
