package httpcall

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// trouble is what kept a call from its answer. It says host and class, and nothing of
// what the transport says: that can hold paths, names and tokens.
type trouble struct {
	kind    connectors.Kind
	message string
}

// troubleOf classifies a transport's error about a call to the host.
func troubleOf(err error, host string) trouble {
	if message := distrust(err); message != "" {
		return trouble{connectors.Untrusted, fmt.Sprintf(message, host)}
	}
	if refusal, refused := errors.AsType[*proxyRefusal](err); refused {
		kind := connectors.Unavailable
		if refusal.status == http.StatusProxyAuthRequired {
			kind = connectors.Unauthenticated
		}
		return trouble{kind, fmt.Sprintf("the proxy %s refused the way to %s with status %d; check HTTPS_PROXY and NO_PROXY", refusal.host, host, refusal.status)}
	}
	if viaProxy(err) {
		return trouble{connectors.Unavailable, fmt.Sprintf("the proxy on the way to %s: %s; check HTTPS_PROXY and NO_PROXY", host, classOf(err))}
	}
	return trouble{connectors.Unavailable, fmt.Sprintf("%s: %s; try again", host, classOf(err))}
}

// distrust is the sentence about a server that is not to be trusted, with a place for the
// host; empty when the error is another. No try of the same call ends differently.
func distrust(err error) string {
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case is[x509.UnknownAuthorityError](err):
		return "%s: its certificate is of an authority that is not known here; check the address and any proxy, or name the authority in SSL_CERT_FILE"
	case is[x509.HostnameError](err):
		return "%s: its certificate is another host's; check the address and any proxy"
	case isInvalid && invalid.Reason == x509.Expired:
		return "%s: its certificate has expired or is not valid yet; check the clock here, or let whoever runs the server renew it"
	case isInvalid || is[*tls.CertificateVerificationError](err):
		return "%s: its certificate is not valid; check the address and any proxy"
	case isTooOld(err):
		return "%s: it speaks no TLS from version 1.2 on; check the address and any proxy"
	default:
		return ""
	}
}

// isTooOld reports whether no version of TLS was found that both sides speak. Package tls
// has no type for it, on either side.
func isTooOld(err error) bool {
	text := err.Error()
	return strings.Contains(text, "tls: server selected unsupported protocol version") || strings.Contains(text, "tls: protocol version not supported")
}

// troubles are the kinds of trouble that a connection can have; the first that fits is reported.
var troubles = []struct {
	fits  func(error) bool
	class string
}{
	{func(err error) bool {
		lookup, failed := errors.AsType[*net.DNSError](err)
		return failed && lookup.IsNotFound
	}, "the name was not found"},
	{is[*net.DNSError], "the name could not be looked up"},
	{isAny(syscall.ECONNREFUSED), "the connection was refused"},
	{isAny(syscall.EHOSTUNREACH, syscall.ENETUNREACH), "there is no way to the host"},
	{isTimeout, "the time for an answer ran out"},
	{is[tls.RecordHeaderError], "it does not speak TLS"},
	{isAny(http.ErrSchemeMismatch), "it does not speak TLS"},
	{func(err error) bool {
		remote, failed := errors.AsType[*net.OpError](err)
		return failed && remote.Op == "remote error"
	}, "it broke off the TLS handshake"},
	{isAny(syscall.ECONNRESET, syscall.EPIPE), "the connection was reset"},
	{isAny(io.EOF, io.ErrUnexpectedEOF), "the connection was closed before the answer"},
}

// classOf says what kind of trouble a connection had.
func classOf(err error) string {
	for _, each := range troubles {
		if each.fits(err) {
			return each.class
		}
	}
	return "the connection failed"
}

func is[T error](err error) bool {
	_, found := errors.AsType[T](err)
	return found
}

func isAny(targets ...error) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout()
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
	trouble := troubleOf(err, request.URL.Host)
	failure := c.fail(request, trouble.kind, trouble.message)
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
