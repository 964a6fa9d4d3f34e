package connectors

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// UserRef names one user by exactly one of its fields.
type UserRef struct {
	// ID is the provider's own identifier of the user.
	ID string `json:"userId,omitempty"`
	// Username and Email find the user by name.
	Username string `json:"username,omitempty"`
	Email    string `json:"email,omitempty"`
}

// Fault is what is wrong with one field of an input.
type Fault struct {
	// Field is the path of the field, such as guard.minLockedFor; empty for the input as a whole.
	Field string `json:"field,omitempty"`
	// Message says what is wrong and what would be right, after the name of the field. It never
	// repeats a value, which may be personal.
	Message string `json:"message"`
}

// Error implements error.
func (f Fault) Error() string { return strings.TrimPrefix(f.Field+" "+f.Message, " ") }

// MaxReferenceLength bounds a reference, in bytes.
const MaxReferenceLength = 512

// Validate reports whether the reference holds exactly one field with a usable value.
// Its message names the field and never the value, which may be personal.
func (r UserRef) Validate() error {
	given := map[string]string{}
	for name, value := range map[string]string{"userId": r.ID, "username": r.Username, "email": r.Email} {
		if value != "" {
			given[name] = value
		}
	}
	if len(given) != 1 {
		return Fault{Message: fmt.Sprintf("give exactly one of userId, username and email; %d were given", len(given))}
	}
	if r.ID != "" {
		return ValidateID(r.ID)
	}
	for name, value := range given {
		if err := validateText(value); err != nil {
			return Fault{Field: name, Message: err.Error()}
		}
	}
	return nil
}

func validateText(value string) error {
	switch {
	case len(value) > MaxReferenceLength:
		return fmt.Errorf("is %d bytes long; at most %d are allowed", len(value), MaxReferenceLength)
	case !utf8.ValidString(value):
		return errors.New("is not valid UTF-8")
	case strings.TrimSpace(value) != value:
		return errors.New("begins or ends with white space")
	case strings.ContainsFunc(value, unicode.IsControl):
		return errors.New("holds a control character")
	}
	return nil
}

// SameName reports whether two usernames or addresses differ at most in upper and lower
// case. It is narrower than strings.EqualFold, which takes the Kelvin sign for a k, the
// long s for an s and the Angstrom sign for an å: a name that only looks like another
// must not find that one's account.
func SameName(a, b string) bool {
	left, right := []rune(a), []rune(b)
	return slices.EqualFunc(left, right, func(l, r rune) bool {
		return unicode.ToLower(l) == unicode.ToLower(r) && unicode.ToUpper(l) == unicode.ToUpper(r)
	})
}

// AlikeNames reports whether a provider that compares in the widest way may take two
// usernames or addresses for one: without regard to case, width, composition or white space.
// Those that are not SameName are two all the same.
func AlikeNames(a, b string) bool {
	return SameName(a, b) || strings.ToLower(a) == strings.ToLower(b) || strings.ToUpper(a) == strings.ToUpper(b) || widest(a) == widest(b) //nolint:gocritic,staticcheck // EqualFold alone misses special cases
}

func widest(name string) string {
	return strings.Join(strings.Fields(norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))), "")
}
