package guard_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

func TestSameName(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{
		{"Alice", "alice"}, {"alice", "al\u200bice"}, {"alice", "al\u00adice"}, {"alice", "alice\n"}, {"alice", " alice "},
		{"Alice Doe", "alice\u00a0 doe"}, {"alice", "\uff41lice"}, {"jos\u00e9", "JOSE\u0301"}, {"alice", "\U0001d41alice"},
		{"alice", "\u0430lice"}, {"ALICE", "\u0410LICE"}, {"Alice", "\u0391lice"}, {"alice", "\u03b1lice"}, {"alice", "\u0430li\u0441\u0435"},
		{"ace", "\u0430\u0441\u0435"}, {"NINA", "\u039dI\u039dA"}, {"nina", "\u039dI\u039dA"}, {"vova", "\u03bd\u043e\u03bd\u0430"},
		{"boss@example.com", "b\u043ess@ex\u0430mple.com"}, {"nikos", "N\u0399KOS"}, {"\u03bd\u03b9\u03ba\u03bf\u03c2", "\u039d\u0399\u039a\u039f\u03a3"},
		{"\u043d\u0438\u043d\u0430", "\u041d\u0418\u041d\u0410"}, {"oli", "\u0585li"}, {"ilse", "\u0131lse"}, {"alice", "\u0251lice"},
	} {
		require.True(t, guard.SameName(same[0], same[1]), "%q", same)
		require.True(t, guard.SameName(same[1], same[0]), "%q", same)
	}
	for _, other := range [][2]string{{"alice", "boss"}, {"jose", "jos\u00e9"}, {"ian", "lan"}, {"user1", "userl"}, {"anna", "anne"}, {"a b", "ab"},
		{"\u0438\u0432\u0430\u043d", "ivan"}, {"\u5f20\u4f1f", "\u738b\u4f1f"}} {
		require.False(t, guard.SameName(other[0], other[1]), "%q", other)
	}
}

// TestSameNameHowever: no spelling of a name makes another person of it, and what a provider
// may take for one name is one.
func TestSameNameHowever(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := names().Draw(t, "name")
		require.True(t, guard.SameName(name, respell(t, name)))
		for _, other := range []string{strings.ToUpper(name), strings.ToLower(name)} {
			require.True(t, connectors.AlikeNames(name, other) && guard.SameName(name, other))
		}
	})
}

func TestInvisible(t *testing.T) {
	t.Parallel()
	for _, hides := range append([]string{"\n", "\r", "\t", "\u0085", "\u2028", "\u2029", "\u200e"}, unseen...) {
		require.True(t, guard.Invisible("boss"+hides), "%+q", hides)
		require.True(t, guard.Invisible(hides+"boss"), "%+q", hides)
	}
	for _, plain := range []string{"", "boss", "José", "jose\u0301", "Ada Lovelace", "张伟", "schedule unlock-locked/jc", "a\u00a0b"} {
		require.False(t, guard.Invisible(plain), "%+q", plain)
	}
}
