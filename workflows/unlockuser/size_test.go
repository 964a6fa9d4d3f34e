package unlockuser_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestLongUser: a user object that Temporal would not store keeps nobody locked, and the
// result says that it was left out.
func TestLongUser(t *testing.T) {
	t.Parallel()
	for name, letter := range map[string]string{"ampersands": "&", "less-than signs": "<", "quotation marks": `"`, "letters": "é"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario{
				script: func(s *stage) {
					user, err := json.Marshal(map[string]string{"jobTitle": strings.Repeat(letter, 400_000)})
					require.NoError(t, err)
					s.Change(func(a *connectors.Account) { a.User, a.Groups = user, []string{string(user)} })
				},
				ungrouped: true,
				input:     func(in *workflows.Input) { in.WatchFor = workflows.Duration(1) },
				outcome:   workflows.Unlocked, sent: connectors.Yes,
				check: func(t *testing.T, s *stage, result *workflows.Result) {
					require.Empty(t, result.User)
					require.Contains(t, result.UserOmitted, "the user object takes ")
					require.Equal(t, latchkeytest.UserID, result.UserID)
					require.Equal(t, result.UserOmitted, query(t, s).Result.UserOmitted)
				},
			}.play(t)
		})
	}
}
