package httpcall

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
)

const rightSecret = "right-secret-0123456789"

// secretFile is a caller of a server that accepts one secret, which the caller reads from a file.
type secretFile struct {
	*Caller
	request Request
	path    string
	ahead   time.Duration
	// authorize gives the caller a credential that rests on the secret.
	authorize func(caller *Caller)
}

func newSecretFile(t *testing.T, fetchesToken bool) *secretFile {
	t.Helper()
	f := &secretFile{path: filepath.Join(t.TempDir(), "secret")}
	f.Caller, f.request = callerOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, password, basic := r.BasicAuth()
		switch {
		case r.Header.Get("X-Api-Key") == rightSecret || r.Header.Get("Authorization") == "Bearer token":
			answering(200, "application/json", `{}`)(w, r)
		case basic && password == rightSecret:
			answering(200, "application/json", `{"access_token":"token"}`)(w, r)
		default:
			answering(401, "application/json", `{"error":"invalid_client","code":"REFUSED"}`)(w, r)
		}
	})
	f.Now = func() time.Time { return time.Now().Add(f.ahead) }
	f.request.Method, f.request.Effect, f.request.MaxAnswer = http.MethodPost, true, 0
	f.authorize = func(caller *Caller) {
		source := secret.NewSource("SECRET", "", f.path)
		if !fetchesToken {
			caller.Authorize = caller.ByKey(source, func(header http.Header, secret string) { header.Set("X-Api-Key", secret) })
			return
		}
		address := &url.URL{Scheme: f.request.URL.Scheme, Host: f.request.URL.Host, Path: "/token"}
		caller.Authorize = caller.ByToken(ClientCredentials{TokenURL: address, ClientID: "client", Secret: source})
	}
	f.authorize(f.Caller)
	return f
}

func (f *secretFile) write(t *testing.T, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(f.path, []byte(content), 0o600))
}

func (f *secretFile) do(t *testing.T) error {
	t.Helper()
	_, err := f.Do(t.Context(), f.request)
	return err
}

// requireMayPass: the call fails so that it is tried again, and nothing was sent.
func (f *secretFile) requireMayPass(t *testing.T, kind connectors.Kind) {
	t.Helper()
	failure := failureOf(t, f.do(t))
	require.Equal(t, kind, failure.Kind)
	require.True(t, failure.Retryable(), failure)
	require.Contains(t, failure.Message, "SECRET_FILE")
	require.Equal(t, connectors.No, failure.Sent)
}

// TestSecretInAFile: it may be empty, gone, half-written or wrong for a while, and be right again.
// That is final only when the file has held the same wrong secret for half a minute.
func TestSecretInAFile(t *testing.T) {
	t.Parallel()
	for name, fetchesToken := range map[string]bool{"a key": false, "a client secret": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newSecretFile(t, fetchesToken)
			f.requireMayPass(t, connectors.Unavailable)
			for _, each := range []struct {
				content string
				kind    connectors.Kind
			}{{"", connectors.Unavailable}, {" \n", connectors.Unavailable}, {rightSecret[:len(rightSecret)/2], connectors.Unauthenticated}} {
				f.write(t, each.content)
				f.requireMayPass(t, each.kind)
			}
			f.write(t, rightSecret)
			require.NoError(t, f.do(t))
			require.NoError(t, os.Remove(f.path))
			if fetchesToken {
				require.NoError(t, f.do(t), "a token outlives the file that it was fetched with")
				f.authorize(f.Caller)
			}
			f.requireMayPass(t, connectors.Unavailable)

			f.write(t, "wrong-one")
			f.requireMayPass(t, connectors.Unauthenticated)
			f.ahead = 29 * time.Second
			f.requireMayPass(t, connectors.Unauthenticated)
			f.write(t, "wrong-two")
			f.requireMayPass(t, connectors.Unauthenticated)
			f.ahead += 29 * time.Second
			f.requireMayPass(t, connectors.Unauthenticated)
			f.ahead += 2 * time.Second
			failure := failureOf(t, f.do(t))
			require.Equal(t, connectors.Unauthenticated, failure.Kind)
			require.False(t, failure.Retryable(), "it has been the same for half a minute")
			require.Contains(t, failure.Message, "SECRET_FILE names")
			f.write(t, rightSecret)
			require.NoError(t, f.do(t))
		})
	}
}
