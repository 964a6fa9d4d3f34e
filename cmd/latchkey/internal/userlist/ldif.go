package userlist

import (
	"errors"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/go-ldap/ldif"
)

// ldifStart is how the first line of LDIF begins: https://www.rfc-editor.org/rfc/rfc2849
var ldifStart = regexp.MustCompile(`^(?i)(dn::?( |$)|version: *\d+ *$|search: *\d+ *$|ref: )`)

// noEntry begins what ldapsearch writes beside entries.
var noEntry = regexp.MustCompile(`^(?i)(version|search|ref):`)

// readLDIF reads the entries of a directory, an attribute a column.
func (l *List) readLDIF(lines []string) *table {
	l.Format = "LDIF"
	read := &table{places: map[string]int{}}
	for _, record := range records(lines) {
		if noEntry.MatchString(record.lines[0]) {
			continue
		}
		l.Rows++
		attributes, err := entry(record.lines)
		if err != nil {
			l.fault(record.line, err)
			continue
		}
		each := row{line: record.line}
		for _, attribute := range attributes {
			name, _, _ := strings.Cut(attribute.Name, ";")
			read.fill(&each, name, attribute.Values[0])
		}
		read.rows = append(read.rows, each)
	}
	return read
}

// record is one entry: its lines, unfolded, and the number of the first.
type record struct {
	line  int
	lines []string
}

// records divides LDIF at empty lines, and leaves out comments.
func records(lines []string) []record {
	var found []record
	open, comment := false, false
	for i, line := range lines {
		var last *record
		if open {
			last = &found[len(found)-1]
		}
		switch {
		case strings.HasPrefix(line, " ") && comment:
		case strings.HasPrefix(line, " ") && last != nil:
			last.lines[len(last.lines)-1] += line[1:]
		case strings.HasPrefix(line, "#"):
			comment = true
		case line == "":
			open, comment = false, false
		default:
			comment = false
			if !open {
				found, open = append(found, record{line: i + 1}), true
			}
			found[len(found)-1].lines = append(found[len(found)-1].lines, line)
		}
	}
	if len(found) > 0 && len(found[0].lines) > 1 && strings.HasPrefix(found[0].lines[0], "version:") {
		found[0].lines = found[0].lines[1:]
	}
	return found
}

// entry reads one entry. Values that are empty or stand in another file are left out: the
// parser stops at the ones, and would read any file that the others name.
func entry(lines []string) ([]*ldap.EntryAttribute, error) {
	var text strings.Builder
	values := 0
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "changetype") {
			if strings.TrimSpace(value) != "add" {
				return nil, errors.New("is a change to a directory, not an entry")
			}
			continue // So ldifde writes entries.
		}
		if value = strings.TrimSpace(strings.TrimPrefix(value, ":")); value == "" && strings.Contains(line, ":") || strings.HasPrefix(strings.TrimSpace(value), "<") {
			continue
		}
		text.WriteString(line + "\n")
		values++
	}
	if values == 1 {
		return nil, nil // It is in a directory, and has no name to be asked for.
	}
	parsed, err := ldif.Parse(text.String())
	if err != nil || len(parsed.Entries) != 1 || parsed.Entries[0].Entry == nil {
		return nil, errors.New("is no entry of LDIF: a dn, and then a name, a colon and a value a line")
	}
	return parsed.Entries[0].Entry.Attributes, nil
}
