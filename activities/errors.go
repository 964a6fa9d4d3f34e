package activities

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/connectors"
)

// The types of failures that no connector makes. The kinds of connectors.Error are types
// too, so that a caller branches on one set of words.
const (
	// TypeStillLocked: an unlock was accepted, and the account is still locked.
	TypeStillLocked = "StillLocked"
	// TypeWatching: not a failure; the watch goes on.
	TypeWatching = "Watching"
	// TypeInternal: a fault of Latchkey's own.
	TypeInternal = "Internal"
)

// FailureDetails is what an activity's failure carries for the workflow, and a heartbeat
// of Unlock for the next attempt and for the workflow when time runs out. It is small: the
// server keeps the last failure of an activity that is retried, and cuts long ones.
type FailureDetails struct {
	// Sent says whether an unlock has been sent, over all attempts so far.
	Sent    connectors.Answer `json:"sent"`
	Attempt int               `json:"attempt"`
	Status  int               `json:"status,omitempty"`
	Code    string            `json:"code,omitempty"`
}

// failure maps a connector's error to Temporal's: its kind becomes the type, its wait
// the delay of the next attempt. This is the only place where that is decided.
func (a *Activities) failure(err error, current attempt, sent connectors.Answer) error {
	details := FailureDetails{Sent: sent, Attempt: current.number}
	var failure *connectors.Error
	if !errors.As(err, &failure) {
		// Its text may hold anything, so it is not repeated.
		return temporal.NewApplicationErrorWithOptions(
			fmt.Sprintf("connection %s: the connector failed with an unclassified error of type %T; this is a fault in Latchkey", a.Connection, err),
			TypeInternal, temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{details}})
	}
	details.Status, details.Code = failure.Status, failure.Code
	return temporal.NewApplicationErrorWithOptions(
		fmt.Sprintf("connection %s: %s", a.Connection, failure.Error()),
		string(failure.Kind),
		temporal.ApplicationErrorOptions{
			NonRetryable:   !mayPass(failure, current),
			NextRetryDelay: retryDelay(failure, current),
			Details:        []any{details},
		})
}

// believedFrom is the attempt from which a provider's refusal is believed that it may not
// mean: PingOne answers 403 now and then under concurrent calls, and a user who was made
// seconds ago is not found by its ID yet.
const believedFrom = 3

// mayPass reports whether another attempt may end differently without anybody changing
// the request or the configuration.
func mayPass(failure *connectors.Error, current attempt) bool {
	return failure.Retryable() || doubtful(failure) && current.number < believedFrom
}

// doubtful reports whether the provider may not mean its refusal. That a search found
// nobody is an answer of success, without a status, and is meant.
func doubtful(failure *connectors.Error) bool {
	return failure.Kind == connectors.PermissionDenied || failure.Kind == connectors.NotFound && failure.Status != 0
}

// retryDelay is the provider's own, and short where it is asked only once or twice more.
func retryDelay(failure *connectors.Error, current attempt) time.Duration {
	switch {
	case doubtful(failure):
		return time.Duration(current.number) * time.Second
	case failure.RetryAfter > 0:
		return failure.RetryAfter
	default:
		return current.delay()
	}
}

// shortestWait is the shortest between two attempts as the end of a step comes near.
const shortestWait = 500 * time.Millisecond

// delay is the wait before the next attempt; 0 leaves it to the retry policy. Where that would
// wait until the step has ended, which the server takes for the end of all attempts, it is
// half of what is left: attempts go on until the end. Once that is too short for another, the
// delay is longer than the step, so that the server ends it now.
func (a attempt) delay() time.Duration {
	switch left := a.until.Sub(a.now()); {
	case a.step == 0 || a.wait == 0:
		return 0
	case left < 2*shortestWait:
		return a.step
	case left < a.wait:
		return left / 2
	default:
		return 0
	}
}

// failureType is the type of the failure that an error becomes.
func failureType(err error) string {
	if kind := connectors.KindOf(err); kind != "" {
		return string(kind)
	}
	return TypeInternal
}

// recovered turns a panic into a failure; defer it. The text of a panic may hold anything,
// and what the SDK makes of one is stored.
func (a *Activities) recovered(err *error, current attempt, sent connectors.Answer) {
	cause := recover() //nolint:revive // it is deferred itself
	if cause == nil {
		return
	}
	a.Audit.Error("a step panicked; this is a fault in Latchkey", zap.String("connection", a.Connection), zap.Stack("stack"))
	*err = temporal.NewApplicationErrorWithOptions(
		fmt.Sprintf("connection %s: the step panicked; this is a fault in Latchkey, look at the worker's log", a.Connection),
		TypeInternal, temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{FailureDetails{Sent: sent, Attempt: current.number}}})
}

// stillLocked asks for another read after the delay. It is expected, hence benign.
func (a *Activities) stillLocked(current attempt, delay time.Duration) error {
	return a.again(TypeStillLocked, "the account is still locked after the unlock", current, delay)
}

// watching asks for another read after the delay.
func (a *Activities) watching(current attempt, delay time.Duration) error {
	return a.again(TypeWatching, "the account is being watched for a new lock", current, delay)
}

func (a *Activities) again(kind, what string, current attempt, delay time.Duration) error {
	return temporal.NewApplicationErrorWithOptions(
		fmt.Sprintf("connection %s: %s; reading again in %s", a.Connection, what, delay), kind,
		temporal.ApplicationErrorOptions{
			Category:       temporal.ApplicationErrorCategoryBenign,
			NextRetryDelay: delay,
			Details:        []any{FailureDetails{Sent: connectors.Yes, Attempt: current.number}},
		})
}
