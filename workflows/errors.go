package workflows

import (
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// The types of failures beside the kinds of connectors.Error; Catalogue explains them.
const (
	TypeInvalidInput = "InvalidInput"
	TypeStillLocked  = activities.TypeStillLocked
	TypeNoWorker     = "NoWorker"
	TypeInternal     = activities.TypeInternal

	// These are said of requests, and no run ends with them by itself.
	TypeAlreadyRunning      = "AlreadyRunning"
	TypeCancelled           = "Cancelled"
	TypeTerminated          = "Terminated"
	TypeTimedOut            = "TimedOut"
	TypeRejected            = "Rejected"
	TypeNotSetUp            = "NotSetUp"
	TypeTemporalUnavailable = "TemporalUnavailable"
	TypeScheduleExists      = "ScheduleExists"
	TypeInterrupted         = "Interrupted"
)

// FailureTypes lists every type with which UnlockUser can fail.
func FailureTypes() []string {
	var types []string
	for _, word := range Words(OfFailures) {
		types = append(types, word.Word)
	}
	return types
}

// failure is why a step did not succeed.
type failure struct {
	kind    string
	message string
	sent    connectors.Answer
	attempt int
	// answered says that the provider answered the last attempt.
	answered bool
}

// cause is a failure's message as the end of a sentence; empty for StillLocked, which says
// no more than the sentence does.
func (f failure) cause() string {
	if f.kind == TypeStillLocked {
		return ""
	}
	return "; the unlock failed so: " + f.message
}

// fail ends a run: it says what to do, and carries the result so far, so that a caller sees
// what was done.
func fail(kind, message string, results ...any) error {
	return temporal.NewApplicationErrorWithOptions(advised(kind, message), kind,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: results})
}

// advised is what happened, with what to do about it.
func advised(word, message string) string {
	if ending, _ := Ending(word); ending.Remedy != "" {
		return message + ". What to do: " + ending.Remedy
	}
	return message + "."
}

// understand reads why an activity failed. When time ran out it is the last real failure
// of an attempt; NoWorker when no attempt began; Unavailable when nothing else is known.
func understand(err error, connection string) failure {
	var timeout *temporal.TimeoutError
	timedOut := errors.As(err, &timeout)
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		failed := fromApplication(application, connection)
		if timedOut {
			failed.include(lastHeartbeat(timeout))
			failed.answered = false
		}
		if timedOut || outOfTime(err) {
			failed.message = "time ran out; the last attempt failed so: " + failed.message
		}
		return failed
	}
	if !timedOut {
		return failure{kind: TypeInternal, message: fmt.Sprintf("connection %s: a step failed in an unforeseen way: %T", connection, err), sent: connectors.Unknown}
	}
	if neverBegan(timeout) {
		return failure{kind: TypeNoWorker, sent: connectors.No,
			message: fmt.Sprintf("connection %s: no worker took the step up in time", connection)}
	}
	failed := failure{kind: string(connectors.Unavailable), sent: connectors.No, attempt: 1,
		message: fmt.Sprintf("connection %s: no attempt ended in time; the provider is slow, or a worker died", connection)}
	failed.include(lastHeartbeat(timeout))
	return failed
}

// outOfTime reports whether the server gave up since the next attempt would come too late.
func outOfTime(err error) bool {
	var step *temporal.ActivityError
	return errors.As(err, &step) && step.RetryState() == enumspb.RETRY_STATE_TIMEOUT
}

// neverBegan reports whether no attempt was ever taken up. After one that was, the time-out
// has its failure as a cause, or what it last told.
func neverBegan(timeout *temporal.TimeoutError) bool {
	return timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START && errors.Unwrap(timeout) == nil && !timeout.HasLastHeartbeatDetails()
}

// lastHeartbeat is what the last attempt told before its time ran out. One that told
// nothing may have done anything.
func lastHeartbeat(timeout *temporal.TimeoutError) activities.FailureDetails {
	told := activities.FailureDetails{Sent: connectors.Unknown}
	if timeout.HasLastHeartbeatDetails() {
		_ = timeout.LastHeartbeatDetails(&told)
	}
	return told
}

// include adds what another source knows of the attempts.
func (f *failure) include(told activities.FailureDetails) {
	f.sent = connectors.Surer(f.sent, told.Sent)
	f.attempt = max(f.attempt, told.Attempt)
}

func fromApplication(application *temporal.ApplicationError, connection string) failure {
	failed := failure{kind: application.Type(), message: application.Message(), sent: connectors.Unknown}
	var details activities.FailureDetails
	if application.HasDetails() && application.Details(&details) == nil {
		failed.sent, failed.attempt, failed.answered = details.Sent, details.Attempt, details.Status != 0
	}
	if !slices.Contains(FailureTypes(), failed.kind) {
		// The SDK's own, such as a panic; its text may hold anything.
		failed.message = fmt.Sprintf("connection %s: a step failed as %s", connection, failed.kind)
		failed.kind = TypeInternal
	}
	return failed
}
