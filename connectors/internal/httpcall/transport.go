package httpcall

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/trouble"
)

// troubleOf classifies a transport's error about a call to the host. The message says host and
// class, and nothing of what the transport says.
func troubleOf(err error, host string) (connectors.Kind, string) {
	if distrust := trouble.DistrustOf(err); distrust != "" {
		return connectors.Untrusted, fmt.Sprintf("%s: %s; %s", host, distrust, distrusts[distrust])
	}
	if refusal, refused := errors.AsType[*proxyRefusal](err); refused {
		kind := connectors.Unavailable
		if refusal.status == http.StatusProxyAuthRequired {
			kind = connectors.Unauthenticated
		}
		return kind, fmt.Sprintf("the proxy %s refused the way to %s with status %d; check HTTPS_PROXY and NO_PROXY", refusal.host, host, refusal.status)
	}
	if viaProxy(err) {
		return connectors.Unavailable, fmt.Sprintf("the proxy on the way to %s: %s; check HTTPS_PROXY and NO_PROXY", host, trouble.ClassOf(err))
	}
	return connectors.Unavailable, fmt.Sprintf("%s: %s; try again", host, trouble.ClassOf(err))
}

// distrusts say what to do about a server that is not to be trusted.
var distrusts = map[trouble.Distrust]string{
	trouble.UnknownAuthority: "check the address and any proxy, or name the authority in SSL_CERT_FILE",
	trouble.OtherHost:        "check the address and any proxy",
	trouble.OutOfDate:        "check the clock here, or let whoever runs the server renew it",
	trouble.Invalid:          "check the address and any proxy",
	trouble.TooOld:           "check the address and any proxy",
}

// viaProxy reports whether the connection to a proxy failed.
func viaProxy(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if operation, ok := err.(*net.OpError); ok && (operation.Op == "proxyconnect" || strings.HasPrefix(operation.Op, "socks ")) { //nolint:errorlint // each layer is looked at
			return true
		}
	}
	return false
}

// proxyRefusal is a proxy's answer to CONNECT other than 200. Without a type of ours the
// transport's error would be the proxy's own words.
type proxyRefusal struct {
	host   string
	status int
}

// Error implements error.
func (p *proxyRefusal) Error() string { return fmt.Sprintf("the proxy answered %d", p.status) }

// refusedByProxy is for http.Transport.OnProxyConnectResponse.
func refusedByProxy(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyRefusal{host: proxy.Host, status: answer.StatusCode}
}

// progress watches how far a request has come.
type progress struct{ wanted, connected atomic.Bool }

func (p *progress) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.wanted.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
	})
}

// neverConnected reports that the transport looked for a connection and got none, its
// TLS handshake included: nothing of the request can have been written. A transport
// that does not report its progress proves nothing.
func (p *progress) neverConnected() bool { return p.wanted.Load() && !p.connected.Load() }

// unanswered turns a transport's error into ours.
func (c *Caller) unanswered(ctx context.Context, request Request, err error, progress *progress) *connectors.Error {
	kind, message := troubleOf(err, request.URL.Host)
	failure := c.fail(request, kind, message)
	if errors.Is(err, errThrottled) {
		failure = c.fail(request, connectors.RateLimited, "the connection's RATE_LIMIT leaves no room for the call in time; try again")
	}
	if progress.neverConnected() || errors.Is(err, errThrottled) {
		_ = notSent(failure, request)
	}
	if ctx.Err() != nil {
		interrupt(failure, ctx.Err())
	}
	return failure
}

// interrupt marks a failure that the caller's own context caused.
func interrupt(failure *connectors.Error, cause error) {
	failure.Kind, failure.Cause = connectors.Unavailable, context.DeadlineExceeded
	failure.Message = "the time allowed ran out before the provider answered; try again"
	if errors.Is(cause, context.Canceled) {
		failure.Cause = context.Canceled
		failure.Message = "the call was cancelled before the provider answered"
	}
}

// NewTransport returns what carries the calls of one connection.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: refusedByProxy,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  Timeout,
		ExpectContinueTimeout:  time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    16,
		MaxConnsPerHost:        64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// errThrottled says that a request could not be sent in time.
var errThrottled = errors.New("no request is allowed within the time given")
