package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"level":            {[]string{"--log-level", "loud"}, `--log-level must be debug, info, warn or error, not "loud"`},
		"form":             {[]string{"demo", "-o", "yaml"}, `--output must be table or json, not "yaml"`},
		"flag":             {[]string{"--prt", "1"}, "unknown flag: --prt"},
		"command":          {[]string{"dmo"}, `unknown command "dmo" for "latchkey-dev"`},
		"argument":         {[]string{"demo", "json"}, `unknown command "json" for "latchkey-dev demo"`},
		"address":          {[]string{"--temporal-address", "7233"}, "address"},
		"folder of a file": {atFreePorts("--db", "/nowhere/at/all.db"), "folder of the database file: stat /nowhere/at: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left := run(t.Context(), test.args...)
			require.ErrorContains(t, left.err, test.want)
			require.NotContains(t, left.err.Error(), "\n", "one sentence")
			require.Empty(t, left.stdout.String())
			require.Empty(t, left.stderr.String(), "main says it, once")
		})
	}
}

// TestPortInUse: a port that is taken is named with the flag that moves it, in one sentence,
// whether the other ports are fixed or not.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	for _, flag := range addressFlags {
		for _, host := range []string{"127.0.0.1", "localhost"} {
			t.Run(flag+" at "+host, func(t *testing.T) {
				t.Parallel()
				taken := listen(t, anyPort).Addr().String()
				_, port, _ := strings.Cut(taken, ":")
				args := []string{"--" + flag, host + ":" + port}
				refusesPort(t, atFreePorts(args...), port, flag)
			})
		}
		t.Run(flag+" among fixed ones", func(t *testing.T) {
			t.Parallel()
			var args []string
			var port string
			for _, each := range addressFlags {
				listener := listen(t, anyPort)
				args = append(args, "--"+each, listener.Addr().String())
				if each == flag {
					_, port, _ = strings.Cut(listener.Addr().String(), ":")
				} else {
					require.NoError(t, listener.Close())
				}
			}
			refusesPort(t, args, port, flag)
		})
	}
}

func refusesPort(t *testing.T, args []string, port, flag string) {
	t.Helper()
	left := run(t.Context(), args...)
	require.Error(t, left.err)
	require.Contains(t, left.err.Error(), ":"+port+": the port is in use")
	require.True(t, strings.HasSuffix(left.err.Error(), "; move it with --"+flag), left.err)
	require.NotContains(t, left.err.Error(), "\n", "one sentence")
	require.Empty(t, left.stdout.String())
}

// TestEnvironmentFaults is not parallel: it sets the process's environment.
func TestEnvironmentFaults(t *testing.T) {
	taken := listen(t, anyPort).Addr().String()
	for name, test := range map[string]struct {
		set  map[string]string
		want string
	}{
		"a name of the simulated tenants'": {map[string]string{
			"LATCHKEY_CONNECTIONS": dev.PingOne + ":jumpcloud", "LATCHKEY_CONNECTION_PINGONE_API_KEY": "k"},
			`LATCHKEY_CONNECTIONS names "pingone", which is the simulated tenant's: choose another name`},
		"faults of connections": {map[string]string{"LATCHKEY_CONNECTIONS": "a:jumpcloud,b:jumpclod"},
			"the environment's connections cannot be served:\n" + `LATCHKEY_CONNECTIONS: "b:jumpclod": unknown provider "jumpclod": did you mean jumpcloud?` + "\n" +
				"LATCHKEY_CONNECTION_A_API_KEY or API_KEY_FILE, or CLIENT_ID with CLIENT_SECRET or CLIENT_SECRET_FILE, must be set"},
		"a port for health checks that is in use, said once": {map[string]string{"LATCHKEY_HEALTH_ADDRESS": taken},
			"health checks cannot be answered at " + taken + ": the port is in use; choose another with LATCHKEY_HEALTH_ADDRESS, or off"},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range test.set {
				t.Setenv(key, value)
			}
			require.EqualError(t, run(t.Context(), atFreePorts()...).err, test.want)
		})
	}
}
