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
	"net/url"
	"strings"
	"syscall"

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
	var refusal *proxyRefusal
	if errors.As(err, &refusal) {
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
	var (
		unknown  *x509.UnknownAuthorityError
		byValue  x509.UnknownAuthorityError
		name     x509.HostnameError
		invalid  x509.CertificateInvalidError
		unproven *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &unknown) || errors.As(err, &byValue):
		return "%s: its certificate is of an authority that is not known here; check the address and any proxy, or name the authority in SSL_CERT_FILE"
	case errors.As(err, &name):
		return "%s: its certificate is another host's; check the address and any proxy"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "%s: its certificate has expired or is not valid yet; check the clock here, or let whoever runs the server renew it"
	case errors.As(err, &invalid) || errors.As(err, &unproven):
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

// classOf says what kind of trouble a connection had.
func classOf(err error) string {
	var (
		lookup *net.DNSError
		record tls.RecordHeaderError
		remote *net.OpError
	)
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "the name was not found"
	case errors.As(err, &lookup):
		return "the name could not be looked up"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to the host"
	case isTimeout(err):
		return "the time for an answer ran out"
	case errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return "it broke off the TLS handshake"
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		return "the connection was reset"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer"
	default:
		return "the connection failed"
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
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
