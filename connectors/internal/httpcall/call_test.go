package httpcall

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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
		Codes:     []string{"code"},
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

// TestEndWithinTheBody: the end of the caller's context is reported while an answer is read,
// except where any 2xx is a success: its header has said so.
func TestEndWithinTheBody(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		for _, most := range []int64{1 << 10, 0} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				caller := &Caller{Provider: "test", Now: time.Now, Transport: roundTripper(func(request *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(readerFunc(func([]byte) (int, error) {
						if errors.Is(cause, context.Canceled) {
							cancel()
						}
						<-request.Context().Done()
						return 0, request.Context().Err()
					}))}, nil
				})}
				_, err := caller.Do(ctx, Request{Operation: "unlock", Method: http.MethodPost, URL: &url.URL{Scheme: "https", Host: "h"}, Effect: true, MaxAnswer: most})
				if most == 0 {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, cause)
				require.Equal(t, connectors.Unavailable, failureOf(t, err).Kind)
				require.Equal(t, connectors.Unknown, failureOf(t, err).Sent)
			})
		}
	}
}

type readerFunc func(into []byte) (int, error)

func (r readerFunc) Read(into []byte) (int, error) { return r(into) }

// TestDeadline: the caller's deadline ends a call that is not answered, or not to its end.
func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"a":`))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, request := callerOf(t, handler)
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := caller.Do(ctx, request)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, connectors.Unavailable, failureOf(t, err).Kind)
			require.Less(t, time.Since(began), Timeout/2)
		})
	}
}
