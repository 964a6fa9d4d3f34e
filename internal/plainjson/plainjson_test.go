package plainjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/internal/plainjson"
)

// TestNoLongerThanItCame: JSON that is handed on is as long as it came, whatever it holds,
// and says the same.
func TestNoLongerThanItCame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("&<>\u2028\u2029\"\\\x00")))).Draw(t, "text")
		came, err := plainjson.Marshal(map[string]any{"user": text})
		require.NoError(t, err)
		stored, err := plainjson.Marshal(struct{ User json.RawMessage }{came})
		require.NoError(t, err)
		require.Len(t, stored, len(came)+len(`{"User":}`))
		var back struct{ User struct{ User string } }
		require.NoError(t, json.Unmarshal(stored, &back))
		require.Equal(t, text, back.User.User)
	})
}

// TestMarkup: what a web page would take for its own is a byte each.
func TestMarkup(t *testing.T) {
	t.Parallel()
	stored, err := plainjson.Marshal(strings.Repeat("&<>", 1000))
	require.NoError(t, err)
	require.Len(t, stored, 3002)
	_, err = plainjson.Marshal(func() {})
	require.Error(t, err)
}
