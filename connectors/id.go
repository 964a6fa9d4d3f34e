package connectors

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
)

// ID is the shape of a provider's stable opaque identifiers. IDs are stored in the clear, so
// that no name, address or distinguished name is ever one.
type ID struct {
	// Pattern matches an ID as a whole, in lower case where FoldCase says that upper and
	// lower case mean the same.
	Pattern  *regexp.Regexp
	FoldCase bool
	// Absent has the shape, and no account has it.
	Absent string
	// Description says the shape, after "must be": "24 hexadecimal digits".
	Description string
	// Keys are what the provider's API and exports call it: "_id". Those of a list of users are
	// recognized by them.
	Keys []string
}

// Canonical returns the one spelling of an ID. Its error says the shape, and never repeats
// the value.
func (shape ID) Canonical(id string) (string, error) {
	if shape.FoldCase {
		id = strings.ToLower(id)
	}
	if ValidateID(id) != nil || !shape.Pattern.MatchString(id) {
		return "", errors.New("must be " + shape.Description)
	}
	return id, nil
}

// MaxIDLength bounds an ID, in bytes.
const MaxIDLength = 64

// ValidateID reports whether id may be one, before its connection is known: it keeps names,
// addresses and distinguished names from being stored in the clear. Its message never
// repeats the value.
func ValidateID(id string) error {
	switch {
	case id == "":
		return Fault{Field: "userId", Message: "is empty"}
	case len(id) > MaxIDLength || strings.ContainsFunc(id, notInID):
		return Fault{Field: "userId", Message: "must be the provider's own identifier, at most 64 bytes of visible ASCII without @ = , / ' \" \\ or white space; " +
			"for a name or an address use username or email"}
	}
	return nil
}

func notInID(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsGraphic(r) || strings.ContainsRune(`@=,'"\ /`, r)
}
