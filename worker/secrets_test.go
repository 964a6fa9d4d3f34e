package worker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/registry"
)

// canary is a secret that must show nowhere.
const canary = "canary-2f9c"

// secrets are the variables of a provider whose values are secret.
func secrets(t *testing.T, prefix string, provider connectors.Provider) []string {
	t.Helper()
	var found []string
	for _, variable := range variablesOf(prefix, provider.NewConfig()) {
		if variable.kind == reflect.TypeFor[connectors.Secret]() {
			found = append(found, variable.name)
		}
	}
	require.NotEmpty(t, found, "every provider has a secret")
	return found
}

// TestSecretsStayIn: no secret shows in an error, in the configuration as it is printed, or
// in a log, whether the configuration is right or wrong.
func TestSecretsStayIn(t *testing.T) { //nolint:paralleltest // it sets the process's environment
	for _, provider := range registry.Providers() {
		const prefix = "LATCHKEY_CONNECTION_X"
		names := secrets(t, prefix, provider)
		for kind, value := range map[string]string{"good": canary, "with spaces": canary + " " + canary, "in two lines": canary + "\n" + canary,
			"in quotation marks": `"` + canary + `"`, "with what cannot be seen": canary + "\u200b" + canary} {
			t.Run(provider.Name+"/"+kind, func(t *testing.T) {
				set := map[string]string{"LATCHKEY_CONNECTIONS": "x:" + provider.Name}
				for _, name := range names {
					set[name] = value
				}
				refuseSecret(t, set)
			})
		}
		for _, name := range names {
			t.Run(provider.Name+"/"+name+"_FILE", func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "secret")
				require.NoError(t, os.WriteFile(file, []byte(canary+" "+canary), 0o600))
				refuseSecret(t, map[string]string{"LATCHKEY_CONNECTIONS": "x:" + provider.Name, name + "_FILE": file})
			})
			t.Run(provider.Name+"/"+name+" alone", func(t *testing.T) {
				refuseSecret(t, map[string]string{"LATCHKEY_CONNECTIONS": "x:" + provider.Name, name: canary,
					prefix + "_ENVIRONMENT_ID": environmentID, prefix + "_CLIENT_ID": "client"})
			})
		}
	}
}

// refuseSecret loads the variables, prints all that comes of it, and looks for the canary.
func refuseSecret(t *testing.T, set map[string]string) {
	t.Helper()
	environment(t, set)
	config, err := Load()
	var said bytes.Buffer
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	logger := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&said), zapcore.DebugLevel))
	logger.Error("faults", zap.Error(err), zap.Any("config", config))
	TemporalLogger(logger).Error("faults", "error", err, "config", config)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&said, verb, config)
		for _, connection := range config.Connections {
			fmt.Fprintf(&said, verb, connection)
			fmt.Fprintf(&said, verb, connection.Config)
			logger.Info("connection", zap.Any("config", connection.Config), zap.Reflect("reflect", connection.Config))
		}
		if err != nil {
			fmt.Fprintf(&said, verb, err)
		}
	}
	require.Contains(t, said.String(), "faults")
	for _, secret := range []string{canary, fmt.Sprintf("%x", canary)} {
		before, after, found := strings.Cut(said.String(), secret)
		require.False(t, found, "…%s<<here>>%s…", before[max(0, len(before)-200):], after[:min(len(after), 50)])
	}
}
