// Package httpserver makes the HTTP servers of Latchkey's programs.
package httpserver

import (
	"net/http"
	"time"
)

// A connection is given up when its request's header takes too long, and when nothing is
// asked over it: otherwise whoever opens connections and leaves them takes all that there are.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 30 * time.Second
	maxHeaderBytes = 64 << 10
)

// New returns a server that holds no connection for nothing. How long an answer may take is
// the caller's to bound: some are long polls.
func New(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
}
