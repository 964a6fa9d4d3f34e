package workflows

import (
	"errors"
	"fmt"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Fault is what is wrong with one field of an input.
type Fault = connectors.Fault

// Faults returns what is wrong with an input, of the error with which it was refused. What
// names no field is about the input as a whole.
func Faults(err error) []Fault {
	if err == nil {
		return nil
	}
	var joined interface {
		error
		Unwrap() []error
	}
	var fault Fault
	switch {
	case errors.As(err, &joined):
		var all []Fault
		for _, each := range joined.Unwrap() {
			all = append(all, Faults(each)...)
		}
		return all
	case errors.As(err, &fault):
		return []Fault{fault}
	default:
		return []Fault{{Message: err.Error()}}
	}
}

// faults collects what is wrong with an input.
type faults []error

func (f *faults) note(wrong bool, field, format string, arguments ...any) {
	if wrong {
		*f = append(*f, Fault{Field: field, Message: fmt.Sprintf(format, arguments...)})
	}
}

func (f faults) join() error { return errors.Join(f...) }

// noteAll notes what is wrong with the values of a field.
func (f *faults) noteAll(field string, err error) {
	if err != nil {
		*f = append(*f, Fault{Field: field, Message: err.Error()})
	}
}
