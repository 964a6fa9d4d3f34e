package httpcall

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/latchkey-iam/latchkey/connectors"
)

// accepted reads a 2xx answer.
func (c *Caller) accepted(ctx context.Context, request Request, header http.Header, response *http.Response) (*Answer, *connectors.Error) {
	answer := &Answer{AsOf: dateOf(response.Header)}
	most := request.MaxAnswer
	if most == 0 || !isJSON(response.Header) {
		most = maxRefusal // enough to see what it is, and mostly to use the connection again
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case isWebPage(response.Header, body):
		return nil, c.foreign(request, header, response)
	case request.MaxAnswer == 0:
		return answer, nil
	}
	fail := func(kind connectors.Kind, message string) (*Answer, *connectors.Error) {
		return nil, c.answered(request, header, response, kind, message)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		failure := c.answered(request, header, response, connectors.Unavailable, "")
		interrupt(failure, ctx.Err())
		return nil, failure
	case err != nil:
		return fail(connectors.Unavailable, troubleOf(err, request.URL.Host).message)
	case len(bytes.TrimLeft(body, blanks)) == 0:
		return fail(connectors.Unavailable, "the answer is empty; check any proxy, and try again")
	case !isJSON(response.Header):
		return fail(connectors.MalformedResponse, "the answer is not JSON; check the address and any proxy")
	case int64(len(body)) > request.MaxAnswer:
		return fail(connectors.MalformedResponse, fmt.Sprintf("the answer is longer than %d bytes", request.MaxAnswer))
	case !utf8.Valid(body):
		return fail(connectors.MalformedResponse, "the answer is not UTF-8")
	case !json.Valid(body):
		return fail(connectors.MalformedResponse, "the answer is not exactly one JSON value")
	}
	answer.Body = body
	return answer, nil
}
