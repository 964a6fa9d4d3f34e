package connectors_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	const hidden = "hunter2-hunter2"
	config := struct{ Key connectors.Secret }{Key: hidden}
	encoded, err := json.Marshal(config)
	require.NoError(t, err)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "config", config, "key", config.Key)
	printed := []string{string(encoded), log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, config), fmt.Sprintf(verb, &config), fmt.Sprintf(verb, config.Key))
	}
	for _, text := range printed {
		require.NotContains(t, text, hidden)
		require.NotContains(t, text, fmt.Sprintf("%x", hidden))
	}
	require.Equal(t, hidden, config.Key.Reveal())
	require.Empty(t, connectors.Secret("").String())
}
