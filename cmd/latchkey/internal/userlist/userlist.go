// Package userlist reads the lists of users that people have: one reference a line, or what
// spreadsheets, directories and the tools of identity providers write, as CSV, JSON or LDIF.
// A list that could be read in two ways, or of which a row cannot be read, is refused as a whole.
package userlist

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/setting"
)

// Kind is what a reference is.
type Kind string

// The kinds of references. Auto leaves it to what each looks like.
const (
	Auto     Kind = "auto"
	UserID   Kind = "user-id"
	Username Kind = "username"
	Email    Kind = "email"
)

// Kinds lists them.
func Kinds() []string {
	return []string{string(Auto), string(UserID), string(Username), string(Email)}
}

// ref returns the reference of that kind.
func (k Kind) ref(value string) connectors.UserRef {
	switch k {
	case UserID:
		return connectors.UserRef{ID: value}
	case Email:
		return connectors.UserRef{Email: value}
	default:
		return connectors.UserRef{Username: value}
	}
}

const (
	// maxListBytes bounds what is read: the list that goes in one start is far smaller.
	maxListBytes = 16 << 20
	// maxFaults is how many bad lines are named.
	maxFaults = 20
)

// Options say how a list is read.
type Options struct {
	// As is how a line that holds a reference and nothing else is taken.
	As Kind
	// Column names the one column that is read, as "email=Work address"; empty recognizes it.
	Column string
	// Most is how many users a list may name.
	Most int
}

// List is a list of users as it was read.
type List struct {
	Users []connectors.UserRef
	// Duplicates counts the references that were left out since one before means the same.
	Duplicates int
	// Format says what was read: "CSV divided by semicolons, UTF-16".
	Format string
	// Columns are those that references were read from, of how many there are (Width).
	Columns []Column
	Width   int
	// Rows counts what was read, Skipped says which were no users.
	Rows    int
	Skipped []Skip

	// Ignored says which columns are known, and do not hold what they are to hold.
	Ignored []string

	most   int
	seen   map[connectors.UserRef]bool
	faults []lineFault
}

// lineFault is what is wrong with a line.
type lineFault struct {
	line int
	err  error
}

// Column is one that references were read from.
type Column struct {
	Name string
	Kind Kind
	// Rows counts the references that came from it.
	Rows int
}

// Skip is a row that was passed over.
type Skip struct {
	Line int
	Why  string
}

// Read reads a list of users. Its error names each bad line, and no value but those of a header.
func Read(from io.Reader, options Options) (*List, error) {
	data, err := io.ReadAll(io.LimitReader(from, maxListBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the list: %w", err)
	case len(data) > maxListBytes:
		return nil, fmt.Errorf("the list is larger than %d MiB: split it", maxListBytes>>20)
	}
	text, encoding, err := decode(data)
	if err != nil {
		return nil, err
	}
	list := &List{most: options.Most, seen: map[connectors.UserRef]bool{}}
	if err := list.read(text, options); err != nil {
		return nil, err
	}
	list.Format += ", " + encoding
	return list, list.err()
}

// Summary says what was read and from where, for whoever has to see that it was the right thing.
func (l *List) Summary() string {
	var text strings.Builder
	fmt.Fprintf(&text, "read %d %s from %s", len(l.Users), plural(len(l.Users), "user", "users"), l.Format)
	for i, column := range l.Columns {
		text.WriteString([]string{", by ", " and "}[min(i, 1)])
		fmt.Fprintf(&text, "%s (column %q, %d %s)", column.Kind, column.Name, column.Rows, plural(column.Rows, "row", "rows"))
	}
	if l.Width > 0 {
		fmt.Fprintf(&text, ", of %d %s", l.Width, plural(l.Width, "column", "columns"))
	}
	for _, ignored := range l.Ignored {
		text.WriteString("; " + ignored)
	}
	if l.Duplicates > 0 {
		fmt.Fprintf(&text, "; left out %d repeated %s", l.Duplicates, plural(l.Duplicates, "reference", "references"))
	}
	for i, skip := range l.Skipped {
		if i == maxFaults {
			fmt.Fprintf(&text, "; and %d more", len(l.Skipped)-maxFaults)
			break
		}
		fmt.Fprintf(&text, "; passed over line %d, %s", skip.Line, skip.Why)
	}
	return text.String()
}

func plural(count int, one, several string) string {
	if count == 1 {
		return one
	}
	return several
}

// add takes a reference, unless it is bad or there already; it reports whether it is good. Two
// spellings of an ID are kept: only the provider knows whether they are two.
func (l *List) add(line int, ref connectors.UserRef) bool {
	if err := cmp.Or(seeable(ref), ref.Validate()); err != nil {
		l.fault(line, err)
		return false
	}
	key := connectors.UserRef{ID: ref.ID, Username: foldedName(ref.Username), Email: foldedName(ref.Email)}
	if l.seen[key] {
		l.Duplicates++
		return true
	}
	l.seen[key] = true
	l.Users = append(l.Users, ref)
	return true
}

func (l *List) fault(line int, err error) { l.faults = append(l.faults, lineFault{line, err}) }

// seeable refuses what cannot be seen in a name: it comes along from a web page or a chat, and
// a provider finds nobody by it.
func seeable(ref connectors.UserRef) error {
	for field, value := range map[string]string{"username": ref.Username, "email": ref.Email} {
		if err := setting.CheckVisible(value); err != nil {
			return connectors.Fault{Field: field, Message: err.Error()}
		}
		if strings.ContainsRune(value, utf8.RuneError) {
			return connectors.Fault{Field: field, Message: "holds the sign for a character that a conversion lost (U+FFFD): write it anew"}
		}
	}
	return nil
}

// foldedName is one for all names that connectors.SameName takes for one.
func foldedName(name string) string {
	var folded strings.Builder
	for _, r := range name {
		folded.WriteRune(unicode.ToLower(r))
		folded.WriteRune(unicode.ToUpper(r))
	}
	return folded.String()
}

// err is what is wrong with the list as a whole.
func (l *List) err() error {
	switch {
	case len(l.faults) > 0:
		slices.SortStableFunc(l.faults, func(a, b lineFault) int { return cmp.Compare(a.line, b.line) })
		var text []string
		for _, fault := range l.faults[:min(len(l.faults), maxFaults)] {
			text = append(text, fmt.Sprintf("line %d: %s", fault.line, fault.err))
		}
		if more := len(l.faults) - maxFaults; more > 0 {
			text = append(text, fmt.Sprintf("and %d more", more))
		}
		return errors.New(strings.Join(text, "\n"))
	case len(l.Users) == 0:
		return errors.New("the list names nobody")
	case len(l.Users) > l.most:
		return fmt.Errorf("the list names %d users; at most %d go in one start: split it", len(l.Users), l.most)
	default:
		return nil
	}
}

// read tells the kinds of lists apart by the first line that says something.
func (l *List) read(text string, options Options) error {
	lines := split(text)
	first := slices.IndexFunc(lines, func(line string) bool { return !silent(line) })
	if first < 0 {
		l.Format = "text"
		return nil
	}
	start := strings.TrimSpace(lines[first])
	var table *table
	var err error
	switch {
	case strings.HasPrefix(start, "{"), strings.HasPrefix(start, "["):
		table, err = l.readJSON(lines)
	case ldifStart.MatchString(start):
		table = l.readLDIF(lines)
	default:
		if err := foreignText(lines[first:]); err != nil {
			return err
		}
		comma, header := delimiter(lines, first, options)
		if !header {
			return l.readLines(lines, first, options)
		}
		table, err = l.readCSV(lines, comma)
	}
	switch {
	case err != nil:
		return err
	case options.As != Auto:
		return errors.New("what references are is said only of lists of one reference a line: CSV, JSON and LDIF say themselves what a reference is")
	}
	return l.readTable(table, options.Column)
}

// split returns the lines of a text, without their ends.
func split(text string) []string {
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n") // As spreadsheets once wrote on a Macintosh.
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return lines
}

// silent reports whether a line says nothing.
func silent(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || strings.HasPrefix(line, "#")
}

// trim takes off the white space around a value that can be seen to be some.
func trim(value string) string { return strings.Trim(value, " \t\r\n") }

func blank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}
