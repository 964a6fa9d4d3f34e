package guard_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

func protects(pattern, value string) bool { return guard.Protecting([]string{pattern}).Cover(value) }
func permits(pattern, value string) bool  { return guard.Permitting([]string{pattern}).Cover(value) }

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, value    string
		protects, permits bool
	}{
		{"jane", "jane", true, true},
		{"JANE", "jane", true, true},
		{"jane", "jane.doe", false, false},
		{"jane*", "Jane.Doe", true, true},
		{"*doe", "jane.doe", true, true},
		{"*@example.org", "jane@EXAMPLE.org", true, true},
		{"*@example.org", "jane@example.org.evil.example", false, false},
		{"a.c", "abc", false, false},
		{"a+", "aa", false, false},
		{"(", "(", true, true},
		{`a\*`, `a\bc`, true, true},
		{"*", "a", true, true},
		{"*", "line\nbreak", true, true},
		{"a*c", "a\nc", true, true},
		{"a*a", "a", false, false},
		{"", "a", false, false},
		{"", "", false, false},
		{"*", "", false, false},
		{"ÄÖ*", "äöü", true, true},
		{"**", "x", true, true},
		{"a*b*c", "a-b-b-c", true, true},
		{"a*b*c", "a-c-b", false, false},
		// The same name, encoded otherwise.
		{"jos\u00e9*", "jose\u0301.garcia", true, true},
		{"jose\u0301*", "JOS\u00c9.garcia", true, true},
		{"\uff4a\uff41\uff4e\uff45", "jane", true, true},
		{"strasse", "Stra\u00dfe", true, true},
		{"\u03c3\u03bf\u03c6\u03bf\u03c2", "\u03a3\u039f\u03a6\u039f\u03a3", true, true},
		{"kate", "\u212aate", true, true},
		// What cannot be seen hides nobody from a rule, and lets nobody through.
		{"jane", "ja\u200bne", true, false},
		{"jane", "ja\u00adne", true, false},
		{"jane", "jane\n", true, false},
		{"ja\u2060ne", "jane", true, false},
		// A letter with an accent begins with the letter.
		{"jose*", "jos\u00e9", true, true},
		{"jose", "jos\u00e9", false, false},
		// A pattern that cannot be read protects rather than lets through.
		{"\xff", "jane", true, false},
	} {
		require.Equal(t, test.protects, protects(test.pattern, test.value), "%q %q", test.pattern, test.value)
		require.Equal(t, test.permits, permits(test.pattern, test.value), "%q %q", test.pattern, test.value)
	}
}

func FuzzPatterns(f *testing.F) {
	for _, seed := range [][2]string{{"a*", "abc"}, {"*", ""}, {"(?i)", "x"}, {`\E*\Q`, "y"}, {"\xff*", "\xff"}, {"e\u0301", "\u0323"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, value string) {
		literal := strings.ReplaceAll(value, "*", "")
		require.Equal(t, value != "", protects("*", value))
		if literal != "" {
			require.True(t, protects(literal, literal), "a text without * covers itself")
			require.Equal(t, utf8.ValidString(literal), permits(literal, literal))
			require.True(t, protects(literal+"*", literal+"."+value))
		}
		if permits(pattern, value) {
			require.True(t, protects(pattern, value), "what lets somebody through protects them too")
		}
	})
}

// TestCaseOfEveryLetter: whatever a program makes of a letter as it changes its case, the
// letter stays the same for a rule.
func TestCaseOfEveryLetter(t *testing.T) {
	t.Parallel()
	for r := range unicode.MaxRune {
		if !unicode.IsLetter(r) {
			continue
		}
		pattern := guard.Protecting([]string{string(r)})
		for _, other := range []string{string(unicode.ToUpper(r)), string(unicode.ToLower(r)), string(unicode.ToTitle(r)),
			strings.ToUpper(string(r)), strings.ToLower(string(r)), norm.NFD.String(string(r)), norm.NFKC.String(string(r))} {
			require.True(t, pattern.Cover(other), "%q %q", r, other)
		}
	}
}

// names draws names out of the letters of many writings.
func names() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.OneOf(rapid.RuneFrom([]rune("jane.doe-@")), rapid.RuneFrom(nil, unicode.L, unicode.M, unicode.Nd)), 1, 12, -1)
}

var unseen = []string{"\u200b", "\u200d", "\u00ad", "\u2060", "\ufeff", "\u202e", "\u034f", "\ufe0f", "\u3164", "\u2800", "\x00", "\U000e0020"}

// respell writes a name in another way that looks the same, or differs in case.
func respell(t *rapid.T, name string) string {
	for range rapid.IntRange(1, 4).Draw(t, "changes") {
		switch rapid.IntRange(0, 4).Draw(t, "change") {
		case 0:
			name = rapid.SampledFrom([]norm.Form{norm.NFC, norm.NFD, norm.NFKC, norm.NFKD}).Draw(t, "form").String(name)
		case 1:
			name = strings.ToUpper(name)
		case 2:
			name = strings.ToLower(name)
		case 3:
			name = strings.Map(func(r rune) rune {
				if r > ' ' && r <= '~' {
					return r - '!' + '\uff01'
				}
				return r
			}, name)
		default:
			runes := []rune(name)
			at := rapid.IntRange(0, len(runes)).Draw(t, "at")
			name = string(runes[:at]) + rapid.SampledFrom(unseen).Draw(t, "unseen") + string(runes[at:])
		}
	}
	return name
}

// TestNoSpellingEscapes: whom a rule protects or a guard excludes is refused, however the
// provider spells the name, the address or the group, and however the rule does.
func TestNoSpellingEscapes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := names().Filter(func(name string) bool { return protects(name, name) }).Draw(t, "name")
		stored, asked := respell(t, name), respell(t, name)
		q := lockedFor(time.Hour)
		q.Account.Groups = []string{}
		want := guard.CodeProtectedUser
		field := rapid.SampledFrom([]*string{&q.Account.Username, &q.Account.Email, nil}).Draw(t, "field")
		if field == nil {
			q.Account.Groups = []string{"staff", stored}
		} else {
			*field = stored
		}
		switch inRules := rapid.Bool().Draw(t, "in rules"); {
		case inRules && field == nil:
			q.Rules.ProtectedGroups, want = []string{asked}, guard.CodeProtectedGroup
		case inRules:
			q.Rules.ProtectedUsers = []string{asked}
		case field == nil:
			q.Guard.Exclude, want = []string{"group:" + asked}, guard.CodeExcluded
		default:
			q.Guard.Exclude, want = []string{asked}, guard.CodeExcluded
		}
		require.Equal(t, want, guard.Decide(q).Code)
	})
}

// BenchmarkDecide: a decision, and one of a page of 3,000, under a hundred patterns.
func BenchmarkDecide(b *testing.B) {
	q := lockedFor(time.Hour)
	q.Account.Groups = []string{"staff", "everybody"}
	for i := range 50 {
		q.Rules.ProtectedUsers = append(q.Rules.ProtectedUsers, fmt.Sprintf("svc-%d-*@example.org", i))
		q.Guard.Exclude = append(q.Guard.Exclude, fmt.Sprintf("*.admin%d", i))
	}
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			guard.Decide(q)
		}
	})
	b.Run("page", func(b *testing.B) {
		page := make([]*connectors.Account, 3000)
		for i := range page {
			page[i] = q.Account
		}
		for b.Loop() {
			guard.Foresee(q, page)
		}
	})
}
