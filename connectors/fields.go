package connectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-iam/latchkey/internal/plainjson"
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

// ParseFields reads the fields of a user object from a table: a line each of key, type,
// label and meaning, separated by tabs. A key within an object follows it as "object.key",
// within the objects of an array as "array[].key". The type "object!" is an object that is
// always there. Lines that begin with # are comments. It panics on a line that is none of
// this, since the table is a part of the program.
func ParseFields(table string) []Field {
	var fields []Field
	for number, line := range strings.Split(strings.Trim(table, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "\t")
		if len(cells) != 4 || cells[0] == "" || cells[1] == "" {
			panic(fmt.Sprintf("line %d of a table of fields has no key, type, label and meaning", number+1))
		}
		into := &fields
		key := cells[0]
		for {
			within, rest, nested := strings.Cut(key, ".")
			if !nested {
				break
			}
			if len(*into) == 0 || (*into)[len(*into)-1].Within("") != within+"." {
				panic(fmt.Sprintf("line %d of a table of fields is within no object before it", number+1))
			}
			into, key = &(*into)[len(*into)-1].Fields, rest
		}
		kind, always := strings.CutSuffix(cells[1], "!")
		*into = append(*into, Field{Key: key, Type: kind, Always: always, Label: cells[2], Meaning: cells[3]})
	}
	return fields
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
	return plainjson.Marshal(object)
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

// checkDepth leaves what is no JSON to whoever reads it next.
func checkDepth(raw json.RawMessage) error {
	tokens := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		switch _, err := tokens.ReadToken(); {
		case err != nil:
			return nil //nolint:nilerr // See above.
		case tokens.StackDepth() > MaxDepth:
			return fmt.Errorf("the user nests deeper than %d levels", MaxDepth)
		}
	}
}
