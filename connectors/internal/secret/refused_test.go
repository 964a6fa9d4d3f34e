package secret_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
)

// TestRefused: a secret in a file is refused for good when the file has held it for half a
// minute since the refusal; one in a variable is at once.
func TestRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	require.False(t, secret.NewSource("KEY", hidden, "").Refused(hidden, now))

	path := filepath.Join(t.TempDir(), "key")
	write := func(content string) { require.NoError(t, os.WriteFile(path, []byte(content), 0o600)) }
	source := secret.NewSource("KEY", "", path)
	write("one")
	require.True(t, source.Refused("one", now))
	require.True(t, source.Refused("one", now.Add(29*time.Second)))
	require.False(t, source.Refused("one", now.Add(30*time.Second)))

	source.Accepted("another")
	require.False(t, source.Refused("one", now.Add(31*time.Second)))
	source.Accepted("one")
	require.True(t, source.Refused("one", now.Add(32*time.Second)), "it has been taken since")

	write("two")
	require.True(t, source.Refused("one", now.Add(time.Hour)), "the file holds another by now")
	write("")
	require.True(t, source.Refused("two", now.Add(time.Hour)), "the file is being written")
	require.NoError(t, os.Remove(path))
	require.True(t, source.Refused("two", now.Add(2*time.Hour)))
	write("two")
	require.True(t, source.Refused("two", now.Add(3*time.Hour)))
	require.False(t, source.Refused("two", now.Add(4*time.Hour)))
}
