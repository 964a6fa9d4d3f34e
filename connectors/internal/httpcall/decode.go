package httpcall

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Checked is what looks, after it was decoded, whether it holds what it must. Its error is our
// own sentence, and repeats no value.
type Checked interface{ Check() error }

// Decode reads one JSON object into a struct whose tags name its keys, and which may be Checked.
// Upper and lower case make different keys, and no object may name one twice. Its errors name
// keys, and never repeat a value.
func Decode(raw []byte, into any) error {
	err := json.Unmarshal(raw, into)
	var wrongType *json.SemanticError
	switch {
	case err == nil && jsontext.Value(raw).Kind() != '{':
		return errors.New("the answer is no JSON object") // A null decodes into anything.
	case err == nil:
		if checked, ok := into.(Checked); ok {
			return checked.Check()
		}
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName):
		return errors.New("an object of the answer names a key twice")
	case errors.Is(err, errTooMany):
		return errTooMany
	case errors.As(err, &wrongType) && wrongType.JSONPointer == "":
		return errors.New("the answer is no JSON object")
	case errors.As(err, &wrongType):
		return fmt.Errorf("%s has another type than is documented", key(wrongType.JSONPointer))
	default:
		return errors.New("the answer is not exactly one JSON value")
	}
}

// key is the last name of a pointer; the structs alone say which names can stand there.
func key(pointer jsontext.Pointer) string {
	name := ""
	for token := range pointer.Tokens() {
		if strings.Trim(token, "0123456789") != "" { // An index names nothing.
			name = token
		}
	}
	if name == "" {
		return "an element"
	}
	return name
}

// MaxElements bounds the elements of a list: no provider's page holds so many. A page of
// the size that is allowed could hold millions, each of which costs more than its bytes.
const MaxElements = 1000

var errTooMany = fmt.Errorf("a list of the answer holds more than %d elements", MaxElements)

// Rows are the elements of a list, as they were sent; nil when it was not.
type Rows []jsontext.Value

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (r *Rows) UnmarshalJSONFrom(from *jsontext.Decoder) error {
	if from.PeekKind() != '[' {
		if from.PeekKind() == 'n' {
			return from.SkipValue()
		}
		return errors.New("no list")
	}
	if _, err := from.ReadToken(); err != nil {
		return err
	}
	*r = Rows{}
	for from.PeekKind() != ']' {
		if len(*r) == MaxElements {
			return errTooMany
		}
		element, err := from.ReadValue()
		if err != nil {
			return err
		}
		*r = append(*r, element.Clone())
	}
	_, err := from.ReadToken()
	return err
}

// Row decodes a row of a list, or returns the gap in its place, which has the ID under the key.
func Row(raw jsontext.Value, key string, into any) error {
	if len(raw) <= MaxUser && Decode(raw, into) == nil {
		return nil
	}
	var keys map[string]Loose[string]
	_ = Decode(raw, &keys)
	return &connectors.Gap{ID: keys[key].Value}
}

// Loose is a value that nothing depends on: zero when it is absent or of another type.
type Loose[T any] struct {
	Value T
	// Sent says that something stood there, if only of another type; null is nothing.
	Sent bool
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *Loose[T]) UnmarshalJSONFrom(from *jsontext.Decoder) error {
	raw, err := from.ReadValue()
	if err != nil {
		return err
	}
	l.Sent = raw.Kind() != 'n'
	var value T
	if json.Unmarshal(raw, &value) == nil {
		l.Value = value
	}
	return nil
}

// Moment reads a date-time in UTC: nil when it is none, or lies beyond the years that JSON
// can write.
func Moment(text string) *time.Time {
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil || moment.Year() < 1 || moment.Year() > 9998 {
		return nil
	}
	moment = moment.UTC()
	return &moment
}
