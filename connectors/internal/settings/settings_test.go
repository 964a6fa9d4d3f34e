package settings_test

import (
	"strings"
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

func TestParseBase(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://example.com", "https://example.com/v1/", "http://localhost:8080/api", "http://127.0.0.9", "http://[::1]:1"} {
		base, err := settings.ParseBase("BASE_URL", good)
		require.NoError(t, err, good)
		require.False(t, strings.HasSuffix(base.String(), "/"))
	}
	for _, bad := range []string{"", "example.com", "http://example.com", "http://localhost.example.com", "ftp://example.com",
		"https://", "https://u:p@example.com", "https://example.com?x=1", "https://example.com?", "https://example.com#x", "https://exa mple.com", "%zz"} {
		_, err := settings.ParseBase("BASE_URL", bad)
		require.ErrorContains(t, err, "BASE_URL", bad)
	}
}
