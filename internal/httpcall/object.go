package httpcall

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Object is a JSON object that is read key by key; its values share the answer's memory. encoding/json would match the
// fields of a struct without regard to case, and take `"Account_locked": false` for an
// answer to the question of `account_locked`.
type Object map[string]json.RawMessage

// ReadObject reads one JSON object, in which no object names a key twice, at any level: of
// two values nobody can say which is meant. null is none.
func ReadObject(raw []byte) (Object, error) {
	if !jsontext.Value(raw).IsValid(jsontext.AllowInvalidUTF8(true)) {
		if json.Valid(raw) {
			return nil, errors.New("the answer names a key twice")
		}
		return nil, errors.New("the answer is not a JSON object")
	}
	object := Object{}
	if splitObject(raw, func(key string, value []byte) { object[key] = value }) != nil {
		return nil, errors.New("the answer is not a JSON object")
	}
	return object, nil
}

// Get reads a key's value. sent is false when the key is absent or null; err names the
// key when its value has another type.
func Get[T any](object Object, key string) (value T, sent bool, err error) {
	raw, present := object[key]
	if !present || string(raw) == "null" {
		return value, false, nil
	}
	if json.Unmarshal(raw, &value) != nil {
		var none T
		return none, false, fmt.Errorf("%s has another type than is documented", key)
	}
	return value, true, nil
}

// MaxElements bounds the elements of a list: no provider's page holds so many. A page of
// the size that is allowed could hold millions, each of which costs more than its bytes.
const MaxElements = 1000

// List reads a list's elements. sent is false when the key is absent or null; err names
// the key when its value has another type or more than MaxElements elements.
func List(object Object, key string) (elements []json.RawMessage, sent bool, err error) {
	raw, present := object[key]
	if !present || string(raw) == "null" {
		return nil, false, nil
	}
	elements = []json.RawMessage{}
	err = splitList(raw, func(element []byte) bool {
		elements = append(elements, element)
		return len(elements) <= MaxElements
	})
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("%s has another type than is documented", key)
	case len(elements) > MaxElements:
		return nil, false, fmt.Errorf("%s holds more than %d elements", key, MaxElements)
	}
	return elements, true, nil
}

// Text reads a string that nothing depends on: empty when it is absent or no string.
func Text(object Object, key string) string {
	value, _, _ := Get[string](object, key)
	return value
}

// Time reads a date-time that nothing depends on, in UTC: nil when it is absent or none,
// or when it lies beyond the years that JSON can write.
func Time(object Object, key string) *time.Time {
	moment, err := time.Parse(time.RFC3339, Text(object, key))
	if err != nil || moment.Year() < 1 || moment.Year() > 9998 {
		return nil
	}
	moment = moment.UTC()
	return &moment
}
