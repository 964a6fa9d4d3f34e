package conformance

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// stranger is another host, which must never hear of us.
type stranger struct {
	*httptest.Server
	heard atomic.Int64
}

func newStranger(t testing.TB) *stranger {
	s := &stranger{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.heard.Add(1)
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(s.Close)
	return s
}

// requireAlone: nobody but the peer was called.
func (b *bench) requireAlone(s *stranger) {
	b.t.Helper()
	require.Zero(b.t, s.heard.Load(), "another host was called")
	require.Empty(b.t, b.tap.strayed(), "another host was called")
}

// isList says that the step reads a list of locked users.
func isList(step Step) bool { return step.Action == List && !step.Token }

// nextLinks: a link to a next page that leads elsewhere is refused, and nobody there
// hears of us or of our credential.
func nextLinks(t *testing.T, fresh maker) {
	eachStep(t, fresh, isList, func(t *testing.T, b *bench, step Step) {
		linker, ok := b.HTTPHarness.(Linker)
		if !ok {
			return // the provider's lists have no links
		}
		stranger := newStranger(t)
		_, page := b.truth(step)
		own := b.tap.lastURL()
		for name, next := range hostileLinks(own.Path, own.String(), b.Host(), strings.TrimPrefix(stranger.URL, "http://")) {
			got := b.under(step, answering(string(linker.LinkTo(page, next))))
			require.Equal(t, connectors.MalformedResponse, connectors.KindOf(got.err), name)
		}
		b.requireAlone(stranger)
		require.Zero(t, b.Peer().Calls.Count("other"))
		require.Empty(t, b.strayedPaths(own.Path, step.Operation))
	})
}

// strayedPaths lists the paths that were called for the operation beside its own.
func (b *bench) strayedPaths(own, operation string) []string {
	var strayed []string
	for _, call := range b.Peer().Calls.List(operation, 0, 0) {
		if path, _, _ := strings.Cut(call.Path, "?"); path != own {
			strayed = append(strayed, path)
		}
	}
	return strayed
}

func hostileLinks(path, own, host, strange string) map[string]any {
	return map[string]any{
		"another host":                 "http://" + strange + path + "?cursor=x",
		"metadata":                     "http://169.254.169.254/latest/meta-data/",
		"another scheme":               "https://" + host + path,
		"no scheme":                    "//" + strange + path,
		"no host":                      path + "?cursor=x",
		"another path":                 "http://" + host + "/login",
		"dots":                         "http://" + host + path + "/../../../x",
		"dots in %":                    "http://" + host + path + "/%2e%2e/x",
		"a path below":                 "http://" + host + path + "/x",
		"a path in %":                  "http://" + host + strings.Replace(path, "/users", "%2Fusers", 1),
		"two slashes":                  "http://" + host + "/" + path,
		"a user":                       "http://user:password@" + host + path,
		"our host as user":             "http://" + host + "@" + strange + path,
		"our host as user, a backlash": "http://" + strange + `\@` + host + path,
		"our host within another":      "http://" + host + ".example.com" + path,
		"another name of the host":     "http://" + strings.Replace(host, "127.0.0.1", "localhost", 1) + path,
		"the host as a number":         "http://" + strings.Replace(host, "127.0.0.1", "2130706433", 1) + path,
		"the host in IPv6":             "http://" + strings.Replace(host, "127.0.0.1", "[::ffff:127.0.0.1]", 1) + path,
		"no port":                      "http://127.0.0.1" + path,
		"a fragment before":            "http://" + strange + "#@" + host + path,
		"no address":                   "%zz",
		"a file":                       "file:///etc/passwd",
		"a script":                     "javascript:alert(1)",
		"an opaque one":                "http:" + host + path,
		"a line break":                 own + "\nHost: " + strange,
		"a null byte":                  own + "\x00",
		"empty":                        "",
		"a blank":                      " ",
		"too long":                     own + "&x=" + strings.Repeat("x", 10<<10),
		"itself, in a circle":          own,
		"null":                         nil,
		"a number":                     1,
		"a list":                       []string{own},
		"an object":                    map[string]string{"href": own},
	}
}
