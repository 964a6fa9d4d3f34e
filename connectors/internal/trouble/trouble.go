// Package trouble says what kept a connection from working, by class alone: what a transport
// says itself can hold paths, names and tokens.
package trouble

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
)

// Distrust is why a server is not to be trusted. No try of the same call ends differently.
type Distrust string

// The reasons; empty is none.
const (
	UnknownAuthority Distrust = "its certificate is of an authority that is not known here"
	OtherHost        Distrust = "its certificate is another host's"
	OutOfDate        Distrust = "its certificate has expired or is not valid yet"
	Invalid          Distrust = "its certificate is not valid"
	TooOld           Distrust = "it speaks no TLS from version 1.2 on"
)

// DistrustOf returns why the server of a failed connection is not to be trusted, empty where
// it failed for another reason.
func DistrustOf(err error) Distrust {
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case is[x509.UnknownAuthorityError](err):
		return UnknownAuthority
	case is[x509.HostnameError](err):
		return OtherHost
	case isInvalid && invalid.Reason == x509.Expired:
		return OutOfDate
	case isInvalid || is[*tls.CertificateVerificationError](err):
		return Invalid
	case isTooOld(err):
		return TooOld
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

// classes are the kinds of trouble that a connection can have; the first that fits is reported.
var classes = []struct {
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
	{IsTimeout, "the time for an answer ran out"},
	{is[tls.RecordHeaderError], "it does not speak TLS"},
	{isAny(http.ErrSchemeMismatch), "it does not speak TLS"},
	{func(err error) bool {
		remote, failed := errors.AsType[*net.OpError](err)
		return failed && remote.Op == "remote error"
	}, "it broke off the TLS handshake"},
	{isAny(syscall.ECONNRESET, syscall.EPIPE), "the connection was reset"},
	{isAny(io.EOF, io.ErrUnexpectedEOF), "the connection was closed before the answer"},
}

// ClassOf says what kind of trouble a connection had.
func ClassOf(err error) string {
	for _, each := range classes {
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

// IsTimeout reports whether an error says that the time ran out.
func IsTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout()
}
