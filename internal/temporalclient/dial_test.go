package temporalclient

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
)

// canary is a secret that must show nowhere.
const canary = "canary-51d7"

// environment sets these of Temporal's variables, and none other, until the test ends.
func environment(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "TEMPORAL_") {
			t.Setenv(name, value) // Restores it at the end.
			require.NoError(t, os.Unsetenv(name))
		}
	}
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none.toml"))
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

func TestLoad(t *testing.T) { //nolint:paralleltest // it sets the process's environment
	profiles := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(profiles, []byte(`
[profile.default]
address = "default.example:7233"
[profile.prod]
address = "prod.example:7233"
namespace = "identity"
api_key = "`+canary+`"
`), 0o600))
	for name, test := range map[string]struct {
		set                map[string]string
		address, namespace string
	}{
		"nothing":           {nil, "localhost:7233", "default"},
		"variables":         {map[string]string{"TEMPORAL_ADDRESS": "t.example:7234", "TEMPORAL_NAMESPACE": "n", "TEMPORAL_API_KEY": canary}, "t.example:7234", "n"},
		"default profile":   {map[string]string{"TEMPORAL_CONFIG_FILE": profiles}, "default.example:7233", "default"},
		"profile":           {map[string]string{"TEMPORAL_CONFIG_FILE": profiles, "TEMPORAL_PROFILE": "prod"}, "prod.example:7233", "identity"},
		"variables over it": {map[string]string{"TEMPORAL_CONFIG_FILE": profiles, "TEMPORAL_PROFILE": "prod", "TEMPORAL_NAMESPACE": "n"}, "prod.example:7233", "n"},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, test.set)
			options, err := Load()
			require.NoError(t, err)
			require.Equal(t, test.address, options.Address)
			require.Equal(t, test.namespace, options.Namespace)
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", options, options, options), canary)

			moved := options.With("other.example:1", "other")
			require.Equal(t, "other.example:1", moved.Address)
			require.Equal(t, "other", moved.Namespace)
			require.Equal(t, "other.example:1", moved.raw.HostPort)
			require.Equal(t, "other", moved.raw.Namespace)
			same := options.With("", "")
			require.Equal(t, options.raw.HostPort, same.raw.HostPort)
			require.Equal(t, test.address, same.Address)
		})
	}
}

func TestLoadFaults(t *testing.T) { //nolint:paralleltest // it sets the process's environment
	broken := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(broken, []byte(`[profile.default`+"\n"+`api_key = "`+canary+`"`), 0o600))
	for name, set := range map[string]map[string]string{
		"a certificate that is missing": {"TEMPORAL_TLS_CLIENT_CERT_PATH": "/nowhere.pem", "TEMPORAL_TLS_CLIENT_KEY_PATH": "/nowhere.key"},
		"a key that is none":            {"TEMPORAL_TLS_CLIENT_CERT_DATA": "x", "TEMPORAL_TLS_CLIENT_KEY_DATA": canary},
		"a file that is broken":         {"TEMPORAL_CONFIG_FILE": broken},
		"a profile that is missing":     {"TEMPORAL_PROFILE": "nosuch"},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, set)
			_, err := Load()
			require.ErrorContains(t, err, "read Temporal's settings (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_PROFILE and so on): ")
			require.NotContains(t, err.Error(), canary)
		})
	}
}

// TestUnreachable: a server that is not there, and one that does not answer, are told apart
// from nothing else within seconds, with the address and what to do.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = deaf.Close() }) // The parts of the test outlive this function.
	for name, address := range map[string]string{"nobody is there": "127.0.0.1:1", "nobody answers": deaf.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := Dial(t.Context(), At(address, "identity"), log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			var unreachable *UnreachableError
			require.ErrorAs(t, err, &unreachable)
			require.Equal(t, address, unreachable.Address)
			require.ErrorContains(t, err, "Temporal at "+address+" (namespace identity) cannot be reached; set TEMPORAL_ADDRESS, or start one to try with: latchkey-dev: ")
			require.Error(t, unreachable.Unwrap())
			require.Less(t, time.Since(began), dialTimeout+5*time.Second)
		})
	}
}
