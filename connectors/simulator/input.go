package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
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

// Need is an error with the sentence unless the condition holds.
func Need(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return Bad(format, args...)
}

// Decode reads one JSON value into v, which keeps what the value does not name.
// An unknown key is refused by its name. An empty body leaves v as it is. The noun
// says in errors what is being read.
func Decode(raw []byte, noun string, v any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, v, json.RejectUnknownMembers(true)); err != nil {
		return decodeError(noun, err)
	}
	return nil
}

func decodeError(noun string, err error) error {
	var wrong *json.SemanticError
	switch {
	case !errors.As(err, &wrong):
	case errors.Is(err, json.ErrUnknownName):
		return Bad("unknown key %q in the %s", wrong.JSONPointer.LastToken(), noun)
	case wrong.Err == nil:
		return Bad("%q in the %s must be of type %s, not %s", wrong.JSONPointer.LastToken(), noun, wrong.GoType, wrong.JSONKind)
	}
	return Bad("the %s cannot be read: %s", noun, err)
}
