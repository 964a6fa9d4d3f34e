package client_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
)

// TestEncrypt is not parallel: the keyset is the environment's.
func TestEncrypt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyset.json")
	t.Setenv(temporalclient.KeysetVariable, path)
	for _, encrypt := range []func(*sdkclient.Options) error{client.Encrypt, client.EncryptWorker} {
		require.ErrorIs(t, encrypt(&sdkclient.Options{}), os.ErrNotExist)
	}
	content, err := temporalclient.CreateKeyset()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	own, err := temporalclient.At("", sdkclient.DefaultNamespace).Converter()
	require.NoError(t, err)
	for _, encrypt := range []func(*sdkclient.Options) error{client.Encrypt, client.EncryptWorker} {
		var options sdkclient.Options
		require.NoError(t, encrypt(&options))
		payload, err := options.DataConverter.ToPayload("ada.lovelace")
		require.NoError(t, err)
		require.NotContains(t, payload.String(), "ada.lovelace")
		var read string
		require.NoError(t, own.FromPayload(payload, &read))
		require.Equal(t, "ada.lovelace", read)
		require.Equal(t, "Encoded failure", options.FailureConverter.ErrorToFailure(os.ErrClosed).GetMessage())
	}
	t.Setenv(temporalclient.KeysetVariable, "")
	var plain sdkclient.Options
	require.NoError(t, client.Encrypt(&plain))
	require.Equal(t, os.ErrClosed.Error(), plain.FailureConverter.ErrorToFailure(os.ErrClosed).GetMessage())
}
