package httpcall

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

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
