package conformance

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// rotatedSecret: a secret that is changed in its file is taken up by itself.
func rotatedSecret(t *testing.T, fresh newFixture) {
	f := fresh(t)
	filer, ok := f.HTTPHarness.(Filer)
	if !ok {
		return
	}
	path := filepath.Join(t.TempDir(), "secret")
	write := func(content string) { require.NoError(t, os.WriteFile(path, []byte(content), 0o600)) }
	write("wrong-one")
	connector := f.openWith(filer.ConfigOf(path), nil)
	for _, action := range []Action{LookupByID, Unlock} {
		failure := failureOf(t, f.act(t.Context(), connector, action).err)
		require.Equal(t, connectors.Unauthenticated, failure.Kind)
		require.True(t, failure.Retryable(), "%s: %v", action, failure)
		require.Contains(t, failure.Message, "_FILE")
		if action == Unlock {
			require.Equal(t, connectors.No, failure.Sent)
		}
	}
	write(f.Secrets()[0])
	require.NoError(t, f.act(t.Context(), connector, LookupByID).err)
	require.NoError(t, f.act(t.Context(), connector, Unlock).err)
}
