package httpcall

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey-iam/latchkey/connectors"
)

// New returns what makes the calls to a provider.
func New(provider string, options connectors.Options, rules Rules) Caller {
	caller := Caller{
		Provider: provider, Transport: options.Transport, Limiter: options.Limiter, Rules: rules, Now: options.Clock(),
		Header: http.Header{"Accept": {"application/json"}},
	}
	if caller.Transport == nil {
		caller.Transport = NewTransport()
	}
	return caller
}

// Close closes the connections that are kept open for later calls.
func (c *Caller) Close() error {
	if closer, ok := c.Transport.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
	return nil
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

// PageSize is how many rows of a list are asked for at once, Limit at first.
type PageSize struct{ Limit int }

// Shrink makes the next page smaller, where err says that this one was too long to be read.
func (p *PageSize) Shrink(err error) bool {
	if !errors.Is(err, ErrTooLong) || p.Limit == 1 {
		return false
	}
	p.Limit = max(p.Limit/15, 1) // Two steps from 200 to 1: each reads as much as a page may hold.
	return true
}

// maxLink bounds the address of a next page, in bytes.
const maxLink = 8 << 10

// NextLink reads the address of a list's next page. The credential goes with the call, so an
// address outside the list's own is refused.
func NextLink(list *url.URL, href string) (*url.URL, error) {
	address, err := url.Parse(href)
	switch {
	case err != nil || len(href) > maxLink:
		return nil, errors.New("the link to the next page has no usable address")
	case address.Scheme != list.Scheme || !strings.EqualFold(address.Host, list.Host) || address.User != nil ||
		address.Opaque != "" || !strings.EqualFold(address.EscapedPath(), list.EscapedPath()):
		return nil, errors.New("the link to the next page leads out of the API's address; check the connection's address")
	}
	return address, nil
}
