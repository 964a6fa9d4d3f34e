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

// Authorize adds the connection's credential to a request's header. Where another
// credential can be had when the provider answers 401, it returns the function that
// gives up the one it added; otherwise nil. Its error is a *connectors.Error.
type Authorize func(ctx context.Context, header http.Header) (expire func(), err error)

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
	// Authorize and Key may be nil; both are not set together.
	Authorize Authorize
	Key       *Key
	// Rules tell how this provider's failures are read.
	Rules Rules
	// Now tells the time.
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
	// Effect says that the call unlocks: its errors tell in Sent whether it may have.
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
	// AsOf is the provider's clock at the answer; zero when it does not tell.
	AsOf time.Time
	// RequestID is the provider's identifier of the exchange; empty when it does not tell.
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
