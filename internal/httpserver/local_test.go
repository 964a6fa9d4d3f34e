package httpserver

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// request is one to a server that listens at an address of this machine.
func request(method, host, listening, body string) *http.Request {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.Host = host
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP(listening)}))
}

// status is what a handler that answers everything answers behind the guard.
func status(guard func(http.Handler) http.Handler, r *http.Request) int {
	recorder := httptest.NewRecorder()
	guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })).ServeHTTP(recorder, r)
	return recorder.Code
}

func local(handler http.Handler) http.Handler { return Local(handler, "dev.internal", "Other") }

func TestHosts(t *testing.T) {
	t.Parallel()
	for host, test := range map[string]struct{ loopback, beyond bool }{
		"127.0.0.1":           {true, true},
		"127.0.0.1:7243":      {true, true},
		"127.8.9.10:1":        {true, true},
		"localhost":           {true, true},
		"LOCALHOST:7243":      {true, true},
		"localhost.:7243":     {true, true},
		"[::1]:7243":          {true, true},
		"[::ffff:127.0.0.1]":  {true, true},
		"dev.internal":        {true, true},
		"Dev.Internal:7243":   {true, true},
		"other:7243":          {true, true},
		"192.0.2.1:7243":      {false, true},
		"[2001:db8::1]:7243":  {false, true},
		"example.com":         {},
		"localhost.evil.com":  {},
		"127.0.0.1.nip.io":    {},
		"evil@127.0.0.1":      {},
		"x.dev.internal":      {},
		"":                    {},
		"0x7f000001":          {},
		"evil.com:127.0.0.1":  {},
		"127.0.0.1, evil.com": {},
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			for listening, want := range map[string]bool{"127.0.0.1": test.loopback, "::1": test.loopback, "172.17.0.2": test.beyond} {
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					got := status(local, request(method, host, listening, ""))
					require.Equal(t, want, got == http.StatusTeapot, "%s at %s: %d", method, listening, got)
				}
			}
		})
	}
}

func TestPagesOfOtherSites(t *testing.T) {
	t.Parallel()
	const host = "127.0.0.1:7243"
	for name, test := range map[string]struct {
		headers map[string]string
		want    int
	}{
		"a program":              {nil, http.StatusTeapot},
		"our own page":           {map[string]string{"Origin": "http://" + host, "Sec-Fetch-Site": "same-origin"}, http.StatusTeapot},
		"our own page, long ago": {map[string]string{"Origin": "http://" + host}, http.StatusTeapot},
		"another site":           {map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		"another port":           {map[string]string{"Origin": "http://127.0.0.1:8233", "Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		"only the origin":        {map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		"no origin to tell":      {map[string]string{"Origin": "null"}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
				r := request(method, host, "127.0.0.1", "{}")
				for header, value := range test.headers {
					r.Header.Set(header, value)
				}
				require.Equal(t, test.want, status(local, r), method)
			}
		})
	}
}

func TestJSONOnly(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, body string
		types        []string
		want         int
	}{
		"JSON":                 {http.MethodPost, "{}", []string{"application/json"}, http.StatusTeapot},
		"JSON and its charset": {http.MethodPut, "{}", []string{"Application/JSON; charset=utf-8"}, http.StatusTeapot},
		"no body":              {http.MethodPost, "", nil, http.StatusTeapot},
		"reading":              {http.MethodGet, "", []string{"text/plain"}, http.StatusTeapot},
		"text":                 {http.MethodPost, "{}", []string{"text/plain"}, http.StatusUnsupportedMediaType},
		"a form":               {http.MethodPost, "{}", []string{"application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
		"an empty form":        {http.MethodPost, "", []string{"application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
		"nothing said":         {http.MethodPost, "{}", nil, http.StatusUnsupportedMediaType},
		"both said":            {http.MethodDelete, "{}", []string{"application/json", "text/plain"}, http.StatusUnsupportedMediaType},
		"only like JSON":       {http.MethodPost, "{}", []string{"text/plain; application/json"}, http.StatusUnsupportedMediaType},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request(test.method, "localhost", "127.0.0.1", test.body)
			r.Header["Content-Type"] = test.types
			require.Equal(t, test.want, status(JSONOnly, r))
		})
	}
}
