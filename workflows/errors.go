package workflows

import (
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// The types of failures beside the kinds of connectors.Error.
const (
	TypeInvalidInput   = "InvalidInput"
	TypeStillLocked    = activities.TypeStillLocked
	TypeNoWorker       = "NoWorker"
	TypeAlreadyRunning = "AlreadyRunning"
	TypeInternal       = activities.TypeInternal
)

// FailureTypes lists every type with which UnlockUser can fail.
func FailureTypes() []string {
	types := []string{TypeInvalidInput, TypeStillLocked, TypeNoWorker, TypeInternal}
	for _, kind := range connectors.Kinds() {
		types = append(types, string(kind))
	}
	return types
}

// failure is why a step did not succeed.
type failure struct {
	kind    string
	message string
	sent    connectors.Answer
	attempt int
}

// fail ends a run: it carries the result so far, so that a caller sees what was done.
func fail(kind, message string, result *Result) error {
	options := temporal.ApplicationErrorOptions{NonRetryable: true}
	if result != nil {
		options.Details = []any{result}
	}
	return temporal.NewApplicationErrorWithOptions(message, kind, options)
}

// understand reads why an activity failed. When time ran out it is the last real failure
// of an attempt; NoWorker when no attempt began; Unavailable when nothing else is known.
func understand(err error, connection string) failure {
	var timeout *temporal.TimeoutError
	timedOut := errors.As(err, &timeout)
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return fromApplication(application, timedOut)
	}
	if !timedOut {
		return failure{kind: TypeInternal, message: fmt.Sprintf("connection %s: a step failed in an unforeseen way: %T", connection, err), sent: connectors.Unknown}
	}
	if timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
		return failure{kind: TypeNoWorker, sent: connectors.No,
			message: fmt.Sprintf("connection %s: no worker took the step up in time; start a worker that serves this connection, or look at its log", connection)}
	}
	return failure{kind: string(connectors.Unavailable), sent: connectors.Unknown, attempt: 1,
		message: fmt.Sprintf("connection %s: no attempt ended in time; the provider is slow, or a worker died", connection)}
}

func fromApplication(application *temporal.ApplicationError, timedOut bool) failure {
	failed := failure{kind: application.Type(), message: application.Message(), sent: connectors.Unknown}
	var details activities.FailureDetails
	if application.HasDetails() && application.Details(&details) == nil {
		failed.sent, failed.attempt = details.Sent, details.Attempt
	}
	if timedOut {
		failed.message = "time ran out; the last attempt failed so: " + failed.message
	}
	return failed
}
