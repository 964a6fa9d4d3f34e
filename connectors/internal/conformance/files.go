package conformance

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// secretFiles: a secret's file may be empty, gone, half-written or wrong for a while, and
// be right again. That is final only when it has held the same wrong secret for long.
func secretFiles(t *testing.T, fresh maker) {
	b := fresh(t)
	filer, ok := b.HTTPHarness.(Filer)
	if !ok {
		return
	}
	path := filepath.Join(t.TempDir(), "secret")
	write := func(content string) { require.NoError(t, os.WriteFile(path, []byte(content), 0o600)) }
	right := b.Secrets()[0]
	write(right)
	var ahead time.Duration
	open := func() Connector {
		opened, err := connectors.Open(b.Provider(), filer.ConfigOf(path), connectors.Options{
			Transport: b.tap, Now: func() time.Time { return time.Now().Add(ahead) },
		})
		require.NoError(t, err)
		return watch(t, opened, b.secret)
	}
	connector := open()
	require.NoError(t, b.act(t.Context(), connector, LookupByID).err)

	// A token outlives the file that it was fetched with.
	if _, renewable := b.tokens(); !renewable {
		for content, kind := range map[string]connectors.Kind{"": connectors.Unavailable, " \n": connectors.Unavailable, right[:len(right)/2]: connectors.Unauthenticated} { //nolint:gocritic // the white space is the point
			write(content)
			b.requireMayPass(connector, kind)
		}
		write(right)
		require.NoError(t, b.act(t.Context(), connector, Unlock).err)
	}

	connector = open()
	require.NoError(t, os.Remove(path))
	b.requireMayPass(connector, connectors.Unavailable)
	write("wrong-one")
	b.requireMayPass(connector, connectors.Unauthenticated)
	ahead = 29 * time.Second
	b.requireMayPass(connector, connectors.Unauthenticated)
	write("wrong-two")
	b.requireMayPass(connector, connectors.Unauthenticated)
	ahead += 29 * time.Second
	b.requireMayPass(connector, connectors.Unauthenticated)
	ahead += 2 * time.Second
	failure := failureOf(t, b.act(t.Context(), connector, Unlock).err)
	require.Equal(t, connectors.Unauthenticated, failure.Kind)
	require.False(t, failure.Retryable(), "it has been the same for half a minute")
	require.Contains(t, failure.Message, "_FILE names")
	write(right)
	require.NoError(t, b.act(t.Context(), connector, Unlock).err)
}

// requireMayPass: every action fails so that it is tried again, and has sent nothing.
func (b *bench) requireMayPass(connector Connector, kind connectors.Kind) {
	b.t.Helper()
	for _, action := range []Action{LookupByID, Unlock} {
		failure := failureOf(b.t, b.act(b.t.Context(), connector, action).err)
		require.Equal(b.t, kind, failure.Kind)
		require.True(b.t, failure.Retryable(), "%s: %v", action, failure)
		require.Contains(b.t, failure.Message, "_FILE")
		if action == Unlock {
			require.Equal(b.t, connectors.No, failure.Sent)
		}
	}
}
