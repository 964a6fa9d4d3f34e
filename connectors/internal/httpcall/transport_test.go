package httpcall

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/connectors"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(encoded)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &authority{certificate: certificate, key: key, pool: pool}
}

// serve serves TLS with a certificate of the authority, changed, under the configuration.
func (a *authority) serve(t *testing.T, change func(*x509.Certificate), config *tls.Config) string {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	change(template)
	encoded, err := x509.CreateCertificate(rand.Reader, template, a.certificate, a.key.Public(), a.key)
	require.NoError(t, err)
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{encoded}, PrivateKey: a.key}}
	server := httptest.NewUnstartedServer(answering(200, "application/json", "{}"))
	server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	server.TLS = config
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// listen accepts connections and does to each as it is told.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			serve(connection)
			_ = connection.Close()
		}
	}()
	return listener.Addr().String()
}

// heard waits for the first bytes of a request.
func heard(connection net.Conn) { _, _ = connection.Read(make([]byte, 1)) }

// resets closes a connection so that the other side learns that it was reset.
func resets(connection net.Conn) {
	heard(connection)
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// olderThanTLS12 answers each greeting as a server that knows no more than TLS 1.0 and
// none of the extensions since: it chooses TLS 1.0.
func olderThanTLS12(connection net.Conn) {
	_, _ = connection.Read(make([]byte, 16<<10))
	hello := append([]byte{3, 1}, make([]byte, 32)...) // version and random
	hello = append(hello, 0, 0, 0x2f, 0)               // no session, a cipher suite, no compression
	hello = append([]byte{2, 0, 0, byte(len(hello))}, hello...)
	_, _ = connection.Write(append([]byte{22, 3, 1, 0, byte(len(hello))}, hello...))
	_, _ = io.Copy(io.Discard, connection)
}

func bufferOf(connection net.Conn) *bufio.Reader { return bufio.NewReader(connection) }

func hostOf(address string) string {
	_, host, _ := strings.Cut(address, "://")
	return host
}

// proxyOf makes the caller go through a proxy.
func proxyOf(t *testing.T, address string) func(*http.Transport) {
	t.Helper()
	proxy, err := url.Parse(address)
	require.NoError(t, err)
	return func(transport *http.Transport) { transport.Proxy = http.ProxyURL(proxy) }
}

// TestTransportFailures: what kept a call from its answer is told apart, with the host
// and nothing else of the address, and only what another try may change is tried again.
func TestTransportFailures(t *testing.T) {
	t.Parallel()
	trusted := newAuthority(t)
	asIs := func(*x509.Certificate) {}
	closed := httptest.NewServer(nil)
	closed.Close()
	refusing := func(status int) string {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, personal, status)
		}))
		t.Cleanup(proxy.Close)
		return proxy.URL
	}
	forbidding, asking := refusing(http.StatusForbidden), refusing(http.StatusProxyAuthRequired)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	fails := func(err error) func(*http.Transport) {
		return func(transport *http.Transport) {
			transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, err }
		}
	}
	cases := map[string]struct {
		address string
		change  func(*http.Transport)
		kind    connectors.Kind
		says    string
		sent    connectors.Answer
	}{
		"an unknown authority": {newAuthority(t).serve(t, asIs, &tls.Config{}), nil, connectors.Untrusted, "of an authority that is not known here", connectors.No},
		"expired": {trusted.serve(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, &tls.Config{}), nil,
			connectors.Untrusted, "has expired or is not valid yet", connectors.No},
		"not valid yet": {trusted.serve(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, &tls.Config{}), nil,
			connectors.Untrusted, "has expired or is not valid yet", connectors.No},
		"another's name": {trusted.serve(t, func(c *x509.Certificate) { c.IPAddresses = nil; c.DNSNames = []string{"other.example.com"} }, &tls.Config{}), nil,
			connectors.Untrusted, "is another host's", connectors.No},
		"for another purpose": {trusted.serve(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }, &tls.Config{}), nil,
			connectors.Untrusted, "is not valid", connectors.No},
		"TLS 1.0": {trusted.serve(t, asIs, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}), nil,
			connectors.Untrusted, "no TLS from version 1.2 on", connectors.No},
		"TLS 1.1": {trusted.serve(t, asIs, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}), nil,
			connectors.Untrusted, "no TLS from version 1.2 on", connectors.No},
		"TLS 1.0 of old": {"https://" + listen(t, olderThanTLS12), nil, connectors.Untrusted, "no TLS from version 1.2 on", connectors.No},
		"no TLS at all":  {strings.Replace(plain.URL, "http:", "https:", 1), nil, connectors.Unavailable, "does not speak TLS", connectors.No},
		"a certificate of ours": {trusted.serve(t, asIs, &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}), nil,
			connectors.Unavailable, "broke off the TLS handshake", connectors.No},

		"name not found": {"https://latchkey.invalid", fails(&net.DNSError{IsNotFound: true, Name: personal}), connectors.Unavailable, "the name was not found", connectors.No},
		"no name server": {"https://latchkey.invalid", fails(&net.DNSError{IsTimeout: true, Name: personal}), connectors.Unavailable, "the name could not be looked up", connectors.No},
		"refused":        {closed.URL, nil, connectors.Unavailable, "the connection was refused", connectors.No},
		"timed out": {"http://" + listen(t, heard), func(transport *http.Transport) { transport.ResponseHeaderTimeout = time.Nanosecond }, connectors.Unavailable,
			"the time for an answer ran out", connectors.Unknown},
		"reset":   {"http://" + listen(t, resets), nil, connectors.Unavailable, "the connection was reset", connectors.Unknown},
		"closed":  {"http://" + listen(t, func(c net.Conn) { _, _ = http.ReadRequest(bufferOf(c)) }), nil, connectors.Unavailable, "closed before the answer", connectors.Unknown},
		"another": {"http://latchkey.invalid", fails(errors.New(personal)), connectors.Unavailable, "the connection failed", connectors.No},

		"the proxy refuses":         {"https://latchkey.invalid", proxyOf(t, forbidding), connectors.Unavailable, "the proxy " + hostOf(forbidding) + " refused the way to latchkey.invalid with status 403", connectors.No},
		"the proxy asks for a name": {"https://latchkey.invalid", proxyOf(t, asking), connectors.Unauthenticated, "refused the way to latchkey.invalid with status 407", connectors.No},
		"no proxy there":            {"https://latchkey.invalid", proxyOf(t, closed.URL), connectors.Unavailable, "the proxy on the way to latchkey.invalid: the connection was refused", connectors.No},
		"no SOCKS proxy":            {"https://latchkey.invalid", proxyOf(t, "socks5://"+hostOf(closed.URL)), connectors.Unavailable, "the proxy on the way to latchkey.invalid: the connection was refused", connectors.No},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, err := url.Parse(test.address)
			require.NoError(t, err)
			transport := NewTransport()
			transport.TLSClientConfig.RootCAs = trusted.pool
			if test.change != nil {
				test.change(transport)
			}
			t.Cleanup(transport.CloseIdleConnections)
			caller := &Caller{Provider: "test", Transport: transport, Now: time.Now}
			request := Request{
				Operation: "unlock", Method: http.MethodPost, URL: Address(base, url.Values{"filter": {personal}}, "users", personal), Effect: true, Private: []string{personal},
			}
			_, err = caller.Do(t.Context(), request)
			failure := failureOf(t, err)
			require.Equal(t, test.kind, failure.Kind, failure)
			require.Contains(t, failure.Message, test.says)
			require.Contains(t, failure.Message, base.Host)
			require.Equal(t, test.sent, failure.Sent)
			require.NotContains(t, failure.Message, "users")
		})
	}
}

// TestNameNotFound asks whoever answers for names here: nobody has one below .invalid.
func TestNameNotFound(t *testing.T) {
	t.Parallel()
	caller := &Caller{Provider: "test", Transport: NewTransport(), Now: time.Now}
	_, err := caller.Do(t.Context(), Request{Operation: "look up", Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: "latchkey.invalid"}})
	failure := failureOf(t, err)
	require.Equal(t, connectors.Unavailable, failure.Kind)
	require.Regexp(t, "latchkey.invalid: the name (was not found|could not be looked up)", failure.Message)
}
