package httpcall

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// TestRedirections: none is followed, wherever it leads, and nobody there hears of us.
func TestRedirections(t *testing.T) {
	t.Parallel()
	var strangers, heard, elsewhere atomic.Int64
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	t.Cleanup(stranger.Close)
	var status int
	var location string
	caller, request := callerOf(t, func(w http.ResponseWriter, r *http.Request) {
		heard.Add(1)
		for name, value := range map[string]string{"Location": location, "Refresh": "0; url=" + location, "Content-Location": location} {
			w.Header().Set(name, value)
		}
		answering(status, "application/json", "")(w, r)
	})
	transport, ok := caller.Transport.(*http.Transport)
	require.True(t, ok)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != request.URL.Host {
			elsewhere.Add(1)
		}
		return dial(ctx, network, address)
	}
	request.Method, request.Effect = http.MethodPost, true
	for _, location = range []string{
		"http://169.254.169.254/latest/meta-data/iam/security-credentials/", "http://[fd00:ec2::254]/", "http://metadata.google.internal/",
		stranger.URL + "/", "//" + strings.TrimPrefix(stranger.URL, "http://") + "/x", strings.Replace(stranger.URL, "127.0.0.1", "localhost", 1),
		"http://" + request.URL.Host + "/login", "/login", "", "%zz", "file:///etc/passwd", "javascript:alert(1)",
	} {
		for _, status = range []int{301, 302, 303, 307, 308, 300, 304, 305, 201, 200} {
			before := heard.Load()
			_, err := caller.Do(t.Context(), request)
			failure := failureOf(t, err)
			if status < 300 {
				require.Equal(t, connectors.Unavailable, failure.Kind, "an empty answer")
				require.Equal(t, connectors.Unknown, failure.Sent)
			} else {
				require.Equal(t, connectors.Unauthenticated, failure.Kind)
				require.Equal(t, connectors.No, failure.Sent)
			}
			require.Equal(t, before+1, heard.Load(), "a redirection is not tried again")
		}
	}
	require.Zero(t, strangers.Load())
	require.Zero(t, elsewhere.Load(), "another host is dialled")
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

// TestShapesOfFailures: a body has the provider's shape, or tells nothing.
func TestShapesOfFailures(t *testing.T) {
	t.Parallel()
	plain, both := Rules{Codes: []string{"code"}, Message: "message"}, Rules{Codes: []string{"code", "error"}, Number: "code", Message: "message"}
	for body, want := range map[string]struct {
		plain, both string
		own, ownOf2 bool
	}{
		`{"code":"X","message":"m"}`:              {plain: "X", both: "X", own: true, ownOf2: true},
		`{"code":404,"message":"m"}`:              {both: "404", ownOf2: true},
		`{"code":null,"error":"E","message":"m"}`: {both: "E", ownOf2: true},
		`{"code":"X"}`:                            {plain: "X", both: "X"},
		`{"code":"X","message":""}`:               {plain: "X", both: "X"},
		`{"code":"X","message":1}`:                {plain: "X", both: "X"},
		`{"code":{},"message":"m"}`:               {},
		`{"message":"m"}`:                         {},
		`null`:                                    {},
		`no JSON`:                                 {},
	} {
		code, own := plain.read([]byte(body))
		require.Equal(t, want.plain, code, body)
		require.Equal(t, want.own, own, body)
		code, own = both.read([]byte(body))
		require.Equal(t, want.both, code, body)
		require.Equal(t, want.ownOf2, own, body)
	}
	_, own := Rules{}.read([]byte("no JSON"))
	require.True(t, own, "a provider without a shape")
}

func FuzzFailures(f *testing.F) {
	f.Add(429, "7", "req", `{"code":"X"}`)
	f.Add(200, "-1", "\n", `{"error":"`+personal+`","message":"x"}`)
	f.Add(404, "", "", `{"code":404,"message":"x"}`)
	f.Add(404, "", "", `{"code":null,"error":"Unauthorized"}`)
	f.Fuzz(func(t *testing.T, status int, wait, id, body string) {
		response := httptest.NewRecorder().Result()
		response.StatusCode = 300 + (status%300+300)%300
		response.Header = http.Header{"Retry-After": {wait}, "X-Request-Id": {id}}
		response.Body = io.NopCloser(strings.NewReader(body))
		caller := &Caller{Provider: "test", Now: time.Now, Rules: Rules{RequestID: []string{"X-Request-Id"}, Codes: []string{"code", "error"}, Number: "code", Message: "message"}}
		failure := caller.refused(Request{Private: []string{personal}}, response)
		require.Contains(t, connectors.Kinds(), failure.Kind)
		require.GreaterOrEqual(t, failure.RetryAfter, time.Duration(0))
		require.LessOrEqual(t, failure.RetryAfter, 24*time.Hour)
		require.NotContains(t, failure.Error(), personal)
		require.NotContains(t, fmt.Sprintf("%+v", failure), "\n")
	})
}

// TestForeignAnswers: whatever its status, a web page is not the provider's answer, and
// what says that somebody is not there or not allowed is only in the provider's own
// shape. It may pass, and nothing is known of what was sent.
func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	const page, own = "<html>blocked</html>", `{"code":"X"}`
	for name, test := range map[string]struct {
		contentType, body string
		foreign           func(status int) bool
	}{
		"a web page":      {"text/html; charset=utf-8", page, func(status int) bool { return status/100 != 3 }},
		"only its type":   {"text/html", own, func(status int) bool { return status/100 != 3 }},
		"only its body":   {"application/json", page, func(status int) bool { return status/100 != 3 }},
		"without a shape": {"application/json", `{"message":"Forbidden"}`, func(status int) bool { return slices.Contains([]int{403, 404, 410, 451}, status) }},
		"no body":         {"application/json", "", func(status int) bool { return slices.Contains([]int{403, 404, 410, 451}, status) }},
		"plain text":      {"text/plain", "Forbidden", func(status int) bool { return slices.Contains([]int{403, 404, 410, 451}, status) }},
		"its own":         {"application/json", own, func(int) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := 0
			caller, request := callerOf(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "7")
				answering(status, test.contentType, test.body)(w, r)
			})
			request.Method, request.Effect, request.MaxAnswer = http.MethodPost, true, 0
			for status = 200; status <= 599; status++ {
				if test.contentType == "application/json" && test.body != "" && (status == http.StatusNoContent || status == http.StatusNotModified) {
					continue // no body arrives
				}
				_, err := caller.Do(t.Context(), request)
				if !test.foreign(status) {
					require.Equal(t, status/100 != 2, err != nil, status)
					if err != nil {
						require.Equal(t, KindOf(status), failureOf(t, err).Kind, status)
					}
					continue
				}
				failure := failureOf(t, err)
				require.Equal(t, connectors.Unknown, failure.Sent, status)
				require.Contains(t, failure.Message, "something in between", status)
				require.Equal(t, 7*time.Second, failure.RetryAfter, status)
				want := connectors.Unavailable
				if status == http.StatusTooManyRequests {
					want = connectors.RateLimited
				}
				require.Equal(t, want, failure.Kind, status)
			}
		})
	}
}
