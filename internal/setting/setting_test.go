package setting

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                  "",
		"us":                "",
		"a b, c":            "",
		`"`:                 "",
		`say "no"`:          "",
		"Grüße, 東京, Ελλάδα": "",
		"us\r":              "holds a carriage return (U+000D) at its end: take it out",
		"\ufeffus":          "holds a byte order mark (U+FEFF) at its beginning: take it out",
		"a\u00a0b":          "holds a no-break space (U+00A0) as character 2: take it out",
		"ü\u200bü":          "holds a zero width space (U+200B) as character 2: take it out",
		"a\u202eb":          "holds an invisible character (U+202E) as character 2: take it out",
		"a\x00b":            "holds an invisible character (U+0000) as character 2: take it out",
		"a\tb":              "holds a tab (U+0009) as character 2: take it out",
		"a\xffb":            "is not UTF-8 as character 2: write it anew",
		"a\ufffdb":          "",
		`"us"`:              "stands in quotation marks, which would be a part of it: take them off; an env file is no shell",
		`''`:                "stands in quotation marks, which would be a part of it: take them off; an env file is no shell",
		"“us”":              "stands in quotation marks, which would be a part of it: take them off; an env file is no shell",
		"\"us\"\r":          "holds a carriage return (U+000D) at its end: take it out",
	} {
		t.Run(fmt.Sprintf("%+q", value), func(t *testing.T) {
			t.Parallel()
			err := Check(value)
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, want)
		})
	}
}

func TestCheckList(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{
		"":                 "",
		"a,b":              "",
		" a ,\n\tb b,\r\n": "", //nolint:gocritic // the white space is the point
		"a,b\u200b,c":      "has an entry that holds a zero width space (U+200B) at its end: take it out",
		`"a","b"`:          "has an entry that stands in quotation marks, which would be a part of it: take them off; an env file is no shell",
		`"a,b"`:            "stands in quotation marks, which would be a part of it: take them off; an env file is no shell",
	} {
		t.Run(fmt.Sprintf("%+q", list), func(t *testing.T) {
			t.Parallel()
			err := CheckList(list)
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, want)
		})
	}
}

// TestCheckProperty: whatever cannot be seen is found wherever it stands, and the value is
// not repeated.
func TestCheckProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const canary = "canary"
		value := canary + rapid.StringOf(rapid.RuneFrom(nil, unicode.L, unicode.N, unicode.P)).Draw(t, "rest")
		require.NoError(t, Check(value))
		strange := rapid.RuneFrom(nil, unicode.Cc, unicode.Cf, unicode.Zs, unicode.Zl, unicode.Zp).Filter(func(r rune) bool { return r != ' ' }).Draw(t, "strange")
		place := rapid.IntRange(0, len([]rune(value))).Draw(t, "place")
		spoilt := string([]rune(value)[:place]) + string(strange) + string([]rune(value)[place:])
		err := Check(spoilt)
		require.ErrorContains(t, err, fmt.Sprintf("%U", strange))
		require.NotContains(t, err.Error(), canary)
		require.False(t, strings.ContainsRune(err.Error(), strange))
	})
}
