package httpcall

import (
	"net/http"

	"github.com/latchkey-iam/latchkey/connectors"
)

// kinds gives the registered statuses that differ from the rest of their class.
// The registry and RFC 9110, section 15, are the source:
// https://www.iana.org/assignments/http-status-codes
var kinds = map[int]connectors.Kind{
	http.StatusUnauthorized:               connectors.Unauthenticated,
	http.StatusForbidden:                  connectors.PermissionDenied,
	http.StatusNotFound:                   connectors.NotFound,
	http.StatusMethodNotAllowed:           connectors.Unsupported,
	http.StatusProxyAuthRequired:          connectors.Unauthenticated,
	http.StatusRequestTimeout:             connectors.Unavailable,
	http.StatusConflict:                   connectors.Conflict,
	http.StatusGone:                       connectors.NotFound,
	http.StatusPreconditionFailed:         connectors.Conflict,
	http.StatusMisdirectedRequest:         connectors.Unavailable,
	http.StatusLocked:                     connectors.Conflict,
	http.StatusTooEarly:                   connectors.Unavailable,
	http.StatusTooManyRequests:            connectors.RateLimited,
	http.StatusUnavailableForLegalReasons: connectors.PermissionDenied,

	http.StatusNotImplemented:          connectors.Unsupported,
	http.StatusHTTPVersionNotSupported: connectors.Unsupported,
}

// KindOf returns the kind of a failure with an HTTP status; every status has one. A
// status below 300 is a failure only where its answer cannot be used.
func KindOf(status int) connectors.Kind {
	if kind, listed := kinds[status]; listed {
		return kind
	}
	switch {
	case status < 300:
		return connectors.MalformedResponse
	case status < 400:
		// A provider that redirects a call sends it to a sign-in page.
		return connectors.Unauthenticated
	case status < 500:
		return connectors.RejectedByProvider
	default:
		return connectors.Unavailable
	}
}

// NamesNoAccount replaces entries for calls whose path names no account: there a 404 is
// a wrong address or tenant, and must not be read as "no such account".
var NamesNoAccount = map[int]connectors.Kind{
	http.StatusNotFound: connectors.RejectedByProvider,
	http.StatusGone:     connectors.RejectedByProvider,
}
