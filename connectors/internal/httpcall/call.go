// Package httpcall makes one attempt at one HTTP call of any provider, and turns what
// comes of it into a usable answer or a *connectors.Error that repeats no secret, no
// address and none of the provider's own text.
package httpcall

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Timeout bounds one call within the caller's context, waiting for the token bucket
// and reading the answer included.
const Timeout = 15 * time.Second

// The most that an answer may hold after decompression, in bytes.
const (
	MaxPage    = 4 << 20
	MaxUser    = 1 << 20
	maxRefusal = 64 << 10
)

// Caller makes the calls to one provider.
type Caller struct {
	// Provider is the word that begins each error.
	Provider string
	// Base is the address below which Request calls, Header what each of its calls carries.
	Base   *url.URL
	Header http.Header
	// Limiter is asked before each call; nil is no bound.
	Limiter connectors.Limiter
	// Transport carries the calls. It is used without an http.Client,
	// so no redirect is followed, no cookie kept and no URL put into an error.
	Transport http.RoundTripper
	// Authorize may be nil: the calls carry no credential then.
	Authorize Authorize
	// Rules say how this provider's failures are read.
	Rules Rules
	// Now is the clock here.
	Now func() time.Time
}

// Request is one call.
type Request struct {
	// Operation is the word for errors: "look up", "unlock" and so on.
	Operation string
	Method    string
	URL       *url.URL
	Header    http.Header
	Body      []byte
	// MaxAnswer bounds the JSON answer, in bytes. Zero means that any 2xx is a success
	// unless it is a web page, and its body is dropped.
	MaxAnswer int64
	// Effect says that the call unlocks: its errors say in Sent whether it may have.
	Effect bool
	// Kinds replaces entries of the provider's table for this call.
	Kinds map[int]connectors.Kind
	// Private lists values that an error must not repeat.
	Private []string
}

// Answer is a usable answer.
type Answer struct {
	// Body is one JSON value in UTF-8 whose objects name each key once, or nil where none was
	// asked for.
	Body []byte
	// AsOf is the provider's clock at the answer; zero when it is not sent.
	AsOf time.Time
	// RequestID is the provider's identifier of the exchange; empty when it is not sent.
	RequestID string
}

// Request is a call below the base, whose answer is as long as a user may be.
func (c *Caller) Request(operation, method string, query url.Values, path ...string) Request {
	return Request{
		Operation: operation, Method: method, URL: Address(c.Base, query, path...), Header: c.Header.Clone(), MaxAnswer: MaxUser,
	}
}

// Unlocking is a POST below the base that unlocks the account, whatever the body of its 2xx.
func (c *Caller) Unlocking(account *connectors.Account, path ...string) Request {
	request := c.Request(connectors.OperationUnlock, http.MethodPost, nil, path...)
	request.MaxAnswer, request.Effect, request.Private = 0, true, []string{account.Username, account.Email}
	return request
}

// Read makes the call and decodes its answer; see Decode.
func (c *Caller) Read(ctx context.Context, request Request, into any) (*Answer, error) {
	answer, err := c.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	if err := Decode(answer.Body, into); err != nil {
		return nil, c.Malformed(request.Operation, err)
	}
	return answer, nil
}

// ReadList is Read of a page of a list.
func (c *Caller) ReadList(ctx context.Context, request Request, into any) (*Answer, error) {
	request.MaxAnswer, request.Kinds = MaxPage, NamesNoAccount
	return c.Read(ctx, request, into)
}

// Do makes the call, and once more with another credential, where a 401 refused the first and
// another can be had. Every failure is a *connectors.Error.
func (c *Caller) Do(ctx context.Context, request Request) (*Answer, error) {
	asked := request.Header
	for again := false; ; again = true {
		credential, settle, failure := c.credential(ctx)
		if failure != nil {
			return nil, notSent(failure, request)
		}
		request.Header = http.Header{}
		maps.Copy(request.Header, asked)
		maps.Copy(request.Header, credential)
		// A credential that was refused may be sent back in the answer to the second, too.
		request.Private = append(slices.Clone(request.Private), wordsOf(credential)...)
		answer, failure := c.once(ctx, request)
		renewed := !again && settle(failure)
		switch {
		case failure == nil:
			return answer, nil
		case !renewed:
			return nil, failure
		}
	}
}

// once makes one attempt; the request's header holds the credential.
func (c *Caller) once(ctx context.Context, request Request) (*Answer, *connectors.Error) {
	if ctx.Err() != nil {
		failure := c.fail(request, connectors.Unavailable, "")
		interrupt(failure, ctx.Err())
		return nil, notSent(failure, request)
	}
	limited, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	var progress progress
	call, err := http.NewRequestWithContext(progress.watch(limited), request.Method, request.URL.String(), bytes.NewReader(request.Body))
	if err != nil {
		failure := c.fail(request, connectors.RejectedByProvider, "the address cannot be called; check it")
		return nil, notSent(failure, request)
	}
	call.Header = request.Header
	call.Header.Set("User-Agent", "latchkey")
	if c.Limiter != nil && c.Limiter.Wait(limited) != nil {
		return nil, c.unanswered(ctx, request, errThrottled, &progress)
	}
	response, err := c.Transport.RoundTrip(call)
	if err != nil {
		return nil, c.unanswered(ctx, request, err, &progress)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return nil, c.refused(request, response)
	}
	return c.accepted(ctx, request, response)
}

// Fail returns an error of the provider without an answer's details.
func (c *Caller) Fail(operation string, kind connectors.Kind, message string) *connectors.Error {
	return &connectors.Error{Kind: kind, Provider: c.Provider, Operation: operation, Message: message}
}

// Malformed returns the error of an answer that is not what the provider documents; err is our
// own sentence.
func (c *Caller) Malformed(operation string, err error) *connectors.Error {
	return c.Fail(operation, connectors.MalformedResponse, err.Error())
}

// fail returns the error of a call; until proven otherwise an unlock may have been sent.
func (c *Caller) fail(request Request, kind connectors.Kind, message string) *connectors.Error {
	failure := c.Fail(request.Operation, kind, message)
	if request.Effect {
		failure.Sent = connectors.Unknown
	}
	return failure
}

func notSent(failure *connectors.Error, request Request) *connectors.Error {
	if request.Effect {
		failure.Sent = connectors.No
	}
	return failure
}
