package httpcall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

const clientSecret = "s3cr3t~s3cr3t%"

// tokenServer hands out numbered tokens.
type tokenServer struct {
	fetches atomic.Int64
	answer  func(w http.ResponseWriter, count int64)
	check   func(r *http.Request)
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	count := s.fetches.Add(1)
	if s.check != nil {
		s.check(r)
	}
	w.Header().Set("Content-Type", "application/json")
	if s.answer != nil {
		s.answer(w, count)
		return
	}
	_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"bearer","expires_in":3600}`, count)
}

func tokensOf(t *testing.T, server *tokenServer, now func() time.Time) *tokens {
	t.Helper()
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	address, err := settings.ParseBase("TOKEN_URL", listening.URL)
	require.NoError(t, err)
	return newTokens(Caller{Provider: "test", Transport: NewTransport(), Now: now}, ClientCredentials{
		TokenURL: address, ClientID: "client", Scope: "api", Secret: secret.NewSource("CLIENT_SECRET", clientSecret, ""),
	})
}

func bearer(t *testing.T, tokens *tokens) (string, func()) {
	t.Helper()
	header := http.Header{}
	settle, failure := tokens.authorize(t.Context(), header)
	require.Nil(t, failure)
	return header.Get("Authorization"), func() { require.True(t, settle(&connectors.Error{Status: http.StatusUnauthorized})) }
}

func TestTokenIsKeptAndRenewed(t *testing.T) {
	t.Parallel()
	now := time.Now()
	server := &tokenServer{}
	tokens := tokensOf(t, server, func() time.Time { return now })
	first, expire := bearer(t, tokens)
	require.Equal(t, "Bearer token-1", first)
	again, _ := bearer(t, tokens)
	require.Equal(t, first, again)

	expire()
	second, expireSecond := bearer(t, tokens)
	require.Equal(t, "Bearer token-2", second)
	expire() // a late 401 of the first token does not give up the second
	again, _ = bearer(t, tokens)
	require.Equal(t, second, again)

	now = now.Add(time.Hour - margin)
	third, _ := bearer(t, tokens)
	require.Equal(t, "Bearer token-3", third)
	expireSecond()
	require.EqualValues(t, 3, server.fetches.Load())
}

func TestTokenRequests(t *testing.T) {
	t.Parallel()
	for _, inBody := range []bool{false, true} {
		requests := make(chan *http.Request, 1)
		server := &tokenServer{check: func(r *http.Request) {
			_ = r.ParseForm()
			requests <- r
		}}
		tokens := tokensOf(t, server, time.Now)
		tokens.credentials.InBody = inBody
		_, _ = bearer(t, tokens)
		request := <-requests
		id, password, basic := request.BasicAuth()
		require.NotEqual(t, inBody, basic)
		want := url.Values{"grant_type": {"client_credentials"}, "scope": {"api"}}
		if inBody {
			want.Set("client_id", "client")
			want.Set("client_secret", clientSecret)
		} else {
			require.Equal(t, []string{"client", url.QueryEscape(clientSecret)}, []string{id, password})
		}
		require.Equal(t, want, request.PostForm)
		require.Equal(t, "application/x-www-form-urlencoded", request.Header.Get("Content-Type"))
	}
}

func TestCallsShareOneFetch(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := &tokenServer{}
	server.check = func(*http.Request) { <-release }
	tokens := tokensOf(t, server, time.Now)
	impatient, cancel := context.WithCancel(t.Context())
	cancelled := make(chan error, 1)
	go func() {
		_, err := tokens.authorize(impatient, http.Header{})
		cancelled <- err
	}()
	cancel()
	err := <-cancelled
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, connectors.Unavailable, connectors.KindOf(err))

	var waiting sync.WaitGroup
	headers := make([]http.Header, 20)
	for i := range headers {
		headers[i] = http.Header{}
		waiting.Go(func() { _, _ = tokens.authorize(t.Context(), headers[i]) })
	}
	close(release)
	waiting.Wait()
	for _, header := range headers {
		require.Equal(t, "Bearer token-1", header.Get("Authorization"))
	}
	require.EqualValues(t, 1, server.fetches.Load(), "the fetch outlives the call that began it")
}

// TestRenewalAfter401: a token that is refused is fetched again once, also for an unlock, which
// a 401 proves not to have been made.
func TestRenewalAfter401(t *testing.T) {
	t.Parallel()
	for _, effect := range []bool{false, true} {
		for _, test := range []struct {
			accepted     string
			calls, fetch int64
			kind         connectors.Kind
		}{
			{accepted: "Bearer token-1", calls: 1, fetch: 1},
			{accepted: "Bearer token-2", calls: 2, fetch: 2},
			{accepted: "none", calls: 2, fetch: 2, kind: connectors.Unauthenticated},
		} {
			server := &tokenServer{}
			var calls atomic.Int64
			caller, request := callerOf(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				status := 401
				if r.Header.Get("Authorization") == test.accepted {
					status = 200
				}
				answering(status, "application/json", `{}`)(w, r)
			})
			caller.Authorize = tokensOf(t, server, time.Now).authorize
			request.Effect = effect
			_, err := caller.Do(t.Context(), request)
			require.Equal(t, test.kind, connectors.KindOf(err))
			if err != nil && effect {
				require.Equal(t, connectors.No, failureOf(t, err).Sent)
			}
			require.Equal(t, test.calls, calls.Load())
			require.Equal(t, test.fetch, server.fetches.Load())
		}
	}
}

// TestRefusedKey: a secret that each request carries cannot be renewed, and is not sent again.
func TestRefusedKey(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	caller, request := callerOf(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answering(401, "application/json", `{}`)(w, r)
	})
	caller.Authorize = caller.ByKey(secret.NewSource("KEY", clientSecret, ""), func(header http.Header, secret string) { header.Set("X-Api-Key", secret) })
	_, err := caller.Do(t.Context(), request)
	require.Equal(t, connectors.Unauthenticated, failureOf(t, err).Kind)
	require.EqualValues(t, 1, calls.Load())
}

func TestConcurrent401sFetchOnce(t *testing.T) {
	t.Parallel()
	const callers = 8
	server := &tokenServer{}
	var arrived sync.WaitGroup
	arrived.Add(callers)
	caller, request := callerOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			arrived.Done()
			arrived.Wait()
			w.WriteHeader(401)
			return
		}
		answering(200, "application/json", `{}`)(w, r)
	})
	caller.Authorize = tokensOf(t, server, time.Now).authorize
	var done sync.WaitGroup
	failures := make([]error, callers)
	for i := range failures {
		done.Go(func() { _, failures[i] = caller.Do(t.Context(), request) })
	}
	done.Wait()
	require.NoError(t, errors.Join(failures...))
	require.EqualValues(t, 2, server.fetches.Load())
}

func TestTokenFailures(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) func(http.ResponseWriter, int64) {
		return func(w http.ResponseWriter, _ int64) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	leak := `{"error":"invalid_client","error_description":"` + clientSecret + `"}`
	cases := map[string]struct {
		answer func(http.ResponseWriter, int64)
		kind   connectors.Kind
		code   string
	}{
		"400":         {answer(400, leak), connectors.Unauthenticated, "invalid_client"},
		"401":         {answer(401, leak), connectors.Unauthenticated, "invalid_client"},
		"404":         {answer(404, `{"code":"NOT_FOUND"}`), connectors.Unauthenticated, "NOT_FOUND"},
		"a wrong 404": {answer(404, ``), connectors.Unavailable, ""},
		"a page":      {answer(401, `<html>`), connectors.Unavailable, ""},
		"429":         {answer(429, `{}`), connectors.RateLimited, ""},
		"503":         {answer(503, clientSecret), connectors.Unavailable, ""},
		"302":         {answer(302, ``), connectors.Unauthenticated, ""},
		"no token":    {answer(200, leak), connectors.MalformedResponse, ""},
		"bad token":   {answer(200, `{"access_token":"a\nb"}`), connectors.MalformedResponse, ""},
		"mac token":   {answer(200, `{"access_token":"a","token_type":"mac"}`), connectors.MalformedResponse, ""},
		"no object":   {answer(200, `[]`), connectors.MalformedResponse, ""},
		"echoed code": {answer(400, `{"error":"s3cr3t.s3cr3t"}`), connectors.Unauthenticated, "s3cr3t.s3cr3t"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &tokenServer{answer: test.answer}
			caller, request := callerOf(t, answering(200, "application/json", `{}`))
			request.Effect = true
			caller.Authorize = tokensOf(t, server, time.Now).authorize
			_, err := caller.Do(t.Context(), request)
			failure := failureOf(t, err)
			require.Equal(t, test.kind, failure.Kind)
			require.Equal(t, test.code, failure.Code)
			require.Equal(t, connectors.No, failure.Sent)
			require.Equal(t, "fetch token", failure.Operation)
			require.NotContains(t, err.Error(), clientSecret)
			require.EqualValues(t, 1, server.fetches.Load())
		})
	}
}

func TestTokenExpiry(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for raw, want := range map[string]time.Time{
		`3600`: now.Add(3570 * time.Second), `"3600"`: now.Add(3570 * time.Second), `10`: now.Add(5 * time.Second),
		``: {}, `null`: {}, `"soon"`: {}, `1e9`: {}, `99999999999`: {},
	} {
		require.Equal(t, want, expiry([]byte(raw), now), raw)
	}
}

func FuzzReadToken(f *testing.F) {
	f.Add([]byte(`{"access_token":"x","token_type":"Bearer","expires_in":3600}`))
	f.Add([]byte(`{"access_token":"x","expires_in":"-1"}`))
	f.Add([]byte(`{"access_token":"x\ny"}`))
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tokens := newTokens(Caller{Now: func() time.Time { return now }}, ClientCredentials{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = tokenRules(Rules{}).read(raw)
		read, err := tokens.read(raw)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		request := http.Request{Header: http.Header{"Authorization": {"Bearer " + read.value}}, URL: &url.URL{}}
		var wire bytes.Buffer
		require.NoError(t, request.Header.Write(&wire))
		require.Equal(t, 1, bytes.Count(wire.Bytes(), []byte("\n")), "a token is one header")
	})
}
