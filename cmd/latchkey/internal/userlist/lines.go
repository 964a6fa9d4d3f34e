package userlist

import (
	"errors"
	"slices"
	"strings"
)

// readLines reads one reference a line.
func (l *List) readLines(lines []string, first int, options Options) error {
	l.Format = "lines"
	var kinds []Kind
	for i, line := range lines[first:] {
		if silent(line) {
			continue
		}
		l.Rows++
		value := trim(line)
		if inner := strings.Trim(value, `"`); value == `"`+inner+`"` {
			value = inner
		}
		kind, err := kindOf(value, options.As)
		if kinds = append(kinds, kind); err != nil {
			l.fault(first+i+1, err)
			continue
		}
		l.add(first+i+1, kind.ref(value))
	}
	return headerAbove(trim(lines[first]), kinds, options.As)
}

// KindOf takes a reference for what it looks like.
func KindOf(value string) Kind {
	switch {
	case strings.Contains(value, "@"):
		return Email
	case mayBeID(value):
		return UserID
	default:
		return Username
	}
}

// kindOf takes a line for what it looks like, or for what the caller says.
func kindOf(value string, as Kind) (Kind, error) {
	kind := as
	if as == Auto {
		kind = KindOf(value)
	}
	switch {
	case kind == Email && !mayBeAddress(value):
		return kind, errors.New("is no email address alone: write the address and nothing else")
	case strings.ContainsAny(value, ",;\t"):
		return kind, errors.New("holds a comma, a semicolon or a tab: write one reference a line, or a header above")
	case as == Auto && kind == Username && strings.Contains(value, `\`):
		return kind, errors.New(`is a name with its Windows domain before it: write the name alone, or say --as username where the provider knows it so`)
	case strings.HasPrefix(value, `"`):
		return kind, errors.New("begins with a quote that is not closed on the line")
	case rule.MatchString(value):
		return kind, errors.New("is a drawn line: write one reference a line")
	}
	return kind, nil
}

// headerAbove refuses a list whose first line may be the header of what stands below: it would
// be asked about as a user.
func headerAbove(first string, kinds []Kind, as Kind) error {
	below := kinds[1:]
	same := len(below) > 1 && !slices.ContainsFunc(below, func(kind Kind) bool { return kind != below[0] })
	switch {
	case slices.Contains(nobodys, folded(first)):
		return errors.New("the first line of the list looks like a header that does not say what is below: name it user_id, username or email, or leave it out")
	case as == Auto && kinds[0] == Username && same && below[0] != Username:
		return errors.New("the first line of the list is the only one that is no " + singular[below[0]] + ": if it is a header, name it " +
			"user_id or email, or leave it out; if it is a user, write it last")
	default:
		return nil
	}
}

var singular = map[Kind]string{UserID: "user ID", Email: "email address"}
