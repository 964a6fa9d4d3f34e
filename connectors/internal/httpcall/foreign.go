package httpcall

import (
	"bytes"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-iam/latchkey/connectors"
)

// proofs are the statuses by which a provider says that somebody or something is not
// there or not allowed. Firewalls and wrong addresses say so too, and then it proves
// nothing: they count only in the provider's own shape.
var proofs = []int{http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusUnavailableForLegalReasons}

// isForeign reports whether a refusal is no answer of the provider's: a web page, or a
// proof without the provider's shape. A redirection is told by its status alone.
func isForeign(response *http.Response, body []byte, own bool) bool {
	if response.StatusCode/100 == 3 {
		return false
	}
	return isWebPage(response.Header, body) || !own && slices.Contains(proofs, response.StatusCode)
}

// pageBegins are the ways in which a web page begins.
var pageBegins = []string{"<!doctype html", "<html", "<head", "<body", "<!--"}

// isWebPage reports whether an answer is HTML, by its type or its beginning: no provider
// answers so, but portals, firewalls and servers that are down do.
func isWebPage(header http.Header, body []byte) bool {
	if media, _, err := mime.ParseMediaType(header.Get("Content-Type")); err == nil && (media == "text/html" || media == "application/xhtml+xml") {
		return true
	}
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\ufeff")), blanks)
	return slices.ContainsFunc(pageBegins, func(begin string) bool {
		return len(body) >= len(begin) && strings.EqualFold(string(body[:len(begin)]), begin)
	})
}

// foreign is the error of a call that something else than the provider answered: whether
// the provider heard of it is not known, and it may pass.
func (c *Caller) foreign(request Request, header http.Header, response *http.Response) *connectors.Error {
	kind := connectors.Unavailable
	if response.StatusCode == http.StatusTooManyRequests {
		kind = connectors.RateLimited
	}
	failure := c.answered(request, header, response, kind, "the answer is not the provider's but of something in between; check the address and any proxy or firewall, and try again")
	failure.RetryAfter = c.Rules.wait(response.Header, kind, c.Now())
	return failure
}

// read reads the body of a failure as the rules say.
func (r Rules) read(body []byte) (code string, own bool) {
	if r.Failure == nil {
		return "", true
	}
	return r.Failure(body)
}
