// Package setting says what is wrong with a value from the environment or a file that its
// reader cannot see, without repeating the value.
package setting

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// names are those of the characters that stray into settings most often: from files with
// Windows' ends of line, web pages, word processors and editors that mark UTF-8.
var names = map[rune]string{
	'\t':     "a tab",
	'\n':     "a line feed",
	'\r':     "a carriage return",
	'\u00a0': "a no-break space",
	'\u200b': "a zero width space",
	'\u2060': "a word joiner",
	'\ufeff': "a byte order mark",
}

var errQuoted = errors.New("stands in quotation marks, which would be a part of it: take them off; an env file is no shell")

// Check returns an error that continues a sentence which begins with the setting's name.
func Check(value string) error {
	if err := CheckVisible(value); err != nil {
		return err
	}
	if quoted(value) {
		return errQuoted
	}
	return nil
}

// CheckVisible is Check for values that may stand in quotation marks.
func CheckVisible(value string) error {
	for place, character := range value {
		if character == utf8.RuneError && !strings.HasPrefix(value[place:], "\ufffd") {
			return fmt.Errorf("is not UTF-8 %s: write it anew", where(value, place, 1))
		}
		if !invisible(character) {
			continue
		}
		name := names[character]
		if name == "" {
			name = "an invisible character"
		}
		return fmt.Errorf("holds %s (%U) %s: take it out", name, character, where(value, place, utf8.RuneLen(character)))
	}
	return nil
}

// CheckList is Check for entries that are separated by commas. White space around an entry is
// no fault: whoever reads a list takes it off.
func CheckList(list string) error {
	for entry := range strings.SplitSeq(list, ",") {
		if err := Check(strings.TrimSpace(entry)); err != nil {
			return fmt.Errorf("has an entry that %w", err)
		}
	}
	if quoted(strings.TrimSpace(list)) {
		return errQuoted
	}
	return nil
}

// invisible reports whether a character cannot be seen, or is a space that is none.
func invisible(character rune) bool {
	return character != ' ' && (unicode.IsSpace(character) || unicode.In(character, unicode.C, unicode.Z) && !unicode.Is(unicode.Co, character))
}

func where(value string, place, length int) string {
	switch {
	case place == 0:
		return "at its beginning"
	case place+length == len(value):
		return "at its end"
	default:
		return fmt.Sprintf("as character %d", utf8.RuneCountInString(value[:place])+1)
	}
}

// quoted reports whether the whole value stands in a pair of quotation marks.
func quoted(value string) bool {
	for _, mark := range []struct{ open, shut string }{{`"`, `"`}, {"'", "'"}, {"`", "`"}, {"“", "”"}, {"‘", "’"}} {
		if len(value) >= len(mark.open)+len(mark.shut) && strings.HasPrefix(value, mark.open) && strings.HasSuffix(value, mark.shut) {
			return true
		}
	}
	return false
}
