package httpcall

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
)

// ClientCredentials are what a token is fetched with: RFC 6749, section 4.4.
type ClientCredentials struct {
	TokenURL *url.URL
	ClientID string
	Secret   *secret.Source
	// Scope may be empty.
	Scope string
	// InBody sends the credentials in the form instead of an HTTP Basic header.
	InBody bool
}

// Tokens keeps the access token of one connection. All calls share it, and one fetch
// at a time renews it. It does not build on golang.org/x/oauth2, whose errors print the
// answer's body, which reads other content types than JSON, and whose token cannot be
// given up after a 401.
type Tokens struct {
	caller      Caller
	credentials ClientCredentials

	mu      sync.Mutex
	current *token
	pending *fetch
}

type token struct {
	value string
	// expires is when to stop using it; zero means when the provider answers 401.
	expires time.Time
}

// fetch is one request for a token, shared by all who wait for it.
type fetch struct {
	done  chan struct{}
	token *token
	err   *connectors.Error
}

// margin is how long before its end a token is renewed.
const margin = 30 * time.Second

// NewTokens returns the tokens that the credentials fetch. The caller tells provider,
// transport and clock; its rules are replaced by those of a token endpoint.
func NewTokens(caller Caller, credentials ClientCredentials) *Tokens {
	caller.Authorize = nil
	caller.Rules = tokenRules(caller.Rules)
	return &Tokens{caller: caller, credentials: credentials}
}

// tokenRules takes every refusal for a wrong credential, as RFC 6749, section 5.2, answers 400
// or 401 to one and a wrong address answers 404. They have RFC 6749's own shape, or that of the
// rest of an API.
func tokenRules(rules Rules) Rules {
	kinds := map[int]connectors.Kind{}
	for status := 400; status < 500; status++ {
		if !KindOf(status).Retryable() {
			kinds[status] = connectors.Unauthenticated
		}
	}
	return Rules{Kinds: kinds, RequestID: rules.RequestID, Reset: rules.Reset, Codes: []string{"error", "code"}, Advice: map[connectors.Kind]string{
		connectors.Unauthenticated: "the client credentials were not accepted; check CLIENT_ID, CLIENT_SECRET and the region",
	}}
}

// Authorize implements Authorize with a bearer token.
func (t *Tokens) Authorize(ctx context.Context, header http.Header) (func(), error) {
	current, err := t.get(ctx)
	if err != nil {
		return nil, err
	}
	header.Set("Authorization", "Bearer "+current.value)
	return func() { t.expire(current) }, nil
}

// expire gives up the token, unless another has taken its place already.
func (t *Tokens) expire(used *token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == used {
		t.current = nil
	}
}

func (t *Tokens) get(ctx context.Context) (*token, error) {
	current, pending := t.join(ctx)
	if current != nil {
		return current, nil
	}
	select {
	case <-pending.done:
	case <-ctx.Done():
		failure := t.caller.Fail(operationToken, connectors.Unavailable, "")
		interrupt(failure, ctx.Err())
		return nil, failure
	}
	if pending.err != nil {
		failure := *pending.err
		return nil, &failure
	}
	return pending.token, nil
}

const operationToken = "fetch token"

// join returns the token in use, or the fetch that is under way or begun here. The
// fetch outlives the call that began it, for others may be waiting.
func (t *Tokens) join(ctx context.Context) (*token, *fetch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil && (t.current.expires.IsZero() || t.caller.Now().Before(t.current.expires)) {
		return t.current, nil
	}
	if t.pending == nil {
		t.pending = &fetch{done: make(chan struct{})}
		go t.run(context.WithoutCancel(ctx), t.pending)
	}
	return nil, t.pending
}

func (t *Tokens) run(ctx context.Context, pending *fetch) {
	pending.token, pending.err = t.fetch(ctx)
	t.mu.Lock()
	t.current, t.pending = pending.token, nil
	t.mu.Unlock()
	close(pending.done)
}

func (t *Tokens) fetch(ctx context.Context) (*token, *connectors.Error) {
	sent, failure := t.caller.readSecret(operationToken, t.credentials.Secret)
	if failure != nil {
		return nil, failure
	}
	request := t.request(sent.value)
	answer, failure := t.caller.once(ctx, request, request.Header)
	sent.judge(failure, t.caller.Now())
	if failure != nil {
		return nil, failure
	}
	fetched, err := t.read(answer.Body)
	if err != nil {
		return nil, t.caller.Malformed(operationToken, err)
	}
	return fetched, nil
}

func (t *Tokens) request(password string) Request {
	form := url.Values{"grant_type": {"client_credentials"}}
	if t.credentials.Scope != "" {
		form.Set("scope", t.credentials.Scope)
	}
	header := http.Header{}
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	header.Set("Accept", "application/json")
	if t.credentials.InBody {
		form.Set("client_id", t.credentials.ClientID)
		form.Set("client_secret", password)
	} else {
		header.Set("Authorization", basic(t.credentials.ClientID, password))
	}
	return Request{
		Operation: operationToken, Method: http.MethodPost, URL: t.credentials.TokenURL, Header: header,
		Body: []byte(form.Encode()), MaxAnswer: maxRefusal, Private: []string{password},
	}
}

// basic encodes both parts as RFC 6749, section 2.3.1, asks.
func basic(id, password string) string {
	var carrier http.Request
	carrier.Header = http.Header{}
	carrier.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(password))
	return carrier.Header.Get("Authorization")
}

// read reads the answer: RFC 6749, section 5.1.
func (t *Tokens) read(body []byte) (*token, error) {
	var answer struct {
		AccessToken Loose[string]  `json:"access_token"`
		TokenType   Loose[string]  `json:"token_type"`
		ExpiresIn   jsontext.Value `json:"expires_in"`
	}
	if err := Decode(body, &answer); err != nil {
		return nil, err
	}
	value := answer.AccessToken.Value
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("the answer holds no usable access_token; check the token address")
	}
	if kind := answer.TokenType.Value; kind != "" && !strings.EqualFold(kind, "bearer") {
		return nil, fmt.Errorf("the answer's token_type is not bearer; check the token address")
	}
	return &token{value: value, expires: expiry(answer.ExpiresIn, t.caller.Now())}, nil
}

// expiry reads a number of seconds, which some servers send as a string. A short-lived
// token is used for at least half of its life.
func expiry(raw []byte, now time.Time) time.Time {
	count, err := strconv.ParseInt(string(bytes.Trim(raw, `"`)), 10, 32)
	if err != nil {
		return time.Time{}
	}
	life := time.Duration(count) * time.Second
	return now.Add(life - min(margin, life/2))
}
