package httpcall

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// A page is hundreds of KiB, and encoding/json reads it twice at each level. What was
// found to be valid once is split here by its brackets, commas and quotes alone. No
// index runs out of range whatever the text is.

var errNotSplit = errors.New("no JSON of the type that is wanted")

// splitObject calls each for the members of a valid JSON object, in their order.
func splitObject(raw []byte, each func(key string, value []byte)) error {
	return split(raw, '{', func(raw []byte) ([]byte, error) {
		quoted := stringAt(raw)
		colon := bytes.TrimLeft(raw[len(quoted):], blanks)
		key, ok := keyOf(quoted)
		if !ok || len(colon) == 0 || colon[0] != ':' {
			return nil, errNotSplit
		}
		value, rest := valueAt(bytes.TrimLeft(colon[1:], blanks))
		each(key, value)
		return rest, nil
	})
}

// splitList calls each for the elements of a valid JSON list until it returns false.
func splitList(raw []byte, each func(element []byte) bool) error {
	return split(raw, '[', func(raw []byte) ([]byte, error) {
		value, rest := valueAt(raw)
		if !each(value) {
			return nil, nil
		}
		return rest, nil
	})
}

const blanks = " \t\r\n"

// split walks what stands between brackets, of which the closing one is two behind the
// opening one in ASCII: next takes one item from the front and returns what is left.
func split(raw []byte, opening byte, next func(raw []byte) ([]byte, error)) error {
	raw = bytes.TrimLeft(raw, blanks)
	if len(raw) == 0 || raw[0] != opening {
		return errNotSplit
	}
	for raw = bytes.TrimLeft(raw[1:], blanks); len(raw) > 0 && raw[0] != opening+2; raw = bytes.TrimLeft(raw, blanks) {
		rest, err := next(raw)
		if err != nil {
			return err
		}
		if raw = rest; len(raw) > 0 && raw[0] == ',' {
			raw = bytes.TrimLeft(raw[1:], blanks)
		}
	}
	return nil
}

// valueAt returns the value at the front and what follows it: a comma, a closing bracket
// or nothing.
func valueAt(raw []byte) (value, rest []byte) {
	depth, at := 0, 0
	for ; at < len(raw); at++ {
		switch raw[at] {
		case '"':
			at += max(len(stringAt(raw[at:])), 1) - 1
			continue
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',':
		default:
			continue
		}
		if depth < 0 || depth == 0 && raw[at] == ',' {
			break
		}
	}
	value = bytes.TrimRight(raw[:at], blanks)
	return value[:len(value):len(value)], raw[at:]
}

// stringAt returns the string at the front with its quotes; nothing if there is none.
func stringAt(raw []byte) []byte {
	if len(raw) == 0 || raw[0] != '"' {
		return nil
	}
	for at := 1; ; at++ {
		quote := bytes.IndexByte(raw[at:], '"')
		if quote < 0 {
			return raw
		}
		at += quote
		if before := raw[1:at]; (len(before)-len(bytes.TrimRight(before, `\`)))%2 == 0 {
			return raw[: at+1 : at+1]
		}
	}
}

// keyOf reads a key as encoding/json does.
func keyOf(quoted []byte) (key string, ok bool) {
	if len(quoted) < 2 {
		return "", false
	}
	if inner := quoted[1 : len(quoted)-1]; !bytes.ContainsRune(inner, '\\') && utf8.Valid(inner) {
		return string(inner), true
	}
	err := json.Unmarshal(quoted, &key)
	return key, err == nil
}
