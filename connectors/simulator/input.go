package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// InputError is what the control surface answers to a wrong order: one clear
// sentence and the HTTP status that goes with it.
type InputError struct {
	Status  int
	Message string
}

// Error returns the sentence.
func (e *InputError) Error() string { return e.Message }

// Bad says that an order is wrong (400).
func Bad(format string, args ...any) error {
	return &InputError{Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// Missing says that what an order names is not there (404).
func Missing(format string, args ...any) error {
	return &InputError{Status: http.StatusNotFound, Message: fmt.Sprintf(format, args...)}
}

// Decode reads one JSON value into v, which keeps what the value does not name.
// An unknown key is refused by its name, and so is anything after the value.
// An empty body leaves v as it is. The noun says in errors what is being read.
func Decode(raw []byte, noun string, v any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return decodeError(noun, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Bad("the %s holds more than one JSON value", noun)
	}
	return nil
}

func decodeError(noun string, err error) error {
	text := strings.TrimPrefix(err.Error(), "json: ")
	if key, found := strings.CutPrefix(text, "unknown field "); found {
		return Bad("unknown key %s in the %s", key, noun)
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return Bad("%q in the %s must be of type %s, not %s", wrongType.Field, noun, wrongType.Type, wrongType.Value)
	}
	return Bad("the %s cannot be read: %s", noun, text)
}
