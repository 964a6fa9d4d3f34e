package httpcall

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/latchkey-iam/latchkey/connectors"
)

// NewClient returns the client of one connection. Its transport sends at most
// requestsPerSecond, each waiting its turn within its context; zero or less is no limit.
func NewClient(requestsPerSecond float64) *http.Client {
	var transport http.RoundTripper = newTransport()
	if requestsPerSecond > 0 {
		transport = &throttle{next: transport, bucket: rate.NewLimiter(rate.Limit(requestsPerSecond), burst(requestsPerSecond))}
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// burst is how many requests may go at once: few, since a provider counts within windows of
// its own, and a burst before a second of the full rate would be beyond its limit.
func burst(requestsPerSecond float64) int {
	return int(math.Ceil(min(requestsPerSecond, 1000) / 10))
}

// TransportOf returns the transport that the options give, or one of its own.
func TransportOf(options connectors.Options) http.RoundTripper {
	if options.HTTPClient == nil || options.HTTPClient.Transport == nil {
		return newTransport()
	}
	return options.HTTPClient.Transport
}

func newTransport() *http.Transport {
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

// throttle lets requests through as its bucket allows.
type throttle struct {
	next   http.RoundTripper
	bucket *rate.Limiter
}

// RoundTrip implements http.RoundTripper.
func (t *throttle) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := t.bucket.Wait(request.Context()); err != nil {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, errThrottled
	}
	return t.next.RoundTrip(request)
}

// CloseIdleConnections lets http.Client close what the transport keeps open.
func (t *throttle) CloseIdleConnections() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// Address returns the address below base of the path whose segments are given, with the
// query in %-encoding throughout: not every server reads "+" as a space.
func Address(base *url.URL, query url.Values, segments ...string) *url.URL {
	escaped := make([]string, len(segments))
	for i, segment := range segments {
		escaped[i] = url.PathEscape(segment)
	}
	address := base.JoinPath(escaped...)
	address.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return address
}

// ParseBase reads the setting name, an address below which calls are made, and drops a
// slash at its end. Only a loopback host may go without https.
func ParseBase(name, address string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(address, "/"))
	switch {
	case err != nil || base.Hostname() == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, fmt.Errorf("%s must be an address such as https://host/path", name)
	case base.Scheme != "https" && !isLoopback(base.Hostname()):
		return nil, fmt.Errorf("%s must begin with https:// unless its host is this machine", name)
	case base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, fmt.Errorf("%s must hold no user, query or fragment", name)
	}
	return base, nil
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || address != nil && address.IsLoopback()
}
