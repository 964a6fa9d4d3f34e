package devserver

import (
	"io"
	stdlog "log"
	"net/http"
	"net/http/httputil"

	"github.com/latchkey-iam/latchkey/internal/httpserver"
)

// serveHTTPAPI stands in front of Temporal's HTTP API, which by itself does whatever any web
// page asks of it: it takes requests of programs to this machine, and only JSON.
func (s *Server) serveHTTPAPI(options Options) {
	transport := &http.Transport{DisableCompression: true}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", reachable(s.ports.behindHTTP)
			r.Out.Host = s.httpHost
		},
		Transport: transport,
		ErrorLog:  stdlog.New(io.Discard, "", 0),
	}
	s.onStop(func() error { transport.CloseIdleConnections(); return nil })
	s.serveWeb("the HTTP API", s.httpListener, httpserver.Local(httpserver.JSONOnly(proxy), options.AllowedHosts...))
}
