package run

import (
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Failure is why a step did not succeed.
type Failure struct {
	Kind    string
	Message string
	Sent    connectors.Answer
	Attempt int
	// Answered says that the provider answered the last attempt.
	Answered bool
}

// Cause is a failure's message as the end of a sentence; empty for StillLocked, which says
// no more than the sentence does.
func (f Failure) Cause() string {
	if f.Kind == workflows.TypeStillLocked {
		return ""
	}
	return "; the unlock failed so: " + f.Message
}

// Fail ends a run: it says what to do, and carries the result so far, so that a caller sees
// what was done.
func Fail(kind, message string, results ...any) error {
	return temporal.NewApplicationErrorWithOptions(advised(kind, message), kind,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: results})
}

// Understand reads why an activity failed. When time ran out it is the last real failure
// of an attempt; NoWorker when no attempt began; Unavailable when nothing else is known.
func Understand(err error, connection string) Failure {
	var timeout *temporal.TimeoutError
	timedOut := errors.As(err, &timeout)
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		failed := fromApplication(application, connection)
		if timedOut {
			failed.include(lastHeartbeat(timeout))
			failed.Answered = false
		}
		if timedOut || outOfTime(err) {
			failed.Message = "time ran out; the last attempt failed so: " + failed.Message
		}
		return failed
	}
	if !timedOut {
		return Failure{Kind: workflows.TypeInternal, Message: fmt.Sprintf("connection %s: a step failed in an unforeseen way: %T", connection, err), Sent: connectors.Unknown}
	}
	if neverBegan(timeout) {
		return Failure{Kind: workflows.TypeNoWorker, Sent: connectors.No,
			Message: fmt.Sprintf("connection %s: no worker took the step up in time", connection)}
	}
	failed := Failure{Kind: string(connectors.Unavailable), Sent: connectors.No, Attempt: 1,
		Message: fmt.Sprintf("connection %s: no attempt ended in time; the provider is slow, or a worker died", connection)}
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
func (f *Failure) include(told activities.FailureDetails) {
	f.Sent = connectors.StrongerClaim(f.Sent, told.Sent)
	f.Attempt = max(f.Attempt, told.Attempt)
}

func fromApplication(application *temporal.ApplicationError, connection string) Failure {
	failed := Failure{Kind: application.Type(), Message: application.Message(), Sent: connectors.Unknown}
	var details activities.FailureDetails
	if application.HasDetails() && application.Details(&details) == nil {
		failed.Sent, failed.Attempt, failed.Answered = details.Sent, details.Attempt, details.Status != 0
	}
	if !slices.Contains(workflows.FailureTypes(), failed.Kind) {
		// The SDK's own, such as a panic; its text may hold anything.
		failed.Message = fmt.Sprintf("connection %s: a step failed as %s", connection, failed.Kind)
		failed.Kind = workflows.TypeInternal
	}
	return failed
}
