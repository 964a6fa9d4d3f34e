package httpcall

import (
	"cmp"
	"io"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Rules say how one provider's failures are read.
type Rules struct {
	// Kinds replaces entries of the common table of statuses.
	Kinds map[int]connectors.Kind
	// Advice replaces the common sentence of a kind.
	Advice map[connectors.Kind]string
	// RequestID names the headers that may hold the provider's identifier of the exchange.
	RequestID []string
	// Reset names the headers that may say when a limit of requests is lifted: in seconds,
	// in seconds or milliseconds since 1970, or as a date.
	Reset []string
	// Codes names the keys that may hold the code of the provider's own failures, a string, and
	// Number one that may hold it as a number: a body without a code is not the provider's own,
	// nor is one without the string Message, where that is named. Where no key is, any body is
	// its own. What does not look like a code is dropped.
	Codes           []string
	Number, Message string
}

// read reads the body of a failure as the rules say.
func (r Rules) read(body []byte) (code string, own bool) {
	var failure map[string]jsontext.Value
	if len(r.Codes) == 0 || Decode(body, &failure) != nil {
		return "", len(r.Codes) == 0
	}
	if number := failure[r.Number]; number.Kind() == '0' {
		code = string(number)
	}
	for _, key := range r.Codes {
		code = cmp.Or(code, textOf(failure[key]))
	}
	return code, code != "" && (r.Message == "" || textOf(failure[r.Message]) != "")
}

// textOf is a string; empty where the value is none.
func textOf(value jsontext.Value) string {
	if value.Kind() != '"' {
		return ""
	}
	unquoted, _ := jsontext.AppendUnquote(nil, value)
	return string(unquoted)
}

// refused turns an answer outside 2xx into an error.
func (c *Caller) refused(request Request, response *http.Response) *connectors.Error {
	status := response.StatusCode
	var body []byte
	if status >= 200 { // the body of a switched protocol never ends
		body, _ = io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	}
	said, own := c.Rules.read(body)
	if isForeign(response, body, own) {
		return c.foreign(request, response)
	}
	kind := c.kindOf(request, status)
	failure := c.answered(request, response, kind, c.adviceFor(kind, status))
	failure.RetryAfter = c.Rules.wait(response.Header, kind, c.Now())
	failure.Code = presentable(said, code, request.Private)
	// A time-out may be said by something between us and the provider.
	if status >= 300 && status < 500 && status != http.StatusRequestTimeout {
		_ = notSent(failure, request)
	}
	return failure
}

func (c *Caller) kindOf(request Request, status int) connectors.Kind {
	if kind, listed := request.Kinds[status]; listed {
		return kind
	}
	if kind, listed := c.Rules.Kinds[status]; listed {
		return kind
	}
	return KindOf(status)
}

func (c *Caller) adviceFor(kind connectors.Kind, status int) string {
	if status >= 300 && status < 400 {
		return redirected
	}
	if sentence, listed := c.Rules.Advice[kind]; listed {
		return sentence
	}
	return advice[kind]
}

// answered returns the error of a call that was answered.
func (c *Caller) answered(request Request, response *http.Response, kind connectors.Kind, message string) *connectors.Error {
	failure := c.fail(request, kind, message)
	failure.Status = response.StatusCode
	failure.RequestID = c.requestID(request, response)
	return failure
}

// proofs are the statuses by which a provider says that somebody or something is not
// there or not allowed. Firewalls and wrong addresses say so too, and then it proves
// nothing: they count only in the provider's own shape.
var proofs = []int{http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusUnavailableForLegalReasons}

// isForeign reports whether a refusal is no answer of the provider's: a web page, or a
// proof without the provider's shape. The status of a redirection is enough.
func isForeign(response *http.Response, body []byte, own bool) bool {
	if response.StatusCode/100 == 3 {
		return false
	}
	return isWebPage(response.Header, body) || !own && slices.Contains(proofs, response.StatusCode)
}

// foreign is the error of a call that something else than the provider answered: whether
// the provider heard of it is not known, and it may pass.
func (c *Caller) foreign(request Request, response *http.Response) *connectors.Error {
	kind := connectors.Unavailable
	if response.StatusCode == http.StatusTooManyRequests {
		kind = connectors.RateLimited
	}
	failure := c.answered(request, response, kind, "the answer is not the provider's but of something in between; check the address and any proxy or firewall, and try again")
	failure.RetryAfter = c.Rules.wait(response.Header, kind, c.Now())
	return failure
}

// advice says what a failure of each kind means and what to do about it.
var advice = map[connectors.Kind]string{
	connectors.NotFound:           "no such account, or none that the credential may see",
	connectors.RejectedByProvider: "the provider will not do this; its code says why",
	connectors.Unauthenticated:    "the credential was not accepted; check it and the region",
	connectors.PermissionDenied:   "the credential lacks a right; grant it",
	connectors.Conflict:           "the account is being changed by somebody else; try again",
	connectors.RateLimited:        "too many requests; wait, or lower RATE_LIMIT",
	connectors.Unavailable:        "the provider failed; try again",
	connectors.MalformedResponse:  "the answer is not what the provider documents; check the address and any proxy",
	connectors.Unsupported:        "the provider cannot do this; check the address and the region",
}

// redirected is the advice for any status from 300 to 399.
const redirected = "the provider redirected the call, as it does to its sign-in page; " +
	"check the credential, the address and the region"
