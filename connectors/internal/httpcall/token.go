package httpcall

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/singleflight"

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

// tokens keep the access token of one connection. All calls share it, and one fetch
// at a time renews it. They do not build on golang.org/x/oauth2, whose errors print the
// answer's body, which reads other content types than JSON, and whose token cannot be
// given up after a 401.
type tokens struct {
	caller      Caller
	credentials ClientCredentials
	current     atomic.Pointer[token]
	fetches     singleflight.Group
}

type token struct {
	value string
	// expires is when to stop using it; zero means when the provider answers 401.
	expires time.Time
}

// margin is how long before its end a token is renewed.
const margin = 30 * time.Second

// ByToken authorizes by a bearer token that the credentials fetch.
func (c Caller) ByToken(credentials ClientCredentials) Authorize {
	return newTokens(c, credentials).authorize
}

// newTokens takes provider, transport and clock of the caller; its rules are replaced by those of
// a token endpoint.
func newTokens(caller Caller, credentials ClientCredentials) *tokens {
	caller.Rules = tokenRules(caller.Rules)
	return &tokens{caller: caller, credentials: credentials}
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

func (t *tokens) authorize(ctx context.Context, header http.Header) (func(*connectors.Error) bool, *connectors.Error) {
	used, failure := t.get(ctx)
	if failure != nil {
		return nil, failure
	}
	header.Set("Authorization", "Bearer "+used.value)
	return func(failure *connectors.Error) bool {
		refused := failure != nil && failure.Status == http.StatusUnauthorized
		if refused { // Another may have taken its place already.
			t.current.CompareAndSwap(used, nil)
		}
		return refused
	}, nil
}

// usable returns the token in use, or nil.
func (t *tokens) usable() *token {
	current := t.current.Load()
	if current != nil && (current.expires.IsZero() || t.caller.Now().Before(current.expires)) {
		return current
	}
	return nil
}

const operationToken = "fetch token"

// get returns the token in use, or fetches one. The fetch outlives the call that began it, for
// others may be waiting.
func (t *tokens) get(ctx context.Context) (*token, *connectors.Error) {
	if current := t.usable(); current != nil {
		return current, nil
	}
	fetched := t.fetches.DoChan("", func() (any, error) {
		if current := t.usable(); current != nil { // It was fetched meanwhile.
			return current, nil
		}
		return t.fetch(context.WithoutCancel(ctx))
	})
	select {
	case result := <-fetched:
		if failure, failed := errors.AsType[*connectors.Error](result.Err); failed {
			own := *failure // Others were given it too.
			return nil, &own
		}
		current, _ := result.Val.(*token)
		return current, nil
	case <-ctx.Done():
		failure := t.caller.Fail(operationToken, connectors.Unavailable, "")
		interrupt(failure, ctx.Err())
		return nil, failure
	}
}

func (t *tokens) fetch(ctx context.Context) (*token, error) {
	sent, failure := t.caller.readSecret(operationToken, t.credentials.Secret)
	if failure != nil {
		return nil, failure
	}
	answer, failure := t.caller.once(ctx, t.request(sent.value))
	sent.judge(failure, t.caller.Now())
	if failure != nil {
		return nil, failure
	}
	fetched, err := t.read(answer.Body)
	if err != nil {
		return nil, t.caller.Malformed(operationToken, err)
	}
	t.current.Store(fetched)
	return fetched, nil
}

func (t *tokens) request(password string) Request {
	form := url.Values{"grant_type": {"client_credentials"}}
	if t.credentials.Scope != "" {
		form.Set("scope", t.credentials.Scope)
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	private := []string{password}
	if t.credentials.InBody {
		form.Set("client_id", t.credentials.ClientID)
		form.Set("client_secret", password)
	} else {
		// RFC 6749, section 2.3.1, asks for both parts to be encoded.
		both := url.QueryEscape(t.credentials.ClientID) + ":" + url.QueryEscape(password)
		basic := base64.StdEncoding.EncodeToString([]byte(both))
		header.Set("Authorization", "Basic "+basic)
		private = append(private, basic)
	}
	return Request{
		Operation: operationToken, Method: http.MethodPost, URL: t.credentials.TokenURL, Header: header,
		Body: []byte(form.Encode()), MaxAnswer: maxRefusal, Private: private,
	}
}

// read reads the answer: RFC 6749, section 5.1.
func (t *tokens) read(body []byte) (*token, error) {
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
