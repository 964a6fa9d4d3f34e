package pingone

import (
	"errors"
	"net/url"
	"strings"

	"github.com/latchkey-iam/latchkey/internal/httpcall"
)

// maxLink bounds the address of a next page, in bytes.
const maxLink = 8 << 10

// next returns the address of the next page, or nil on the last:
// https://developer.pingidentity.com/pingone-api/foundations/pagination.html
// The token goes with the call, so an address outside this environment's users is refused.
func (c *client) next(object httpcall.Object) (*url.URL, error) {
	links, _, errLinks := httpcall.Get[httpcall.Object](object, "_links")
	link, sent, errNext := httpcall.Get[httpcall.Object](links, "next")
	if err := errors.Join(errLinks, errNext); err != nil {
		return nil, err
	}
	if !sent {
		return nil, nil
	}
	href, sent, err := httpcall.Get[string](link, "href")
	if err != nil || !sent || len(href) > maxLink {
		return nil, errors.New("the link to the next page has no usable address")
	}
	address, err := url.Parse(href)
	if err != nil {
		return nil, errors.New("the link to the next page is no address")
	}
	if !c.owns(address) {
		return nil, errors.New("the link to the next page leads out of the API's address; check API_URL")
	}
	return address, nil
}

// owns reports whether the address is that of this environment's users.
func (c *client) owns(address *url.URL) bool {
	users := c.base.JoinPath("users")
	return address.Scheme == users.Scheme && strings.EqualFold(address.Host, users.Host) && address.User == nil &&
		address.Opaque == "" && strings.EqualFold(address.EscapedPath(), users.EscapedPath())
}
