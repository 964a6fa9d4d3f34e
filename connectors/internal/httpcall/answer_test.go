package httpcall

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// TestRefusedCredentialStaysPrivate: what the first try was refused for may be sent back
// in the answer to the second, which carries another credential.
func TestRefusedCredentialStaysPrivate(t *testing.T) {
	t.Parallel()
	const first, second = "first-0123456789", "second-0123456789"
	for _, echoed := range []string{first, second} {
		caller, request := callerOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", echoed)
			answering(401, "application/json", `{"code":"`+echoed+`"}`)(w, r)
		})
		tokens := []string{first, second}
		caller.Authorize = func(_ context.Context, header http.Header) (func(), error) {
			header.Set("Authorization", "Bearer "+tokens[0])
			return func() { tokens = tokens[1:] }, nil
		}
		_, err := caller.Do(t.Context(), request)
		failure := failureOf(t, err)
		require.Equal(t, connectors.Unauthenticated, failure.Kind)
		require.Len(t, tokens, 1, "it was renewed once")
		require.Empty(t, failure.Code)
		require.Empty(t, failure.RequestID)
	}
}

func FuzzReadToken(f *testing.F) {
	f.Add([]byte(`{"access_token":"x","token_type":"Bearer","expires_in":3600}`))
	f.Add([]byte(`{"access_token":"x","expires_in":"-1"}`))
	f.Add([]byte(`{"access_token":"x\ny"}`))
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tokens := NewTokens(Caller{Now: func() time.Time { return now }}, ClientCredentials{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = readTokenFailure(raw)
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

// FuzzAnswers: whatever comes, it is one JSON value in UTF-8 within its bound, or an
// error of the contract.
func FuzzAnswers(f *testing.F) {
	f.Add(200, "application/json", []byte(`{}`))
	f.Add(200, "application/json; charset=\"", []byte(`{}{}`))
	f.Add(404, "", []byte("\xff"))
	f.Add(101, "a/b", []byte(`null`))
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		answer := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(bytes.NewReader(body))}
		caller := &Caller{Provider: "test", Now: time.Now, Transport: roundTripper(func(*http.Request) (*http.Response, error) { return answer, nil })}
		got, err := caller.Do(t.Context(), Request{Operation: "look up", Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: "h"}, MaxAnswer: 1 << 10})
		if err != nil {
			require.Contains(t, connectors.Kinds(), connectors.KindOf(err))
			return
		}
		require.Equal(t, 2, status/100)
		require.True(t, json.Valid(got.Body))
		require.LessOrEqual(t, len(got.Body), 1<<10)
	})
}
