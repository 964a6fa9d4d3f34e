package connectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Field documents one key of a provider's user object.
type Field struct {
	// Label is the vendor's name for people.
	Label string
	// Key is the JSON key.
	Key string
	// Type is for people: "string", "boolean", "integer", "date-time", "object", or any of
	// these with "[]" before it.
	Type string
	// Meaning is one sentence.
	Meaning string
	// Fields are the keys within an object, or within each object of an array.
	Fields []Field
	// Always says that an object is there, with nulls, even when the provider sent none.
	Always bool
}

// Within is what stands before the keys of the field's own fields, in documentation:
// "address." or, for each object of an array, "addresses[].".
func (f Field) Within(prefix string) string {
	if strings.HasPrefix(f.Type, "[]") {
		return prefix + f.Key + "[]."
	}
	return prefix + f.Key + "."
}

// MaxDepth bounds the nesting of a provider's object.
const MaxDepth = 64

// Complete returns the object in raw with every documented key present, null where the
// provider sent none, at every level; further keys and the digits of every number are
// kept as they were sent. Keys that hold passwords are left out. It fails when raw is
// not one JSON object or nests deeper than MaxDepth.
func Complete(raw json.RawMessage, fields []Field) (json.RawMessage, error) {
	if err := checkDepth(raw); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, errors.New("the user is not a JSON object")
	}
	if object == nil {
		return nil, errors.New("the user is null")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows after the user")
	}
	for key, value := range object {
		if _, text := value.(string); text && holdsPassword(key) {
			delete(object, key)
		}
	}
	complete(object, fields)
	return json.Marshal(object)
}

func complete(object map[string]any, fields []Field) {
	for _, field := range fields {
		value, sent := object[field.Key]
		if value == nil && field.Always {
			value = map[string]any{}
		}
		if !sent || value != nil {
			object[field.Key] = value
		}
		switch nested := value.(type) {
		case map[string]any:
			complete(nested, field.Fields)
		case []any:
			for _, element := range nested {
				if inner, ok := element.(map[string]any); ok {
					complete(inner, field.Fields)
				}
			}
		}
	}
}

func holdsPassword(key string) bool {
	switch strings.ToLower(key) {
	case "password", "passwordhash", "password_hash", "userpassword", "hashedpassword":
		return true
	default:
		return false
	}
}

// checkDepth counts brackets outside strings. Whether they belong together, the decoder
// finds out: it needs no more than the bound.
func checkDepth(raw json.RawMessage) error {
	depth, quoted, escaped := 0, false, false
	for _, char := range raw {
		switch {
		case escaped:
			escaped = false
		case char == '\\':
			escaped = quoted
		case char == '"':
			quoted = !quoted
		case quoted:
		case char == '{', char == '[':
			depth++
		case char == '}', char == ']':
			depth--
		}
		if depth > MaxDepth {
			return fmt.Errorf("the user nests deeper than %d levels", MaxDepth)
		}
	}
	return nil
}
