package simulator

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Field is one key of a JSON object with its value, compact and valid.
type Field struct {
	Key   string
	Value json.RawMessage
}

// Fields is a JSON object as a list sorted by key. It is never changed in place:
// 50,000 users share one template, and a copy of a user is a copy of a few words.
type Fields []Field

// ParseFields reads a JSON object. Values are brought into one form, so that
// equal values have equal bytes; numbers keep every digit.
func ParseFields(raw []byte, noun string) (Fields, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || object == nil {
		return nil, Bad("the %s must be a JSON object", noun)
	}
	if decoder.More() {
		return nil, Bad("the %s holds more than one JSON value", noun)
	}
	fields := make(Fields, 0, len(object))
	for key, value := range object {
		fields = append(fields, Field{Key: key, Value: JSON(value)})
	}
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Key, b.Key) })
	return slices.Clip(fields), nil
}

// MustFields is ParseFields for text that stands in the program.
func MustFields(raw string) Fields {
	fields, err := ParseFields([]byte(raw), "built-in object")
	if err != nil {
		panic(err)
	}
	return fields
}

// JSON encodes a value without HTML escapes. Values come from decoded JSON or
// from the program; one that cannot be encoded is the program's fault.
func JSON(value any) json.RawMessage {
	switch value := value.(type) {
	case bool:
		return strconv.AppendBool(nil, value)
	case int:
		return strconv.AppendInt(nil, int64(value), 10)
	case string:
		if isPlain(value) {
			return appendPlain(make([]byte, 0, len(value)+2), value)
		}
	case json.RawMessage:
		return value
	case Fields:
		return value.AppendJSON(nil)
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return json.RawMessage(slices.Clip(bytes.TrimRight(buffer.Bytes(), "\n")))
}

// isPlain tells whether a string stands in JSON as it is, as almost all do.
func isPlain(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendPlain(dst []byte, text string) []byte {
	return append(append(append(dst, '"'), text...), '"')
}

// Get returns the value under key.
func (f Fields) Get(key string) (json.RawMessage, bool) {
	at, found := f.find(key)
	if !found {
		return nil, false
	}
	return f[at].Value, true
}

// Text returns the string under key; "" when there is none.
func (f Fields) Text(key string) string {
	raw, _ := f.Get(key)
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// Path returns the value under a dotted path such as "name.given".
func (f Fields) Path(path string) (json.RawMessage, bool) {
	key, rest, nested := strings.Cut(path, ".")
	raw, found := f.Get(key)
	if !found || !nested {
		return raw, found
	}
	inner, err := ParseFields(raw, key)
	if err != nil {
		return nil, false
	}
	return inner.Path(rest)
}

// With returns the fields with key set to value.
func (f Fields) With(key string, value any) Fields {
	raw := JSON(value)
	at, found := f.find(key)
	out := slices.Clone(f)
	if found {
		out[at].Value = raw
		return out
	}
	return slices.Clip(slices.Insert(out, at, Field{Key: key, Value: raw}))
}

// Without returns the fields less the named keys.
func (f Fields) Without(keys ...string) Fields {
	out := make(Fields, 0, len(f))
	for _, field := range f {
		if !slices.Contains(keys, field.Key) {
			out = append(out, field)
		}
	}
	return out
}

// Only returns the fields under the named keys.
func (f Fields) Only(keys ...string) Fields {
	out := make(Fields, 0, len(keys))
	for _, field := range f {
		if slices.Contains(keys, field.Key) {
			out = append(out, field)
		}
	}
	return out
}

// Over lays f over base: its values win.
func (f Fields) Over(base Fields) Fields {
	out := make(Fields, 0, len(f)+len(base))
	for len(f) > 0 && len(base) > 0 {
		switch order := strings.Compare(f[0].Key, base[0].Key); {
		case order < 0:
			out, f = append(out, f[0]), f[1:]
		case order > 0:
			out, base = append(out, base[0]), base[1:]
		default:
			out, f, base = append(out, f[0]), f[1:], base[1:]
		}
	}
	return append(append(out, f...), base...)
}

// AppendJSON appends the object's text to dst.
func (f Fields) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i, field := range f {
		if i > 0 {
			dst = append(dst, ',')
		}
		if isPlain(field.Key) {
			dst = appendPlain(dst, field.Key)
		} else {
			dst = append(dst, JSON(field.Key)...)
		}
		dst = append(append(dst, ':'), field.Value...)
	}
	return append(dst, '}')
}

// AppendList appends a list of n values: encoding/json would read each page once more.
func AppendList(dst []byte, n int, appendOne func(dst []byte, i int) []byte) []byte {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendOne(dst, i)
	}
	return append(dst, ']')
}

// MarshalJSON writes the object.
func (f Fields) MarshalJSON() ([]byte, error) { return f.AppendJSON(nil), nil }

// IsNull tells whether raw is missing or null.
func IsNull(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null"
}

func (f Fields) find(key string) (int, bool) {
	return slices.BinarySearchFunc(f, key, func(field Field, key string) int {
		return strings.Compare(field.Key, key)
	})
}
