package httpcall

import (
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
	if request.MaxAnswer == 0 {
		// Read a little, so that the connection can be used again.
		_, _ = io.CopyN(io.Discard, response.Body, maxRefusal)
		return answer, nil
	}
	malformed := func(message string) (*Answer, *connectors.Error) {
		return nil, c.answered(request, header, response, connectors.MalformedResponse, message)
	}
	if !isJSON(response.Header) {
		return malformed("the answer is not JSON; check the address and any proxy")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, request.MaxAnswer+1))
	switch {
	case err != nil && ctx.Err() != nil:
		failure := c.answered(request, header, response, connectors.Unavailable, "")
		interrupt(failure, ctx.Err())
		return nil, failure
	case err != nil:
		return nil, c.answered(request, header, response, connectors.Unavailable, troubleOf(err, request.URL.Host).message)
	case int64(len(body)) > request.MaxAnswer:
		return malformed(fmt.Sprintf("the answer is longer than %d bytes", request.MaxAnswer))
	case !utf8.Valid(body):
		return malformed("the answer is not UTF-8")
	case !json.Valid(body):
		return malformed("the answer is not exactly one JSON value")
	}
	answer.Body = body
	return answer, nil
}
