package httpcall

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
)

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
		caller.Key = &Key{Source: secret.NewSource("KEY", key, ""), Set: func(header http.Header, secret string) { header.Set(name, secret) }}
		_, err := caller.Do(t.Context(), request)
		failure := failureOf(t, err)
		require.Equal(t, http.StatusForbidden, failure.Status)
		require.Empty(t, failure.Code, name)
		require.Empty(t, failure.RequestID, name)
	}
}
