package httpcall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

const personal = "jane.doe@example.com"

// callerOf returns a caller and a request of a server that answers with the handler.
func callerOf(t *testing.T, handler http.HandlerFunc) (*Caller, Request) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	require.NoError(t, err)
	caller := &Caller{Provider: "test", Transport: NewTransport(), Now: time.Now, Rules: Rules{
		RequestID: []string{"X-Request-Id"},
		Failure: func(body []byte) (string, bool) {
			var failure struct {
				Code Loose[string] `json:"code"`
			}
			_ = Decode(body, &failure)
			return failure.Code.Value, failure.Code.Value != ""
		},
	}}
	request := Request{
		Operation: "look up", Method: http.MethodGet, URL: Address(base, url.Values{"filter": {personal}}, "users", personal),
		MaxAnswer: 1 << 10, Private: []string{personal},
	}
	return caller, request
}

func failureOf(t *testing.T, err error) *connectors.Error {
	t.Helper()
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.NotEmpty(t, failure.Message)
	require.NotContains(t, err.Error(), personal)
	require.NotContains(t, err.Error(), url.PathEscape(personal))
	if failure.Status != 0 { // where nobody answered, the host is what matters
		require.NotContains(t, err.Error(), "127.0.0.1")
	}
	return failure
}

func answering(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestEveryStatus(t *testing.T) {
	t.Parallel()
	status := 200
	caller, request := callerOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/login%zz")
		w.Header().Set("X-Request-Id", "req-1")
		w.Header().Set("Retry-After", "7")
		answering(status, "application/json", `{"code":"SOME_CODE","message":"`+personal+`"}`)(w, r)
	})
	effect := request
	effect.Method, effect.Effect, effect.MaxAnswer = http.MethodPost, true, 0
	for status = 200; status <= 599; status++ {
		_, err := caller.Do(t.Context(), effect)
		if status < 300 {
			require.NoError(t, err, "any 2xx is a success of an unlock: %d", status)
			continue
		}
		failure := failureOf(t, err)
		require.Equal(t, KindOf(status), failure.Kind, status)
		require.Contains(t, connectors.Kinds(), failure.Kind)
		require.Equal(t, status, failure.Status)
		if status != http.StatusNotModified { // it has no body
			require.Equal(t, "SOME_CODE", failure.Code)
		}
		require.Equal(t, "req-1", failure.RequestID)
		require.Equal(t, 7*time.Second, failure.RetryAfter)
		want := connectors.No
		if status >= 500 || status == http.StatusRequestTimeout {
			want = connectors.Unknown
		}
		require.Equal(t, want, failure.Sent, status)
		if status < 400 {
			require.Equal(t, connectors.Unauthenticated, failure.Kind)
			require.Contains(t, failure.Message, "redirected")
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func TestWhatAnUnlockHasSent(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	secure := httptest.NewTLSServer(nil)
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = nil
	cases := map[string]struct {
		address   string
		transport http.RoundTripper
		handler   http.HandlerFunc
		want      connectors.Answer
	}{
		"refused connection": {address: closed.URL, want: connectors.No},
		"unknown host":       {address: "https://latchkey.invalid", want: connectors.No},
		"wrong certificate":  {address: secure.URL, want: connectors.No},
		"dropped":            {handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: connectors.Unknown},
		"no HTTP":            {handler: noHTTP, want: connectors.Unknown},
		"foreign transport": {want: connectors.Unknown, transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Post", URL: personal, Err: errors.New(personal)}
		})},
		"our own limit": {want: connectors.No, transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, errThrottled })},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, request := callerOf(t, test.handler)
			request.Method, request.Effect, request.MaxAnswer = http.MethodPost, true, 0
			if test.address != "" {
				request.URL, _ = url.Parse(test.address)
			}
			if test.transport != nil {
				caller.Transport = test.transport
			}
			_, err := caller.Do(t.Context(), request)
			failure := failureOf(t, err)
			require.Equal(t, test.want, failure.Sent)
		})
	}
}

func noHTTP(w http.ResponseWriter, _ *http.Request) {
	connection, _, _ := http.NewResponseController(w).Hijack()
	_, _ = connection.Write([]byte("hello\r\n\r\n"))
	_ = connection.Close()
}

func TestCancelledCalls(t *testing.T) {
	t.Parallel()
	called := make(chan struct{}, 1)
	caller, request := callerOf(t, func(_ http.ResponseWriter, r *http.Request) {
		called <- struct{}{}
		<-r.Context().Done()
	})
	request.Effect, request.Method = true, http.MethodPost

	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-called; cancel() }()
	_, err := caller.Do(ctx, request)
	failure := failureOf(t, err)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, connectors.Unavailable, failure.Kind)
	require.Equal(t, connectors.Unknown, failure.Sent)

	_, err = caller.Do(ctx, request)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, connectors.No, failureOf(t, err).Sent, "it was cancelled before it began")

	brief, done := context.WithTimeout(t.Context(), time.Millisecond)
	defer done()
	_, err = caller.Do(brief, request)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, context.Canceled)
}

func TestSilenceEndsTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		caller := &Caller{Provider: "test", Now: time.Now, Transport: roundTripper(func(request *http.Request) (*http.Response, error) {
			<-request.Context().Done()
			return nil, request.Context().Err()
		})}
		began := time.Now()
		_, err := caller.Do(t.Context(), Request{Operation: "unlock", Method: http.MethodPost, URL: &url.URL{Scheme: "https", Host: "h"}, Effect: true})
		failure := failureOf(t, err)
		require.Equal(t, Timeout, time.Since(began))
		require.Equal(t, connectors.Unavailable, failure.Kind)
		require.Equal(t, connectors.Unknown, failure.Sent)
		require.NoError(t, failure.Cause, "the caller's own context goes on")
	})
}

// TestNothingPrivateComesBack: an answer that repeats what was sent, in whatever disguise and
// under whatever status, finds nobody who repeats it.
func TestNothingPrivateComesBack(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef0123456789abcdef01234567"
	echoes := []string{"two words", strings.Repeat("x", 200), "Jane"}
	for _, sent := range []string{key, personal} {
		echoes = append(echoes, sent, "x-"+sent, sent+".x", "Bearer "+sent, strings.ToUpper(sent), sent+"\n")
	}
	for _, echoed := range echoes {
		for _, status := range []int{200, 302, 400, 401, 403, 404, 429, 500} {
			caller, request := callerOf(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Request-Id", echoed)
				quoted, _ := json.Marshal(echoed)
				answering(status, "application/json", `{"code":`+string(quoted)+`}`)(w, r)
			})
			request.Private = append(request.Private, "jane")
			caller.Authorize = func(_ context.Context, header http.Header) (func(), error) {
				header.Set("x-api-key", key)
				return nil, nil
			}
			_, err := caller.Do(t.Context(), request)
			if status == http.StatusOK {
				require.NoError(t, err)
				continue
			}
			failure := failureOf(t, err)
			require.Empty(t, failure.Code, echoed)
			require.Empty(t, failure.RequestID, echoed)
		}
	}
}

// TestLimiter: no call goes out that the limiter does not let out in time, and none is
// counted as sent.
func TestLimiter(t *testing.T) {
	t.Parallel()
	served := 0
	caller, request := callerOf(t, func(w http.ResponseWriter, _ *http.Request) {
		served++
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	})
	caller.Limiter = connectors.NewLimiter(0.001)
	request.Effect = true
	_, err := caller.Do(t.Context(), request)
	require.NoError(t, err, "the bucket is full at first")
	brief, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = caller.Do(brief, request)
	failure := failureOf(t, err)
	require.Equal(t, connectors.RateLimited, failure.Kind)
	require.Equal(t, connectors.No, failure.Sent)
	require.Equal(t, 1, served)
	caller.Limiter = connectors.NewLimiter(0)
	for range 100 {
		_, err = caller.Do(t.Context(), request)
		require.NoError(t, err)
	}
}

func TestParseBase(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://example.com", "https://example.com/v1/", "http://localhost:8080/api", "http://127.0.0.9", "http://[::1]:1"} {
		base, err := ParseBase("BASE_URL", good)
		require.NoError(t, err, good)
		require.False(t, strings.HasSuffix(base.String(), "/"))
	}
	for _, bad := range []string{"", "example.com", "http://example.com", "http://localhost.example.com", "ftp://example.com",
		"https://", "https://u:p@example.com", "https://example.com?x=1", "https://example.com?", "https://example.com#x", "https://exa mple.com", "%zz"} {
		_, err := ParseBase("BASE_URL", bad)
		require.ErrorContains(t, err, "BASE_URL", bad)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	base, err := ParseBase("BASE_URL", "https://example.com/v1")
	require.NoError(t, err)
	address := Address(base, url.Values{"filter": {`a eq "b+c&d"`}}, "users", "../x/y?z")
	require.Equal(t, "https://example.com/v1/users/..%2Fx%2Fy%3Fz?filter=a%20eq%20%22b%2Bc%26d%22", address.String())
}

func FuzzFailures(f *testing.F) {
	f.Add(429, "7", "req", `{"code":"X"}`)
	f.Add(200, "-1", "\n", `{"error":"`+personal+`"}`)
	f.Fuzz(func(t *testing.T, status int, wait, id, body string) {
		response := httptest.NewRecorder().Result()
		response.StatusCode = 300 + (status%300+300)%300
		response.Header = http.Header{"Retry-After": {wait}, "X-Request-Id": {id}}
		response.Body = http.NoBody
		caller := &Caller{Provider: "test", Now: time.Now, Rules: Rules{RequestID: []string{"X-Request-Id"}, Failure: func([]byte) (string, bool) { return body, true }}}
		failure := caller.refused(Request{Private: []string{personal}}, http.Header{}, response)
		require.Contains(t, connectors.Kinds(), failure.Kind)
		require.GreaterOrEqual(t, failure.RetryAfter, time.Duration(0))
		require.LessOrEqual(t, failure.RetryAfter, 24*time.Hour)
		require.NotContains(t, failure.Error(), personal)
		require.NotContains(t, fmt.Sprintf("%+v", failure), "\n")
	})
}
