package userlist

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
)

// foreignFiles are no text, though people have their lists in them, by their first bytes.
var foreignFiles = []struct{ magic, what string }{
	{"PK\x03\x04", "a workbook or an archive: save the sheet as CSV"},
	{"\xD0\xCF\x11\xE0", "a workbook: save the sheet as CSV"},
	{"%PDF", "a PDF: export it as CSV"},
	{"\x1F\x8B", "compressed: decompress it first"},
	{"\xFF\xFE\x00\x00", "UTF-32: convert it, for example with: iconv -f UTF-32 -t UTF-8"},
	{"\x00\x00\xFE\xFF", "UTF-32: convert it, for example with: iconv -f UTF-32 -t UTF-8"},
}

// decode returns the text of a file, and the name of its encoding: UTF-16 is told by its mark.
func decode(data []byte) (text, encoding string, err error) {
	for _, file := range foreignFiles {
		if bytes.HasPrefix(data, []byte(file.magic)) {
			return "", "", errors.New("the list is " + file.what)
		}
	}
	head := data[:min(len(data), 512)]
	switch {
	case bytes.HasPrefix(data, []byte("\xFF\xFE")), bytes.HasPrefix(data, []byte("\xFE\xFF")):
		decoded, err := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Bytes(data)
		if err != nil {
			return "", "", fmt.Errorf("the list is not the UTF-16 that its first bytes promise: %w", err)
		}
		return string(decoded), "UTF-16", nil
	case bytes.Count(head, []byte{0}) > len(head)/3:
		return "", "", errors.New("the list looks like UTF-16 without its mark: convert it, for example with: iconv -f UTF-16LE -t UTF-8")
	case !utf8.Valid(data):
		return "", "", errors.New("the list is not UTF-8: convert it, for example with: iconv -f WINDOWS-1252 -t UTF-8")
	default:
		return string(bytes.TrimPrefix(data, []byte("\uFEFF"))), "UTF-8", nil
	}
}

var (
	// keyed is the first line of blocks of names and values, or of YAML.
	keyed = regexp.MustCompile(`^[A-Za-z][\w-]*\s*:(\s|$)`)
	// distinguished is a distinguished name.
	distinguished = regexp.MustCompile(`^"?[A-Za-z]+=[^,;]+,\s*[A-Za-z]+=`)
	// rule is what is drawn below the header of a table.
	rule = regexp.MustCompile(`^[-=+|: ]*--[-=+|: ]*$`)
)

// foreignText refuses text that is a list in a form that is not read. The first of its lines
// says something.
func foreignText(lines []string) error {
	first := strings.TrimSpace(lines[0])
	below := ""
	if at := slices.IndexFunc(lines[1:], func(line string) bool { return !silent(line) }); at >= 0 {
		below = strings.TrimSpace(lines[1+at])
	}
	switch {
	case strings.HasPrefix(first, "<"):
		return errors.New("the list is HTML or XML: export it as CSV")
	case first == "---", strings.HasPrefix(first, "- "), strings.HasPrefix(first, "* "):
		return errors.New("the list is YAML or a list of a document: write one reference a line, without the sign before it")
	case keyed.MatchString(first):
		return errors.New("the list holds a name and a value a line, as YAML or Format-List write them: export it as CSV")
	case distinguished.MatchString(first):
		return errors.New("the list holds distinguished names: export user IDs, usernames or emails")
	case rule.MatchString(below) && len(strings.Fields(below)) > 1 && !strings.Contains(below, "|"):
		return errors.New("the list is a table whose columns are divided by spaces: export it as CSV")
	default:
		return nil
	}
}
