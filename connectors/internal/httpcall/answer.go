package httpcall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-iam/latchkey/connectors"
)

// blanks are what JSON takes for white space.
const blanks = " \t\r\n"

// ErrTooLong is the cause of a failure to read an answer that is longer than the request
// allows, as it would be the next time.
var ErrTooLong = errors.New("the answer is too long")

// accepted reads a 2xx answer.
func (c *Caller) accepted(ctx context.Context, request Request, response *http.Response) (*Answer, *connectors.Error) {
	answer := &Answer{AsOf: dateOf(response.Header), RequestID: c.requestID(request, response)}
	most := request.MaxAnswer
	if most == 0 || !isJSON(response.Header) {
		most = maxRefusal // enough to see what it is, and mostly to use the connection again
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case isWebPage(response.Header, body):
		return nil, c.foreign(request, response)
	case request.MaxAnswer == 0:
		return answer, nil
	}
	fail := func(kind connectors.Kind, message string) (*Answer, *connectors.Error) {
		return nil, c.answered(request, response, kind, message)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		failure := c.answered(request, response, connectors.Unavailable, "")
		interrupt(failure, ctx.Err())
		return nil, failure
	case err != nil:
		_, message := troubleOf(err, request.URL.Host)
		return fail(connectors.Unavailable, message)
	case len(bytes.TrimLeft(body, blanks)) == 0:
		return fail(connectors.Unavailable, "the answer is empty; check any proxy, and try again")
	case !isJSON(response.Header):
		return fail(connectors.MalformedResponse, "the answer is not JSON; check the address and any proxy")
	case int64(len(body)) > request.MaxAnswer:
		failure := c.answered(request, response, connectors.Unsupported, fmt.Sprintf("the answer is longer than %d bytes", request.MaxAnswer))
		failure.Cause = ErrTooLong
		return nil, failure
	case !jsontext.Value(body).IsValid(): // It is UTF-8 then, and no object names a key twice.
		return fail(connectors.MalformedResponse, "the answer is not exactly one JSON value, or names a key twice")
	}
	answer.Body = body
	return answer, nil
}

// dateOf returns the moment of the answer by the provider's clock, or zero.
func dateOf(header http.Header) time.Time {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return date.UTC()
}

// isJSON reports whether the content type is application/json or any +json.
func isJSON(header http.Header) bool {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
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
