package worker

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	worker := func(status int, said string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" {
				http.NotFound(w, r)
				return
			}
			http.Error(w, said, status)
		}))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()

	require.NoError(t, check(t.Context(), worker(http.StatusOK, "ok")))
	require.NoError(t, check(t.Context(), healthOff))
	require.NoError(t, check(t.Context(), strings.Replace(worker(http.StatusOK, "ok"), "127.0.0.1", "0.0.0.0", 1)))
	require.ErrorContains(t, check(t.Context(), worker(http.StatusServiceUnavailable, "not serving: draining")), "not serving: draining")
	require.ErrorContains(t, check(t.Context(), strings.TrimPrefix(gone.URL, "http://")), "ask the worker")
	require.ErrorContains(t, check(t.Context(), "not an address"), healthVariable)
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:8085": "127.0.0.1:8085",
		"0.0.0.0:8085":   "127.0.0.1:8085",
		":8085":          "127.0.0.1:8085",
		"[::]:8085":      "[::1]:8085",
		"10.1.2.3:8085":  "10.1.2.3:8085",
		"localhost:8085": "localhost:8085",
		"8085":           "8085",
	} {
		require.Equal(t, want, reachable(address), address)
	}
}
