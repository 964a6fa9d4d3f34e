package suggest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/internal/suggest"
)

func TestClosest(t *testing.T) {
	t.Parallel()
	known := []string{"user-id", "username", "dry-run", "onlyReasons", "LOG_LEVEL"}
	for word, want := range map[string]string{
		"dryrun":      "dry-run",
		"user":        "user-id",
		"USER-ID":     "user-id",
		"onlyReason":  "onlyReasons",
		"onlyreasons": "onlyReasons",
		"LOG_LEVELS":  "LOG_LEVEL",
		"frobnicate":  "",
		"":            "",
	} {
		require.Equal(t, want, suggest.Closest(word, known), word)
	}
}
