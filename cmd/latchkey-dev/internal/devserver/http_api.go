package devserver

import (
	"crypto/rand"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httputil"

	"github.com/latchkey-iam/latchkey/internal/httpserver"
)

// httpAPI stands in front of Temporal's HTTP API, which by itself does whatever any web page
// asks of it: it takes requests of programs to this machine, and only JSON.
type httpAPI struct {
	// host is the only one of which Temporal's own listener answers requests; nobody else
	// knows it.
	host      string
	handler   http.Handler
	transport *http.Transport
	web       *webServer
}

func newHTTPAPI(p ports, options Options) *httpAPI {
	h := &httpAPI{host: rand.Text(), transport: &http.Transport{DisableCompression: true}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", p.behindHTTP.dialAddress()
			r.Out.Host = h.host
		},
		Transport: h.transport,
		ErrorLog:  stdlog.New(io.Discard, "", 0),
	}
	h.handler = httpserver.Local(httpserver.JSONOnly(proxy), options.AllowedHosts...)
	return h
}

// serve serves on the listener, which it owns from then on.
func (h *httpAPI) serve(listener net.Listener) { h.web = serveWeb(listener, h.handler) }

func (h *httpAPI) stop() error {
	if h.web == nil {
		return nil
	}
	err := h.web.stop("the HTTP API")
	h.transport.CloseIdleConnections()
	return err
}
