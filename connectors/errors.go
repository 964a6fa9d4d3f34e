package connectors

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind classifies a failure by what can be done about it.
type Kind string

// The kinds. Every HTTP status and every LDAP result code has one.
const (
	// NotFound: no account matches the reference.
	NotFound Kind = "NotFound"
	// Ambiguous: more than one account matches the reference.
	Ambiguous Kind = "Ambiguous"
	// RejectedByProvider: the provider understood the request and will not do it.
	RejectedByProvider Kind = "RejectedByProvider"
	// Unauthenticated: the connection's credential is wrong, expired or for another region.
	Unauthenticated Kind = "Unauthenticated"
	// PermissionDenied: the credential lacks a right.
	PermissionDenied Kind = "PermissionDenied"
	// Conflict: the account is being changed by somebody else; trying again may help.
	Conflict Kind = "Conflict"
	// RateLimited: too many requests; try again after RetryAfter.
	RateLimited Kind = "RateLimited"
	// Unavailable: the provider could not be reached, failed or did not answer in time.
	Unavailable Kind = "Unavailable"
	// Untrusted: the server's certificate is unknown, out of date or another's, or its TLS
	// is too old: what answers there may be anybody.
	Untrusted Kind = "Untrusted"
	// MalformedResponse: the answer is not what the provider's documentation says.
	MalformedResponse Kind = "MalformedResponse"
	// Unsupported: the provider or its configuration cannot do this at all.
	Unsupported Kind = "Unsupported"
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{NotFound, Ambiguous, RejectedByProvider, Unauthenticated, PermissionDenied,
		Conflict, RateLimited, Unavailable, Untrusted, MalformedResponse, Unsupported}
}

// Retryable reports whether another attempt may end differently without anybody
// changing the request or the configuration.
func (k Kind) Retryable() bool {
	switch k {
	case Conflict, RateLimited, Unavailable, MalformedResponse:
		return true
	default:
		return false
	}
}

// Error is how a connector fails. None of its fields holds a secret, a token, personal
// data or the provider's own text: it is stored in the clear.
type Error struct {
	Kind     Kind
	Provider string
	// Operation is what was being done: "look up", "unlock", "list locked", "fetch token".
	Operation string
	// Status is the HTTP status or the LDAP result code; 0 when there was no answer.
	Status int
	// Code is the provider's own machine-readable code, if it looks like one.
	Code string
	// Message is our own sentence: what was wrong and what to do about it.
	Message string
	// RetryAfter is how long the provider asked to wait; 0 when it did not say.
	RetryAfter time.Duration
	// RetryAnyway says that another attempt may end differently although the kind tells
	// otherwise: a secret in a file was refused, and the file may be about to change.
	RetryAnyway bool
	// RequestID is the provider's identifier of the exchange, for its support.
	RequestID string
	// Sent says, of a failed Unlock, whether an unlock has taken effect: No when none was
	// sent or each was refused, Yes when one was accepted, Unknown when an answer is missing.
	Sent Answer
	// Cause is for errors.Is: context.Canceled or context.DeadlineExceeded when the caller's
	// own context ended the call, or what a driver of this module told itself. It is never
	// printed.
	Cause error `json:"-"`
}

// Retryable reports whether another attempt may end differently without anybody changing
// the request or the configuration.
func (e *Error) Retryable() bool { return e.RetryAnyway || e.Kind.Retryable() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Error implements error.
func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s: %s", e.Provider, e.Operation, e.Message)
	var notes []string
	if e.Status != 0 {
		notes = append(notes, fmt.Sprintf("status %d", e.Status))
	}
	if e.Code != "" {
		notes = append(notes, "code "+e.Code)
	}
	if e.RetryAfter > 0 {
		notes = append(notes, "retry after "+e.RetryAfter.String())
	}
	if e.RequestID != "" {
		notes = append(notes, "request "+e.RequestID)
	}
	if len(notes) > 0 {
		fmt.Fprintf(&text, " (%s)", strings.Join(notes, ", "))
	}
	return text.String()
}

// Retryable is Error.Retryable of an *Error, and false of any other.
func Retryable(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Retryable()
}

// KindOf returns the kind of err, or empty when err is no *Error.
func KindOf(err error) Kind {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Kind
	}
	return ""
}
