package activities

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

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

// failure maps the error of a step to Temporal's. A connector's kind becomes the type, its wait
// the delay of the next attempt. This is the only place where that is decided.
func (a *Activities) failure(err error, current attempt, sent connectors.Answer) error {
	details := FailureDetails{Sent: sent, Attempt: current.number}
	options := temporal.ApplicationErrorOptions{NonRetryable: true}
	kind := TypeInternal
	var message string
	var failure *connectors.Error
	var again *againError
	switch {
	case errors.As(err, &failure):
		kind, message = string(failure.Kind), failure.Error()
		details.Status, details.Code = failure.Status, failure.Code
		options.NonRetryable, options.NextRetryDelay = !mayPass(failure, current.number), retryDelay(failure, current)
	case errors.As(err, &again):
		kind, message = again.kind, again.Error()
		details.Sent = connectors.Yes
		options = temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign, NextRetryDelay: again.delay}
	case errors.Is(err, errPanicked):
		message = "the step panicked; this is a fault in Latchkey, look at the worker's log"
	default: // Its text may hold anything, so it is not repeated.
		message = unclassified(err)
	}
	options.Details = []any{details}
	return temporal.NewApplicationErrorWithOptions(fmt.Sprintf("connection %s: %s", a.Connection, message), kind, options)
}

// unclassified is what is said of an error that no connector should return.
func unclassified(err error) string {
	return fmt.Sprintf("the connector failed with an unclassified error of type %T; this is a fault in Latchkey", err)
}

// believedFrom is the attempt from which a provider's refusal is believed that it may not
// mean: PingOne answers 403 now and then under concurrent calls, and a user who was made
// seconds ago is not found by its ID yet.
const believedFrom = 3

// mayPass reports whether another attempt may end differently without anybody changing
// the request or the configuration.
func mayPass(failure *connectors.Error, number int) bool {
	return failure.Retryable() || doubtful(failure) && number < believedFrom
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

// againError asks for another read after a delay. It is expected, hence benign.
type againError struct {
	kind, what string
	delay      time.Duration
}

func (e *againError) Error() string { return fmt.Sprintf("%s; reading again in %s", e.what, e.delay) }

func stillLocked(delay time.Duration) error {
	return &againError{TypeStillLocked, "the account is still locked after the unlock", delay}
}

func watching(delay time.Duration) error {
	return &againError{TypeWatching, "the account is being watched for a new lock", delay}
}
