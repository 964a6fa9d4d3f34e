// Package httpcall makes one attempt at one HTTP call of any provider, and turns what
// comes of it into a usable answer or a *connectors.Error that repeats no secret, no
// address and none of the provider's own text.
package httpcall

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
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

// Authorize adds the connection's credential to a request's header. Where another
// credential can be had when the provider answers 401, it returns the function that
// gives up the one it added; otherwise nil. Its error is a *connectors.Error.
type Authorize func(ctx context.Context, header http.Header) (expire func(), err error)

// Caller makes the calls to one provider.
type Caller struct {
	// Provider is the word that begins each error.
	Provider string
	// Limiter is asked before each call; nil is no bound.
	Limiter connectors.Limiter
	// Transport carries the calls. It is used without an http.Client,
	// so no redirect is followed, no cookie kept and no URL put into an error.
	Transport http.RoundTripper
	// Authorize and Key may be nil; both are not set together.
	Authorize Authorize
	Key       *Key
	// Rules tell how this provider's failures are read.
	Rules Rules
	// Now tells the time.
	Now func() time.Time
}

// Rules tell how one provider's failures are read.
type Rules struct {
	// Kinds replaces entries of the common table of statuses.
	Kinds map[int]connectors.Kind
	// Advice replaces the common sentence of a kind.
	Advice map[connectors.Kind]string
	// RequestID names the headers that may hold the provider's identifier of the exchange.
	RequestID []string
	// Reset names the headers that may tell when a limit of requests is lifted: in seconds,
	// in seconds or milliseconds since 1970, or as a date.
	Reset []string
	// Failure reads the body of a failure: whether it has the provider's own shape, and its
	// code, which is dropped unless it looks like one. Nil takes every body for its own.
	Failure func(body []byte) (code string, own bool)
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
	// Effect says that the call unlocks: its errors tell in Sent whether it may have.
	Effect bool
	// Kinds replaces entries of the provider's table for this call.
	Kinds map[int]connectors.Kind
	// Private lists values that an error must not repeat.
	Private []string
}

// Answer is a usable answer.
type Answer struct {
	// Body is one JSON value in UTF-8, or nil where none was asked for.
	Body []byte
	// AsOf is the provider's clock at the answer; zero when it does not tell.
	AsOf time.Time
	// RequestID is the provider's identifier of the exchange; empty when it does not tell.
	RequestID string
}

// Do makes the call. A 401 gives up the credential and makes it once more, where the
// credential can be renewed. Every failure is a *connectors.Error.
func (c *Caller) Do(ctx context.Context, request Request) (*Answer, error) {
	for renewed := false; ; renewed = true {
		header := request.Header.Clone()
		if header == nil {
			header = http.Header{}
		}
		expire, sent, err := c.authorize(ctx, header)
		if err != nil {
			return nil, unsent(err, request)
		}
		if sent.value != "" { // in whatever header it stands
			request.Private = append(slices.Clone(request.Private), sent.value)
		}
		answer, failure := c.once(ctx, request, header)
		sent.judge(failure, c.Now())
		if failure == nil {
			return answer, nil
		}
		if failure.Status != http.StatusUnauthorized || expire == nil || renewed {
			return nil, failure
		}
		expire()
		// What was refused may be good elsewhere, and may be sent back in the second answer.
		request.Private = private(request, header)
	}
}

func (c *Caller) authorize(ctx context.Context, header http.Header) (expire func(), sent sentSecret, err error) {
	if c.Key != nil {
		sent, failure := c.readSecret("read the secret", c.Key.Source)
		if failure != nil {
			return nil, sentSecret{}, failure
		}
		c.Key.Set(header, sent.value)
		return nil, sent, nil
	}
	if c.Authorize != nil {
		expire, err = c.Authorize(ctx, header)
	}
	return expire, sentSecret{}, err
}

// unsent marks the failure to get a credential: nothing was unlocked.
func unsent(err error, request Request) error {
	var failure *connectors.Error
	if !request.Effect || !errors.As(err, &failure) {
		return err
	}
	marked := *failure
	marked.Sent = connectors.No
	return &marked
}

// once makes one attempt with a header that holds the credential.
func (c *Caller) once(ctx context.Context, request Request, header http.Header) (*Answer, *connectors.Error) {
	if ctx.Err() != nil {
		failure := c.fail(request, connectors.Unavailable, "")
		interrupt(failure, ctx.Err())
		return nil, notSent(failure, request)
	}
	limited, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	var progress progress
	call, err := http.NewRequestWithContext(progress.watch(limited), request.Method, request.URL.String(), reader(request.Body))
	if err != nil {
		failure := c.fail(request, connectors.RejectedByProvider, "the address cannot be called; check it")
		return nil, notSent(failure, request)
	}
	call.Header = header
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", "latchkey")
	}
	if c.Limiter != nil && c.Limiter.Wait(limited) != nil {
		return nil, c.unanswered(ctx, request, errThrottled, &progress)
	}
	response, err := c.Transport.RoundTrip(call)
	if err != nil {
		return nil, c.unanswered(ctx, request, err, &progress)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return nil, c.refused(request, header, response)
	}
	return c.accepted(ctx, request, header, response)
}

func reader(body []byte) io.Reader {
	if len(body) == 0 {
		return nil
	}
	return bytes.NewReader(body)
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

// unanswered turns a transport's error into ours.
func (c *Caller) unanswered(ctx context.Context, request Request, err error, progress *progress) *connectors.Error {
	trouble := troubleOf(err, request.URL.Host)
	failure := c.fail(request, trouble.kind, trouble.message)
	if errors.Is(err, errThrottled) {
		failure = c.fail(request, connectors.RateLimited, "the connection's RATE_LIMIT leaves no room for the call in time; try again")
	}
	if progress.neverConnected() || errors.Is(err, errThrottled) {
		_ = notSent(failure, request)
	}
	if ctx.Err() != nil {
		interrupt(failure, ctx.Err())
	}
	return failure
}

// interrupt marks a failure that the caller's own context caused.
func interrupt(failure *connectors.Error, cause error) {
	failure.Kind, failure.Cause = connectors.Unavailable, context.DeadlineExceeded
	failure.Message = "the time allowed ran out before the provider answered; try again"
	if errors.Is(cause, context.Canceled) {
		failure.Cause = context.Canceled
		failure.Message = "the call was cancelled before the provider answered"
	}
}

// refused turns an answer outside 2xx into an error.
func (c *Caller) refused(request Request, header http.Header, response *http.Response) *connectors.Error {
	status := response.StatusCode
	var body []byte
	if status >= 200 { // the body of a switched protocol never ends
		body, _ = io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	}
	word, own := c.Rules.read(body)
	if isForeign(response, body, own) {
		return c.foreign(request, header, response)
	}
	kind := c.kindOf(request, status)
	failure := c.answered(request, header, response, kind, c.adviceFor(kind, status))
	failure.RetryAfter = c.Rules.wait(response.Header, kind, c.Now())
	failure.Code = presentable(word, code, private(request, header))
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
func (c *Caller) answered(request Request, header http.Header, response *http.Response, kind connectors.Kind, message string) *connectors.Error {
	failure := c.fail(request, kind, message)
	failure.Status = response.StatusCode
	failure.RequestID = c.requestID(request, header, response)
	return failure
}

// requestID is the provider's identifier of an exchange, where it looks like one and repeats
// nothing that was sent.
func (c *Caller) requestID(request Request, header http.Header, response *http.Response) string {
	for _, name := range c.Rules.RequestID {
		if id := presentable(response.Header.Get(name), identifier, private(request, header)); id != "" {
			return id
		}
	}
	return ""
}

// private lists what an error must not repeat: what the caller named, and every word
// of the headers that carry the credential.
func private(request Request, header http.Header) []string {
	values := slices.Clone(request.Private)
	for name, sent := range header {
		if !strings.EqualFold(name, "Authorization") && !strings.EqualFold(name, "X-Api-Key") {
			continue
		}
		for _, value := range sent {
			values = append(values, strings.Fields(value)...)
		}
	}
	return slices.DeleteFunc(values, func(value string) bool { return value == "" || value == "Bearer" || value == "Basic" })
}

// progress watches how far a request has come.
type progress struct{ wanted, connected atomic.Bool }

func (p *progress) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.wanted.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
	})
}

// neverConnected reports that the transport looked for a connection and got none, its
// TLS handshake included: nothing of the request can have been written. A transport
// that does not report its progress proves nothing.
func (p *progress) neverConnected() bool { return p.wanted.Load() && !p.connected.Load() }
