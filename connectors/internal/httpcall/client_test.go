package httpcall

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

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

func TestAddress(t *testing.T) {
	t.Parallel()
	base, err := settings.ParseBase("BASE_URL", "https://example.com/v1")
	require.NoError(t, err)
	address := Address(base, url.Values{"filter": {`a eq "b+c&d"`}}, "users", "../x/y?z")
	require.Equal(t, "https://example.com/v1/users/..%2Fx%2Fy%3Fz?filter=a%20eq%20%22b%2Bc%26d%22", address.String())
}

// TestNextLink: an address that leads elsewhere than the list's own is refused.
func TestNextLink(t *testing.T) {
	t.Parallel()
	const host, path, strange = "127.0.0.1:8080", "/v1/users", "stranger.example.com"
	const own = "http://" + host + path + "?filter=x"
	list, err := url.Parse(own)
	require.NoError(t, err)
	for _, good := range []string{own, own + "&cursor=a", "http://" + host + path, strings.ToUpper("http://"+host) + path} {
		next, err := NextLink(list, good)
		require.NoError(t, err, good)
		require.True(t, strings.EqualFold(good, next.String()))
	}
	for name, href := range map[string]string{
		"another host":                  "http://" + strange + path + "?cursor=x",
		"metadata":                      "http://169.254.169.254/latest/meta-data/",
		"another scheme":                "https://" + host + path,
		"no scheme":                     "//" + strange + path,
		"no host":                       path + "?cursor=x",
		"another path":                  "http://" + host + "/login",
		"dots":                          "http://" + host + path + "/../../../x",
		"dots in %":                     "http://" + host + path + "/%2e%2e/x",
		"a path below":                  "http://" + host + path + "/x",
		"a path in %":                   "http://" + host + strings.Replace(path, "/users", "%2Fusers", 1),
		"two slashes":                   "http://" + host + "/" + path,
		"a user":                        "http://user:password@" + host + path,
		"our host as user":              "http://" + host + "@" + strange + path,
		"our host as user, a backslash": "http://" + strange + `\@` + host + path,
		"our host within another":       "http://" + host + ".example.com" + path,
		"another name of the host":      "http://" + strings.Replace(host, "127.0.0.1", "localhost", 1) + path,
		"the host as a number":          "http://" + strings.Replace(host, "127.0.0.1", "2130706433", 1) + path,
		"the host in IPv6":              "http://" + strings.Replace(host, "127.0.0.1", "[::ffff:127.0.0.1]", 1) + path,
		"no port":                       "http://127.0.0.1" + path,
		"a fragment before":             "http://" + strange + "#@" + host + path,
		"no address":                    "%zz",
		"a file":                        "file:///etc/passwd",
		"a script":                      "javascript:alert(1)",
		"an opaque one":                 "http:" + host + path,
		"a line break":                  own + "\nHost: " + strange,
		"a null byte":                   own + "\x00",
		"empty":                         "",
		"a blank":                       " ",
		"too long":                      own + "&x=" + strings.Repeat("x", 10<<10),
	} {
		_, err := NextLink(list, href)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), strange)
	}
}
