package simulator

import (
	"maps"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fields is a JSON object. It is never changed in place: 50,000 users share one template.
type Fields map[string]jsontext.Value

// ParseFields reads a JSON object; numbers keep every digit.
func ParseFields(raw []byte, noun string) (Fields, error) {
	var fields Fields
	// In one form, so that equal values have equal bytes.
	text, err := jsontext.AppendFormat(nil, raw)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil || fields == nil {
		return nil, Bad("the %s must be a JSON object", noun)
	}
	return fields, nil
}

// MustFields is ParseFields for text that belongs to the program.
func MustFields(raw string) Fields {
	fields, err := ParseFields([]byte(raw), "built-in object")
	if err != nil {
		panic(err)
	}
	return fields
}

// JSON encodes a value. Values come from decoded JSON or from the program; one that cannot
// be encoded is the program's fault.
func JSON(value any) jsontext.Value {
	raw, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return raw
}

// Into reads the keys that v names.
func (f Fields) Into(v any) error {
	if err := json.Unmarshal(JSON(f), v); err != nil {
		return decodeError("user", err)
	}
	return nil
}

// Text returns the string under key; "" when there is none.
func (f Fields) Text(key string) string {
	var text string
	if json.Unmarshal(f[key], &text) != nil {
		return ""
	}
	return text
}

// Path returns the value under a dotted path such as "name.given"; nil if there is none.
func (f Fields) Path(path string) jsontext.Value {
	key, rest, nested := strings.Cut(path, ".")
	if !nested {
		return f[key]
	}
	inner, err := ParseFields(f[key], key)
	if err != nil {
		return nil
	}
	return inner.Path(rest)
}

// With returns the fields with key set to value.
func (f Fields) With(key string, value any) Fields { return Fields{key: JSON(value)}.Over(f) }

// Without returns the fields less the named keys.
func (f Fields) Without(keys ...string) Fields {
	out := maps.Clone(f)
	for _, key := range keys {
		delete(out, key)
	}
	return out
}

// Over lays f over base: its values win.
func (f Fields) Over(base Fields) Fields {
	out := make(Fields, len(f)+len(base))
	maps.Copy(out, base)
	maps.Copy(out, f)
	return out
}

// IsNull reports whether raw is missing or null.
func IsNull(raw jsontext.Value) bool { return len(raw) == 0 || string(raw) == "null" }
