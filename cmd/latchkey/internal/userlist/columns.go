package userlist

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/registry"
)

// table is a list with columns, whatever it was written as.
type table struct {
	header []string
	rows   []row
	// places are those of the columns by their names, where each row names its cells.
	places map[string]int
}

type row struct {
	line  int
	cells []string
}

func (r row) cell(at int) string {
	if at < len(r.cells) {
		return r.cells[at]
	}
	return ""
}

// fill puts text into the row's cell of a column, which is made if need be.
func (t *table) fill(r *row, column, text string) {
	at, known := t.places[column]
	if !known {
		at = len(t.header)
		t.places[column], t.header = at, append(t.header, column)
	}
	r.cells = append(r.cells, make([]string, max(0, at+1-len(r.cells)))...)
	r.cells[at] = text
}

// word is a name under which tools and people keep a kind of reference.
type word struct {
	name string
	kind Kind
	// fits reports whether a value can be of that kind.
	fits func(value string) bool
}

// words lists them: what is known to be an ID before what is a name, and a name before an
// address, which several accounts may have. Their names are folded.
func words() []word {
	var known []word
	for _, name := range []string{"userid", "id"} {
		known = append(known, word{name, UserID, mayBeID})
	}
	for _, provider := range registry.Providers() {
		for _, key := range provider.ID.Keys {
			known = append(known, word{folded(key), UserID, func(value string) bool {
				_, err := provider.ID.Canonical(value)
				return err == nil
			}})
		}
	}
	for _, name := range []string{
		"username", "login", "loginname", "logonname", "signinname", "samaccountname", "userprincipalname", "upn", "uid",
		"benutzername", "anmeldename",
	} {
		known = append(known, word{name, Username, notNumber})
	}
	for _, name := range []string{"email", "mail", "emailaddress", "mailaddress", "primaryemail", "workemail", "emailadresse"} {
		known = append(known, word{name, Email, mayBeAddress})
	}
	return known
}

// nobodys are names of columns that say nothing of what they hold.
var nobodys = []string{
	"name", "user", "users", "account", "accounts", "displayname", "fullname", "firstname", "lastname", "cn", "dn",
	"distinguishedname", "member", "members", "employee", "employees", "person", "konto", "benutzer", "nutzer",
	"objectguid", "objectid", "guid", "uuid", "sid", "entryuuid", "nsuniqueid", "accountid", "employeeid",
}

// mayBeID reports whether a provider could take the text for an ID: whose list it is, only a
// worker knows.
func mayBeID(text string) bool {
	return slices.ContainsFunc(registry.Providers(), func(provider connectors.Provider) bool {
		_, err := provider.ID.Canonical(text)
		return err == nil
	})
}

// notNumber leaves out the numbers of Unix users, which stand under uid, and those of rows.
func notNumber(text string) bool { return strings.Trim(text, "0123456789") != "" }

// mayBeAddress reports whether the text is an address and nothing else.
func mayBeAddress(text string) bool {
	return strings.Contains(strings.Trim(text, "@"), "@") && !strings.ContainsAny(text, " <>,;\t")
}

// folded is one for all the ways in which people write the name of a column: case, blanks,
// hyphens, underscores and what cannot be seen do not count.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !unicode.IsSymbol(r) && !strings.ContainsRune(".[]()/:;,|", r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

var (
	bracketed = regexp.MustCompile(`^([^\[(]*)[\[(]([^\])]*)[\])][^\[(]*$`)
	// whose are the objects whose keys are those of the user; a manager's or a reporter's are not.
	whose = []string{"user", "profile", "account", "callerid", "requestedfor", "person", "member", "attributes"}
)

// names returns what a header may mean, the nearest first: what it says as a whole, what stands
// in brackets or before them, and the last of what is divided by dots.
func names(header string) []string {
	whole := folded(header)
	meant := []string{whole, "", ""}
	if parts := bracketed.FindStringSubmatch(whole); parts != nil {
		if meant[1] = parts[2]; slices.Contains([]string{"required", "optional"}, parts[2]) {
			meant[1] = parts[1]
		}
	}
	if dot := strings.LastIndex(whole, "."); dot >= 0 && slices.Contains(whose, whole[strings.LastIndex(whole[:dot], ".")+1:dot]) {
		meant[2] = whole[dot+1:]
	}
	return meant
}

// named returns the columns that mean the word most nearly.
func (t *table) named(name string) []int {
	meanings := make([][]string, len(t.header))
	for at, header := range t.header {
		meanings[at] = names(header)
	}
	for level := range 3 {
		var found []int
		for at := range meanings {
			if meanings[at][level] == name {
				found = append(found, at)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// source is a column that is read.
type source struct {
	word
	at int
}

// sources returns the columns that are read, the first that is filled counts: the one that was
// said, or those that are known and hold what they are to hold.
func (t *table) sources(column string) (read []source, ignored []string, err error) {
	if column != "" {
		read, err = t.said(column)
		return read, nil, err
	}
	for _, known := range words() {
		at := t.named(known.name)
		if len(at) == 0 || slices.ContainsFunc(read, func(other source) bool { return other.at == at[0] }) {
			continue
		}
		if slices.ContainsFunc(t.rows, func(row row) bool {
			return slices.ContainsFunc(at, func(other int) bool { return row.cell(other) != row.cell(at[0]) })
		}) {
			return nil, nil, fmt.Errorf("the columns %s mean the same and differ: leave all but one out, or say which to read, such as --column email=NAME", quoted(t.header, at))
		}
		switch filled := func(fits func(string) bool) bool {
			return slices.ContainsFunc(t.rows, func(row row) bool { return fits(row.cell(at[0])) })
		}; {
		case filled(known.fits), len(t.rows) == 0:
			read = append(read, source{known, at[0]})
		case filled(func(value string) bool { return value != "" }):
			if why := fmt.Sprintf("no cell of column %q has the form of %s", t.header[at[0]], ofKind[known.kind]); !slices.Contains(ignored, why) {
				ignored = append(ignored, why)
			}
		}
	}
	if len(read) == 0 {
		return nil, nil, errors.New(strings.Join(append([]string{"the list has no column that is known to hold user IDs, usernames or emails"}, ignored...), "; ") + t.choice())
	}
	return read, ignored, nil
}

var ofKind = map[Kind]string{UserID: "a provider's user ID", Username: "a username", Email: "an email address"}

// said returns the column that the caller names.
func (t *table) said(column string) ([]source, error) {
	kind, name, _ := strings.Cut(column, "=")
	if !slices.Contains(Kinds()[1:], kind) || name == "" {
		return nil, errors.New("--column must be user-id=NAME, username=NAME or email=NAME, with the name of the column")
	}
	var at []int
	for i, header := range t.header {
		if folded(header) == folded(name) {
			at = append(at, i)
		}
	}
	switch len(at) {
	case 0:
		return nil, fmt.Errorf("the list has no column %q%s", name, t.choice())
	case 1:
		return []source{{word{name, Kind(kind), func(string) bool { return true }}, at[0]}}, nil
	default:
		return nil, fmt.Errorf("the columns %s have the same name: rename one", quoted(t.header, at))
	}
}

// choice says what the header holds and how to choose. What is no header is not repeated.
func (t *table) choice() string {
	var at []int
	for i, header := range t.header {
		if strings.ContainsAny(header, "@=") || mayBeID(header) || header != "" && !notNumber(header) {
			return ". Its first line seems to be no header: write one above, such as username or email"
		}
		if header != "" {
			at = append(at, i)
		}
	}
	return fmt.Sprintf(". Its columns are %s: say which to read, such as --column email=NAME", quoted(t.header, at))
}

var errNobody = errors.New("names nobody: fill the user ID, the username or the email")

// maxNamed is how many columns are named.
const maxNamed = 30

func quoted(header []string, at []int) string {
	var names []string
	for _, i := range at[:min(len(at), maxNamed)] {
		names = append(names, fmt.Sprintf("%q", header[i]))
	}
	if len(at) > maxNamed {
		names = append(names, fmt.Sprintf("and %d more", len(at)-maxNamed))
	}
	return strings.Join(names, ", ")
}

// readTable takes the references of a table.
func (l *List) readTable(t *table, column string) error {
	t.rows = slices.DeleteFunc(t.rows, l.passOver(t.header))
	if len(t.header) == 0 {
		for _, row := range t.rows {
			l.fault(row.line, errNobody)
		}
		return nil
	}
	sources, ignored, err := t.sources(column)
	if err != nil {
		return err
	}
	l.Ignored = ignored
	counts := make([]int, len(sources))
	for _, row := range t.rows {
		at := slices.IndexFunc(sources, func(source source) bool { return row.cell(source.at) != "" })
		if at < 0 {
			l.fault(row.line, errNobody)
			continue
		}
		source, value := sources[at], row.cell(sources[at].at)
		if ref := source.kind.ref(value); source.fits(value) || ref.Validate() != nil {
			if l.add(row.line, ref) {
				counts[at]++
			}
		} else {
			l.fault(row.line, fmt.Errorf("%q has not the form of %s", t.header[source.at], ofKind[source.kind]))
		}
	}
	for i, source := range sources {
		if counts[i] > 0 {
			l.Columns = append(l.Columns, Column{Name: t.header[source.at], Kind: source.kind, Rows: counts[i]})
		}
	}
	l.Width = len(t.header)
	return nil
}

// passOver reports of a row whether it is there for whoever fills in a template, or is the
// header once more, as where lists were put together.
func (l *List) passOver(header []string) func(row) bool {
	return func(row row) bool {
		example := slices.ContainsFunc(row.cells, func(cell string) bool { return strings.HasPrefix(folded(cell), "example:") })
		again := len(header) > 0 && slices.Equal(row.cells, header)
		switch {
		case example:
			l.Skipped = append(l.Skipped, Skip{row.line, "an example"})
		case again:
			l.Skipped = append(l.Skipped, Skip{row.line, "the header once more"})
		}
		return example || again
	}
}
