package httpcall

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
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
		caller.Authorize = func(_ context.Context, header http.Header) (func(*connectors.Error) bool, *connectors.Error) {
			header.Set("Authorization", "Bearer "+tokens[0])
			return func(*connectors.Error) bool { tokens = tokens[1:]; return true }, nil
		}
		_, err := caller.Do(t.Context(), request)
		failure := failureOf(t, err)
		require.Equal(t, connectors.Unauthenticated, failure.Kind)
		require.Len(t, tokens, 1, "it was renewed once")
		require.Empty(t, failure.Code)
		require.Empty(t, failure.RequestID)
	}
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
			caller.Authorize = caller.ByKey(secret.NewSource("KEY", key, ""), func(header http.Header, secret string) { header.Set("x-api-key", secret) })
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

// TestASecretInAnyHeader: it is sent, and an answer that repeats it finds nobody who does,
// whatever the provider calls its header.
func TestASecretInAnyHeader(t *testing.T) {
	t.Parallel()
	const key = "s3cret-0123456789"
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Vendor-Token"} {
		caller, request := callerOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", r.Header.Get(name))
			answering(403, "application/json", `{"code":"x-`+r.Header.Get(name)+`"}`)(w, r)
		})
		caller.Authorize = caller.ByKey(secret.NewSource("KEY", key, ""), func(header http.Header, secret string) { header.Set(name, secret) })
		_, err := caller.Do(t.Context(), request)
		failure := failureOf(t, err)
		require.Equal(t, http.StatusForbidden, failure.Status)
		require.Empty(t, failure.Code, name)
		require.Empty(t, failure.RequestID, name)
	}
}
