// Package userlist reads the lists of users that people have: CSV, JSON lines, or one
// reference a line.
package userlist

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/registry"
)

// How a line that holds a reference and nothing else is taken.
const (
	Auto     = "auto"
	UserID   = "user-id"
	Username = "username"
	Email    = "email"
)

// Words lists them.
func Words() []string { return []string{Auto, UserID, Username, Email} }

const (
	// maxListBytes bounds what is read: the list that goes in one start is far smaller.
	maxListBytes = 16 << 20
	// maxFaults is how many bad lines are named.
	maxFaults = 20
)

// List is a list of users as it was read.
type List struct {
	Users []connectors.UserRef
	// Duplicates counts the references that were left out since one before means the same.
	Duplicates int

	most   int
	seen   map[string]bool
	faults []string
	// bad counts the bad lines, of which faults names the first.
	bad int
}

// Read reads a list of users: CSV with a header, JSON lines, or one reference a line,
// which as says how to take; most is how many it may name. Its error names each bad line, and never a value.
func Read(from io.Reader, as string, most int) (*List, error) {
	data, err := io.ReadAll(io.LimitReader(from, maxListBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the list: %w", err)
	case len(data) > maxListBytes:
		return nil, fmt.Errorf("the list is larger than %d MiB: split it, for example with: split -l %d", maxListBytes>>20, most)
	case !utf8.Valid(data):
		return nil, errors.New("the list is not UTF-8: convert it, for example with: iconv -f WINDOWS-1252 -t UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	list := &List{most: most, seen: map[string]bool{}}
	if err := list.read(string(data), as); err != nil {
		return nil, err
	}
	return list, list.err()
}

// read tells the three kinds of lists apart by the first line that says something.
func (l *List) read(text, as string) error {
	first := ""
	for _, line := range strings.Split(text, "\n") {
		if !silent(line) {
			first = strings.TrimSpace(line)
			break
		}
	}
	comma, header := csvHeader(first)
	switch {
	case strings.HasPrefix(first, "["):
		return errors.New("the list is a JSON array: write one object a line")
	case as != Auto && (header || strings.HasPrefix(first, "{")):
		return errors.New("what references are is said only of lists of one reference a line: CSV and JSON lines say themselves what a reference is")
	case strings.HasPrefix(first, "{"):
		l.eachLine(text, parseObject)
	case header:
		l.readCSV(text, comma)
	default:
		l.eachLine(text, func(line string) (connectors.UserRef, error) { return parseReference(line, as) })
	}
	return nil
}

// silent reports whether a line says nothing.
func silent(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || strings.HasPrefix(line, "#")
}

func (l *List) eachLine(text string, parse func(string) (connectors.UserRef, error)) {
	for i, line := range strings.Split(text, "\n") {
		if silent(line) {
			continue
		}
		ref, err := parse(strings.TrimSpace(line))
		l.add(i+1, ref, err)
	}
}

// parseReference takes a line for what it looks like, or for what the caller says.
func parseReference(line, as string) (connectors.UserRef, error) {
	switch {
	case as == Email, as == Auto && strings.Contains(line, "@"):
		return connectors.UserRef{Email: line}, nil
	case as == UserID, as == Auto && mayBeID(line):
		return connectors.UserRef{ID: line}, nil
	default:
		return connectors.UserRef{Username: line}, nil
	}
}

// mayBeID reports whether a provider could take the text for an ID: whose list it is, only a
// worker knows.
func mayBeID(text string) bool {
	return slices.ContainsFunc(registry.Providers(), func(provider connectors.Provider) bool {
		_, err := provider.ID.Canonical(text)
		return err == nil
	})
}

func parseObject(line string) (connectors.UserRef, error) {
	var ref connectors.UserRef
	err := json.Unmarshal([]byte(line), &ref, json.RejectUnknownMembers(true))
	switch {
	case errors.Is(err, json.ErrUnknownName):
		err = errors.New("holds an unknown key: the keys are userId, username and email")
	case err != nil:
		err = errors.New(`is not one JSON object of texts, such as {"email":"ada@example.com"}`)
	}
	return ref, err
}

// csvColumns are the names of the columns that are read; the first that is filled counts.
var csvColumns = []struct {
	names []string
	of    func(value string) connectors.UserRef
}{
	{[]string{"user_id", "userid", "id"}, func(value string) connectors.UserRef { return connectors.UserRef{ID: value} }},
	{[]string{"username", "user_name", "login"}, func(value string) connectors.UserRef { return connectors.UserRef{Username: value} }},
	{[]string{"email", "mail"}, func(value string) connectors.UserRef { return connectors.UserRef{Email: value} }},
}

// csvHeader reports whether a line is the header of CSV, and what divides its cells.
func csvHeader(line string) (comma rune, is bool) {
	for _, comma := range []rune{',', ';', '\t'} {
		reader := csv.NewReader(strings.NewReader(line))
		reader.Comma = comma
		cells, err := reader.Read()
		if err == nil && len(columnsOf(cells)) > 0 {
			return comma, true
		}
	}
	return 0, false
}

// column is one that is read: where it stands and what its cells are.
type column struct {
	at int
	of func(value string) connectors.UserRef
}

func columnsOf(header []string) []column {
	var columns []column
	for _, known := range csvColumns {
		for at, cell := range header {
			if slices.Contains(known.names, strings.ToLower(strings.TrimSpace(cell))) {
				columns = append(columns, column{at, known.of})
			}
		}
	}
	return columns
}

func (l *List) readCSV(text string, comma rune) {
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma, reader.Comment = comma, '#'
	var columns []column
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		var wrong *csv.ParseError
		var line int
		if errors.As(err, &wrong) {
			line, err = wrong.StartLine, csvFault(wrong, reader.FieldsPerRecord)
		} else if line, _ = reader.FieldPos(0); blank(cells) {
			continue
		}
		switch {
		case err != nil:
			l.add(line, connectors.UserRef{}, err)
		case columns == nil:
			columns = columnsOf(cells)
		default:
			ref, err := refOf(cells, columns)
			l.add(line, ref, err)
		}
	}
}

func blank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

func csvFault(wrong *csv.ParseError, columns int) error {
	if errors.Is(wrong.Err, csv.ErrFieldCount) {
		return fmt.Errorf("has not as many cells as the header, which has %d", columns)
	}
	return errors.New(`is no CSV: a quote stands where none may, or is not closed; write one within a cell as ""`)
}

func refOf(cells []string, columns []column) (connectors.UserRef, error) {
	for _, each := range columns {
		if value := strings.TrimSpace(cells[each.at]); value != "" {
			return each.of(value), nil
		}
	}
	return connectors.UserRef{}, errors.New("names nobody: fill the user ID, the username or the email")
}

// add takes a reference, unless it is bad or there already. Two spellings of an ID are kept:
// only the provider knows whether they are two.
func (l *List) add(line int, ref connectors.UserRef, err error) {
	if err == nil {
		err = ref.Validate()
	}
	if err != nil {
		if l.bad++; l.bad <= maxFaults {
			l.faults = append(l.faults, fmt.Sprintf("line %d: %s", line, err))
		}
		return
	}
	key := ref.ID + "\x00" + foldedName(ref.Username) + "\x00" + foldedName(ref.Email)
	if l.seen[key] {
		l.Duplicates++
		return
	}
	l.seen[key] = true
	l.Users = append(l.Users, ref)
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
	case l.bad > maxFaults:
		return errors.New(strings.Join(append(l.faults, fmt.Sprintf("and %d more", l.bad-maxFaults)), "\n"))
	case l.bad > 0:
		return errors.New(strings.Join(l.faults, "\n"))
	case len(l.Users) == 0:
		return errors.New("the list names nobody")
	case len(l.Users) > l.most:
		return fmt.Errorf("the list names %d users; at most %d go in one start: split it, for example with: split -l %d",
			len(l.Users), l.most, l.most)
	default:
		return nil
	}
}
