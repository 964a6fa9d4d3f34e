package conformance

import (
	"net/http"
	"slices"

	"github.com/latchkey-iam/latchkey/connectors"
)

// kinds is the suite's own table of what each status of RFC 9110, section 15, and of
// the IANA registry means when the call has not brought what it was made for. It is
// written apart from the connectors', so that one slip does not agree with itself.
// https://www.iana.org/assignments/http-status-codes
var kinds = map[int]connectors.Kind{
	400: connectors.RejectedByProvider, // Bad Request
	401: connectors.Unauthenticated,    // Unauthorized
	402: connectors.RejectedByProvider, // Payment Required
	403: connectors.PermissionDenied,   // Forbidden
	404: connectors.NotFound,           // Not Found
	405: connectors.Unsupported,        // Method Not Allowed: the address knows no such call
	406: connectors.RejectedByProvider, // Not Acceptable
	407: connectors.Unauthenticated,    // Proxy Authentication Required
	408: connectors.Unavailable,        // Request Timeout: the request may be repeated
	409: connectors.Conflict,           // Conflict
	410: connectors.NotFound,           // Gone
	411: connectors.RejectedByProvider, // Length Required
	412: connectors.Conflict,           // Precondition Failed: it was changed meanwhile
	413: connectors.RejectedByProvider, // Content Too Large
	414: connectors.RejectedByProvider, // URI Too Long
	415: connectors.RejectedByProvider, // Unsupported Media Type
	416: connectors.RejectedByProvider, // Range Not Satisfiable
	417: connectors.RejectedByProvider, // Expectation Failed
	418: connectors.RejectedByProvider, // (Unused)
	421: connectors.Unavailable,        // Misdirected Request: another connection may do
	422: connectors.RejectedByProvider, // Unprocessable Content
	423: connectors.Conflict,           // Locked: a lock of WebDAV, held by somebody else
	424: connectors.RejectedByProvider, // Failed Dependency
	425: connectors.Unavailable,        // Too Early: repeat it later
	426: connectors.RejectedByProvider, // Upgrade Required
	428: connectors.RejectedByProvider, // Precondition Required
	429: connectors.RateLimited,        // Too Many Requests
	431: connectors.RejectedByProvider, // Request Header Fields Too Large
	451: connectors.PermissionDenied,   // Unavailable For Legal Reasons
	500: connectors.Unavailable,        // Internal Server Error
	501: connectors.Unsupported,        // Not Implemented
	502: connectors.Unavailable,        // Bad Gateway
	503: connectors.Unavailable,        // Service Unavailable
	504: connectors.Unavailable,        // Gateway Timeout
	505: connectors.Unsupported,        // HTTP Version Not Supported
	506: connectors.Unavailable,        // Variant Also Negotiates
	507: connectors.Unavailable,        // Insufficient Storage
	508: connectors.Unavailable,        // Loop Detected
	510: connectors.Unavailable,        // Not Extended
	511: connectors.Unavailable,        // Network Authentication Required: a portal in between
}

// kindOf returns the kind of a status. RFC 9110, section 15: a status that is not known
// is taken for the x00 of its class. A redirection is a way to a sign-in page: the
// providers' facts say so of JumpCloud, and no API call of theirs is redirected.
func kindOf(status int) connectors.Kind {
	switch kind, listed := kinds[status]; {
	case listed:
		return kind
	case status < 300:
		return connectors.MalformedResponse
	case status < 400:
		return connectors.Unauthenticated
	default:
		return kinds[status/100*100]
	}
}

// expected is what must come of an action in which one step was answered with a status
// and without a usable body.
type expected struct {
	// kind is empty when the action succeeds all the same.
	kind connectors.Kind
	// unread is why the step's layer is unread after a success; empty when it is read.
	unread connectors.Kind
	sent   connectors.Answer
}

func (s Step) expect(status int) expected {
	if status == http.StatusNoContent { // whatever is behind it, nothing arrives
		return s.expectEmpty(status)
	}
	return s.expectKind(s.kindOf(status), sentAfter(status))
}

// expectKind is what must come of an action in which the step failed with the kind.
// sent is what is known of a request that unlocks: whether it may have.
func (s Step) expectKind(kind connectors.Kind, sent connectors.Answer) expected {
	want := expected{kind: kind}
	switch {
	case kind == connectors.MalformedResponse && (s.Advisory || s.free()), s.Advisory && !kind.Retryable():
		want.kind = ""
	case s.Groups && !kind.Retryable():
		want.kind = ""
	case s.Unread != "" && !kind.Retryable():
		want.kind, want.unread = "", kind
	}
	if s.Action != Unlock || want.kind == "" {
		return want
	}
	switch {
	case s.Unlocked:
		want.sent = connectors.Yes
	case s.Unlocks:
		want.sent = sent
	default:
		want.sent = connectors.No
	}
	return want
}

func (s Step) kindOf(status int) connectors.Kind {
	kind := kindOf(status)
	switch {
	case s.Token && status >= 400 && status < 500 && !kind.Retryable():
		// RFC 6749, section 5.2: a wrong credential is answered 400 or 401, and a token
		// address that refuses for another reason is as good as a wrong one.
		return connectors.Unauthenticated
	case !s.NamesAccount && (status == http.StatusNotFound || status == http.StatusGone):
		return connectors.RejectedByProvider
	default:
		return kind
	}
}

// expectEmpty is what must come of an action in which one step was answered with a status
// and no body: what nobody stands up for proves nothing.
func (s Step) expectEmpty(status int) expected {
	switch {
	case status < 300 && s.free():
		return s.expectKind(connectors.MalformedResponse, connectors.Unknown)
	case status < 300 || slices.Contains(proofs, status):
		return s.expectKind(connectors.Unavailable, connectors.Unknown)
	default:
		return s.expect(status)
	}
}

// proofs say that somebody is not there or not allowed, which only the provider can know.
var proofs = []int{http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusUnavailableForLegalReasons}

// expectPage is what must come of an action in which one step was answered with a status
// and a web page, which is no answer of the provider's. A redirection may have one.
func (s Step) expectPage(status int) expected {
	switch {
	case status/100 == 3:
		return s.expect(status)
	case status == http.StatusTooManyRequests:
		return s.expectKind(connectors.RateLimited, connectors.Unknown)
	default:
		return s.expectKind(connectors.Unavailable, connectors.Unknown)
	}
}

// sentAfter is what a status says about an unlock: a refusal has changed nothing, and
// a server that failed, timed out or answered nonsense may have changed something before.
func sentAfter(status int) connectors.Answer {
	if status < 300 || status >= 500 || status == http.StatusRequestTimeout {
		return connectors.Unknown
	}
	return connectors.No
}
