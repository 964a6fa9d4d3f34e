package settings_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

// TestReader: every fault is named at once, and reading goes on past each.
func TestReader(t *testing.T) {
	t.Parallel()
	var good settings.Reader
	require.Equal(t, "eu", good.OneOf("REGION", "EU", "us", "eu", "in"))
	require.Equal(t, "https://example.com/v1", good.Address("BASE_URL", "https://example.com/v1/").String())
	key, err := good.Secret("KEY", "k", "").Read()
	require.NoError(t, err)
	require.Equal(t, "k", key)
	good.Must(true, "CLIENT_ID must be set")
	require.NoError(t, good.Err())

	var bad settings.Reader
	require.Equal(t, "us", bad.OneOf("REGION", "mars", "us", "eu", "in"))
	require.NotNil(t, bad.Address("BASE_URL", "http://example.com"))
	_, err = bad.Secret("KEY", "", "").Read()
	require.Error(t, err)
	bad.Must(false, "CLIENT_ID must be set")
	require.EqualError(t, bad.Err(), "REGION must be us, eu or in\nBASE_URL must begin with https:// unless its host is this machine\n"+
		"KEY or KEY_FILE must be set\nCLIENT_ID must be set")
}
