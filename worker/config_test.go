package worker

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
)

// environment sets these variables, and none other of Latchkey's, until the test ends.
func environment(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, Prefix+"_") {
			t.Setenv(name, value) // Restores it at the end.
			require.NoError(t, os.Unsetenv(name))
		}
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

// together merges variables; later ones win.
func together(sets ...map[string]string) map[string]string {
	merged := map[string]string{}
	for _, set := range sets {
		for name, value := range set {
			merged[name] = value
		}
	}
	return merged
}

const environmentID = "11111111-2222-3333-4444-555555555555"

var (
	oneJumpCloud = map[string]string{"LATCHKEY_CONNECTIONS": "jc-prod:jumpcloud", "LATCHKEY_CONNECTION_JC_PROD_API_KEY": "key"}
	onePingOne   = map[string]string{
		"LATCHKEY_CONNECTIONS":                      "ping:pingone",
		"LATCHKEY_CONNECTION_PING_ENVIRONMENT_ID":   environmentID,
		"LATCHKEY_CONNECTION_PING_CLIENT_ID":        "application",
		"LATCHKEY_CONNECTION_PING_CLIENT_SECRET":    "secret",
		"LATCHKEY_CONNECTION_PING_PROTECTED_GROUPS": "Domain Admins",
	}
)

func TestLoad(t *testing.T) { //nolint:paralleltest // it sets the process's environment
	defaults := Config{Workflows: true, HealthAddress: "127.0.0.1:8085", LogLevel: zapcore.InfoLevel, LogFormat: "json", DrainTimeout: 30 * time.Second}
	for name, test := range map[string]struct {
		set  map[string]string
		want func(*Config)
	}{
		"nothing is set: a worker for workflows": {nil, func(*Config) {}},
		"every setting of the worker": {map[string]string{
			"LATCHKEY_CONNECTIONS": " , ", "LATCHKEY_HEALTH_ADDRESS": "off", "LATCHKEY_LOG_LEVEL": "warn",
			"LATCHKEY_LOG_FORMAT": "console", "LATCHKEY_DRAIN_TIMEOUT": "25s", "LATCHKEY_WORKFLOWS": "1",
		}, func(c *Config) {
			c.HealthAddress, c.LogLevel, c.LogFormat, c.DrainTimeout = "", zapcore.WarnLevel, "console", 25*time.Second
		}},
		"the least of a connection": {oneJumpCloud, func(c *Config) {
			c.Connections = []Connection{{Name: "jc-prod", Config: &jumpcloud.Config{APIKey: "key", Region: "us"},
				Rules: guard.Rules{ApprovalTimeout: guard.Duration(time.Hour)}}}
		}},
		"every rule of a connection; lists may hold spaces": {together(oneJumpCloud, map[string]string{
			"LATCHKEY_WORKFLOWS":                               "false",
			"LATCHKEY_CONNECTION_JC_PROD_REGION":               "eu",
			"LATCHKEY_CONNECTION_JC_PROD_RATE_LIMIT":           "2.5",
			"LATCHKEY_CONNECTION_JC_PROD_PROTECTED_USERS":      "root, *@board.example.com ,a b",
			"LATCHKEY_CONNECTION_JC_PROD_REFUSE_ADMIN_LOCKS":   "true",
			"LATCHKEY_CONNECTION_JC_PROD_REFUSE_PRIVILEGED":    "TRUE",
			"LATCHKEY_CONNECTION_JC_PROD_PERMIT_OVERRIDE":      "suspended, disabled",
			"LATCHKEY_CONNECTION_JC_PROD_MAX_UNLOCKS_PER_HOUR": "100",
			"LATCHKEY_CONNECTION_JC_PROD_APPROVAL_FOR":         "privileged, admin_locks",
			"LATCHKEY_CONNECTION_JC_PROD_APPROVERS":            "*@example.com, boss",
			"LATCHKEY_CONNECTION_JC_PROD_APPROVAL_TIMEOUT":     "8h",
		}), func(c *Config) {
			c.Workflows = false
			c.Connections = []Connection{{Name: "jc-prod", RateLimit: 2.5, Config: &jumpcloud.Config{APIKey: "key", Region: "eu"}, Rules: guard.Rules{
				ProtectedUsers: []string{"root", "*@board.example.com", "a b"}, RefuseAdminLocks: true, RefusePrivileged: true,
				PermitOverride: []string{"suspended", "disabled"}, MaxUnlocksPerHour: 100,
				ApprovalFor: []string{"privileged", "admin_locks"}, Approvers: []string{"*@example.com", "boss"}, ApprovalTimeout: guard.Duration(8 * time.Hour),
			}}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, test.set)
			want := defaults
			test.want(&want)
			got, err := Load()
			require.NoError(t, err)
			for i := range got.Connections {
				require.NotEmpty(t, got.Connections[i].Provider.Name)
				got.Connections[i].Provider = connectors.Provider{} // It holds functions.
			}
			require.Equal(t, want, got)
		})
	}
}

func TestLoadPingOne(t *testing.T) { //nolint:paralleltest // it sets the process's environment
	environment(t, onePingOne)
	config, err := Load()
	require.NoError(t, err)
	require.Equal(t, []string{"Domain Admins"}, config.Connections[0].Rules.ProtectedGroups)
	require.InDelta(t, 0, config.Connections[0].ActivitiesPerSecond(), 0)
}

const workersVariables = "the variables of a worker are LATCHKEY_CONNECTIONS, LATCHKEY_WORKFLOWS, LATCHKEY_HEALTH_ADDRESS, LATCHKEY_LOG_LEVEL, LATCHKEY_LOG_FORMAT, LATCHKEY_DRAIN_TIMEOUT, LATCHKEY_ENCRYPTION_KEYSET_FILE"

// TestFaults: every fault is named, all at once, each with what would be right.
func TestFaults(t *testing.T) { //nolint:paralleltest // it sets the process's environment
	const jc, ping = "LATCHKEY_CONNECTION_JC_PROD_", "LATCHKEY_CONNECTION_PING_"
	for name, test := range map[string]struct {
		set  map[string]string
		want []string
	}{
		"nothing to serve": {map[string]string{"LATCHKEY_WORKFLOWS": "false"}, []string{
			"LATCHKEY_CONNECTIONS is empty and LATCHKEY_WORKFLOWS is false: there is nothing to serve"}},
		"everything of the worker at once": {map[string]string{
			"LATCHKEY_WORKFLOWS": "perhaps", "LATCHKEY_LOG_LEVEL": "loud", "LATCHKEY_LOG_FORMAT": "xml", "LATCHKEY_HEALTH_ADDRESS": "8085",
			"LATCHKEY_DRAIN_TIMEOUT": "30", "LATCHKEY_CONNECTIONS": "jc",
		}, []string{
			"LATCHKEY_WORKFLOWS must be true or false",
			"LATCHKEY_LOG_LEVEL must be debug, info, warn or error",
			"LATCHKEY_LOG_FORMAT must be json or console",
			"LATCHKEY_HEALTH_ADDRESS must be host:port, such as 127.0.0.1:8085, or off",
			"LATCHKEY_DRAIN_TIMEOUT must be a duration of at least 25s, longer than one attempt takes",
			`LATCHKEY_CONNECTIONS: "jc" must be name:provider, such as jc-prod:jumpcloud`,
		}},
		"levels that zap knows and we do not": {map[string]string{"LATCHKEY_LOG_LEVEL": "fatal"}, []string{
			"LATCHKEY_LOG_LEVEL must be debug, info, warn or error"}},
		"a drain shorter than an attempt": {map[string]string{"LATCHKEY_DRAIN_TIMEOUT": "24.9s"}, []string{
			"LATCHKEY_DRAIN_TIMEOUT must be a duration of at least 25s, longer than one attempt takes"}},
		"names": {map[string]string{"LATCHKEY_CONNECTIONS": "jc:jumpcloud,jc:pingone,jc-prod:jumpcloud,JC:jumpcloud,j_c:jumpcloud,:jumpcloud", "LATCHKEY_CONNECTION_JC_API_KEY": "k"}, []string{
			`LATCHKEY_CONNECTIONS: "jc" stands there twice: rename one`,
			`LATCHKEY_CONNECTIONS: one of "jc" and "jc-prod" is the beginning of the other, so that their variables could be confused: rename one`,
			`LATCHKEY_CONNECTIONS: "JC:jumpcloud": the name of a connection must be 1 to 63 lower-case letters, digits and hyphens, such as jc-prod`,
			`LATCHKEY_CONNECTIONS: "j_c:jumpcloud": the name of a connection must be 1 to 63 lower-case letters, digits and hyphens, such as jc-prod`,
			`LATCHKEY_CONNECTIONS: ":jumpcloud": the name of a connection must be 1 to 63 lower-case letters, digits and hyphens, such as jc-prod`,
		}},
		"the longer name first": {map[string]string{"LATCHKEY_CONNECTIONS": "jc-prod:jumpcloud,jc:jumpcloud", jc + "API_KEY": "k"}, []string{
			`LATCHKEY_CONNECTIONS: one of "jc-prod" and "jc" is the beginning of the other, so that their variables could be confused: rename one`}},
		"providers; what stands under their names is not judged": {map[string]string{
			"LATCHKEY_CONNECTIONS": "a:jumpclod,b:okta,c:", "LATCHKEY_CONNECTION_A_API_KEY": "k", "LATCHKEY_CONNECTION_B_TOKEN": "k"}, []string{
			`LATCHKEY_CONNECTIONS: "a:jumpclod": unknown provider "jumpclod": did you mean jumpcloud?`,
			`LATCHKEY_CONNECTIONS: "b:okta": unknown provider "okta"; the providers are ds389, jumpcloud, openldap, pingone`,
			`LATCHKEY_CONNECTIONS: "c:": unknown provider ""; the providers are ds389, jumpcloud, openldap, pingone`,
		}},
		"unknown variables": {together(oneJumpCloud, map[string]string{
			"LATCHKEY_CONECTIONS": "x:jumpcloud", jc + "PROTECTED_USER": "root", jc + "RATELIMIT": "1",
			jc + "CLIENT_SERCET": "s", jc + "ENVIRONMENT_ID": "e", "LATCHKEY_CONNECTION_OTHER_API_KEY": "k", "LATCHKEY_CONNECTION_JC_PRD_ORG_ID": "o",
		}), []string{
			"LATCHKEY_CONECTIONS is unknown: did you mean LATCHKEY_CONNECTIONS?",
			jc + "PROTECTED_USER is unknown: did you mean " + jc + "PROTECTED_USERS?",
			jc + "RATELIMIT is unknown: did you mean " + jc + "RATE_LIMIT?",
			jc + "CLIENT_SERCET is unknown: did you mean " + jc + "CLIENT_SECRET?",
			jc + "ENVIRONMENT_ID belongs to no connection of LATCHKEY_CONNECTIONS, or its provider has no such setting",
			"LATCHKEY_CONNECTION_OTHER_API_KEY belongs to no connection of LATCHKEY_CONNECTIONS, or its provider has no such setting",
			"LATCHKEY_CONNECTION_JC_PRD_ORG_ID is unknown: did you mean " + jc + "ORG_ID?",
		}},
		"an unknown variable of the worker": {map[string]string{"LATCHKEY_COLOUR": "green"}, []string{
			"LATCHKEY_COLOUR is unknown: " + workersVariables}},
		"numbers, words and lists of two connections": {together(oneJumpCloud, onePingOne, map[string]string{
			"LATCHKEY_CONNECTIONS": "jc-prod:jumpcloud,ping:pingone",
			jc + "RATE_LIMIT":      "fast", jc + "MAX_UNLOCKS_PER_HOUR": "2.5", jc + "REFUSE_ADMIN_LOCKS": "sometimes", jc + "REFUSE_PRIVILEGED": "",
			jc + "PERMIT_OVERRIDE": "suspended,locked", jc + "PROTECTED_GROUPS": "admins", jc + "PROTECTED_USERS": "root,,x", jc + "REGION": "mars",
			jc + "ORG_ID": "1", jc + "BASE_URL": "http://example.com", jc + "MAX_LOGIN_ATTEMPTS": "0",
			ping + "RATE_LIMIT": "-1", ping + "MAX_UNLOCKS_PER_HOUR": "10001", ping + "REGION": "us", ping + "CREDENTIALS": "cookie", ping + "ENVIRONMENT_ID": "prod",
			ping + "CLIENT_ID": "", ping + "APPROVAL_FOR": "sometimes", ping + "APPROVERS": "a,,b", ping + "APPROVAL_TIMEOUT": "soon",
		}), []string{
			jc + "RATE_LIMIT must be a number above zero, such as 10",
			jc + "MAX_UNLOCKS_PER_HOUR must be a whole number above zero, such as 10",
			jc + "REFUSE_ADMIN_LOCKS must be true or false",
			jc + "REFUSE_PRIVILEGED must be true or false",
			jc + "PERMIT_OVERRIDE holds an unknown word: use suspended and disabled",
			jc + "PROTECTED_GROUPS cannot be kept, since JumpCloud does not tell the groups of a user: use PROTECTED_USERS",
			jc + "PROTECTED_USERS must not hold empty entries",
			jc + "REGION must be us, eu or in",
			jc + "ORG_ID must be 24 hexadecimal digits",
			jc + "BASE_URL must begin with https:// unless its host is this machine",
			jc + "MAX_LOGIN_ATTEMPTS must be a whole number from 1",
			ping + "RATE_LIMIT must be a number above zero, such as 10",
			ping + "MAX_UNLOCKS_PER_HOUR must be at most 10000",
			ping + "APPROVAL_FOR holds an unknown word: use always, privileged and admin_locks",
			ping + "APPROVERS must not hold empty entries",
			ping + "APPROVAL_TIMEOUT must be a duration between 1s and 720h, such as 1h",
			ping + "REGION must be na, ca, eu, au, sg or ap",
			ping + "CREDENTIALS must be basic or body",
			ping + "ENVIRONMENT_ID must be a UUID, such as 11111111-2222-3333-4444-555555555555",
			ping + "CLIENT_ID must be set to a worker application's client ID",
		}},
		"lists that are set and empty": {together(oneJumpCloud, map[string]string{
			jc + "APPROVERS": "", jc + "PROTECTED_USERS": " ", jc + "APPROVAL_FOR": ",",
		}), []string{
			jc + "PROTECTED_USERS is set and empty: give it an entry, or leave it out",
			jc + "APPROVAL_FOR must not hold empty entries",
			jc + "APPROVAL_FOR holds an unknown word: use always, privileged and admin_locks",
			jc + "APPROVERS is set and empty: give it an entry, or leave it out",
		}},
		"no credentials": {map[string]string{"LATCHKEY_CONNECTIONS": "jc-prod:jumpcloud,ping:pingone", ping + "ENVIRONMENT_ID": environmentID, ping + "CLIENT_ID": "a"}, []string{
			jc + "API_KEY or API_KEY_FILE, or CLIENT_ID with CLIENT_SECRET or CLIENT_SECRET_FILE, must be set",
			ping + "CLIENT_SECRET or CLIENT_SECRET_FILE must be set",
		}},
		"what cannot be seen, in place of the riddles that it makes": {together(oneJumpCloud, onePingOne, map[string]string{
			"LATCHKEY_CONNECTIONS": "jc-prod:jumpcloud,ping:pingone", "LATCHKEY_LOG_FORMAT": "\"json\"", "LATCHKEY_DRAIN_TIMEOUT": "30s\r",
			jc + "API_KEY": "\"abc\"", jc + "REGION": "eu\r", jc + "RATE_LIMIT": "\ufeff5", jc + "PROTECTED_USERS": "root,ad\u200bmin", jc + "APPROVERS": "\n a ,\n b\n",
			ping + "CLIENT_SECRET": "s\u00a0t", ping + "REGION": "'eu'", ping + "CLIENT_ID": "'a'",
		}), []string{
			"LATCHKEY_LOG_FORMAT stands in quotation marks, which would be a part of it: take them off; an env file is no shell",
			"LATCHKEY_DRAIN_TIMEOUT holds a carriage return (U+000D) at its end: take it out",
			jc + "API_KEY stands in quotation marks, which would be a part of it: take them off; an env file is no shell",
			jc + "REGION holds a carriage return (U+000D) at its end: take it out",
			jc + "RATE_LIMIT holds a byte order mark (U+FEFF) at its beginning: take it out",
			jc + "PROTECTED_USERS has an entry that holds a zero width space (U+200B) as character 3: take it out",
			ping + "CLIENT_SECRET holds a no-break space (U+00A0) as character 2: take it out",
			ping + "REGION stands in quotation marks, which would be a part of it: take them off; an env file is no shell",
			ping + "CLIENT_ID stands in quotation marks, which would be a part of it: take them off; an env file is no shell",
		}},
		"connections in quotation marks": {map[string]string{"LATCHKEY_CONNECTIONS": `"jc-prod:jumpcloud"`, jc + "API_KEY": "k"}, []string{
			"LATCHKEY_CONNECTIONS has an entry that stands in quotation marks, which would be a part of it: take them off; an env file is no shell"}},
		"what Kubernetes would not set": {map[string]string{"LATCHKEY_PORT": "8085", "LATCHKEY_WORKER_SERVICE_HOST": "a b", "LATCHKEY_SERVICE_PORT": "x",
			"LATCHKEY_PORT_80_TCP_PROTO": "http", "LATCHKEY_SERVICE_HOSTS": "10.0.0.1"}, []string{
			"LATCHKEY_PORT is unknown: " + workersVariables,
			"LATCHKEY_WORKER_SERVICE_HOST is unknown: " + workersVariables,
			"LATCHKEY_SERVICE_PORT is unknown: " + workersVariables,
			"LATCHKEY_PORT_80_TCP_PROTO is unknown: " + workersVariables,
			"LATCHKEY_SERVICE_HOSTS is unknown: " + workersVariables,
		}},
		"a secret and its file, and a file that is missing": {together(onePingOne, map[string]string{
			"LATCHKEY_CONNECTIONS": "jc-prod:jumpcloud,ping:pingone", ping + "CLIENT_SECRET_FILE": "/nowhere", jc + "API_KEY_FILE": "/nowhere"}), []string{
			ping + "CLIENT_SECRET and CLIENT_SECRET_FILE must not both be set",
			jc + "API_KEY_FILE names a file that cannot be read: no such file or directory",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, test.set)
			_, err := Load()
			require.Error(t, err)
			require.ElementsMatch(t, test.want, strings.Split(err.Error(), "\n"))
		})
	}
}

// TestServiceLinks: what Kubernetes sets for Services that are named like us is passed over.
func TestServiceLinks(t *testing.T) { //nolint:paralleltest // it sets the process's environment
	environment(t, oneJumpCloud)
	want, err := Load()
	require.NoError(t, err)
	for _, service := range []string{"LATCHKEY", "LATCHKEY_WORKER", "LATCHKEY_CONNECTION_JC_PROD", "LATCHKEY_2"} {
		for _, host := range []string{"10.96.0.12", "fd00::12"} {
			tcp := "tcp://" + net.JoinHostPort(host, "8085")
			environment(t, together(oneJumpCloud, map[string]string{
				service + "_SERVICE_HOST":              host,
				service + "_SERVICE_PORT":              "8085",
				service + "_SERVICE_PORT_HTTP_METRICS": "8085",
				service + "_PORT":                      tcp,
				service + "_PORT_8085_TCP":             tcp,
				service + "_PORT_8085_TCP_PROTO":       "tcp",
				service + "_PORT_8085_TCP_PORT":        "8085",
				service + "_PORT_8085_TCP_ADDR":        host,
				service + "_PORT_53_UDP":               "udp://" + host + ":53",
			}))
			got, err := Load()
			require.NoError(t, err)
			want.Connections[0].Provider, got.Connections[0].Provider = connectors.Provider{}, connectors.Provider{}
			require.Equal(t, want, got)
		}
	}
}

// TestStrayVariables: nothing without the connection's prefix counts for a connection.
func TestStrayVariables(t *testing.T) { //nolint:paralleltest // it sets the process's environment
	strays := map[string]string{}
	for _, spec := range []any{jumpcloud.NewConfig(), &Settings{}, &ConnectionSettings{}} {
		for _, name := range Variables("", spec) {
			strays[name] = "stray"
		}
	}
	require.Contains(t, strays, "API_KEY")
	require.Contains(t, strays, "REGION")
	require.Contains(t, strays, "MAX_UNLOCKS_PER_HOUR")
	environment(t, oneJumpCloud)
	want, err := Load()
	require.NoError(t, err)
	environment(t, together(oneJumpCloud, strays))
	got, err := Load()
	require.NoError(t, err)
	want.Connections[0].Provider, got.Connections[0].Provider = connectors.Provider{}, connectors.Provider{}
	require.Equal(t, want, got)
}

// TestSecretFile: the file is read again at each call, so that a key can be rotated.
func TestSecretFile(t *testing.T) { //nolint:paralleltest // it sets the process's environment
	tenant := jumpcloudsimulator.New(jumpcloudsimulator.Options{})
	url, stop, err := tenant.Start("")
	require.NoError(t, err)
	t.Cleanup(stop)
	id := tenant.MustCreateUser(map[string]any{"username": "ada"})
	file := filepath.Join(t.TempDir(), "key")
	environment(t, map[string]string{
		"LATCHKEY_CONNECTIONS":                "jc:jumpcloud",
		"LATCHKEY_CONNECTION_JC_API_KEY_FILE": file,
		"LATCHKEY_CONNECTION_JC_BASE_URL":     url + "/api",
	})
	write := func(content string) { require.NoError(t, os.WriteFile(file, []byte(content), 0o600)) }
	const name = "LATCHKEY_CONNECTION_JC_API_KEY_FILE "
	for _, test := range []struct{ content, want string }{
		{"", name + "names an empty file; it must hold the secret"},
		{" \n", name + "names an empty file; it must hold the secret"},
		{"two words", name + "must hold one secret of printable ASCII without spaces"},
		{strings.Repeat("x", 1<<20), name + "names a file that cannot be read: it is longer than 16384 bytes"},
	} {
		write(test.content)
		_, err := Load()
		require.EqualError(t, err, test.want)
	}

	write(jumpcloudsimulator.DefaultAPIKey + "\n")
	config, err := Load()
	require.NoError(t, err)
	connector, err := connectors.Open(config.Connections[0].Provider, config.Connections[0].Config, connectors.Options{})
	require.NoError(t, err)
	for _, step := range []struct {
		key  string
		want connectors.Kind
	}{
		{jumpcloudsimulator.DefaultAPIKey, ""},
		{"revoked", connectors.Unauthenticated},
		{jumpcloudsimulator.DefaultAPIKey + "\n", ""},
	} {
		write(step.key)
		_, err := connector.Lookup(t.Context(), connectors.UserRef{ID: id})
		require.Equal(t, step.want, connectors.KindOf(err), err)
	}
	require.NoError(t, os.Remove(file))
	_, err = connector.Lookup(t.Context(), connectors.UserRef{ID: id})
	require.Error(t, err)
	require.NotContains(t, err.Error(), file, "a path may tell")
}
