package httpcall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/latchkey-iam/latchkey/connectors"
)

// blanks are what JSON takes for white space.
const blanks = " \t\r\n"

// ErrTooLong is the cause of a failure to read an answer that is longer than the request
// allows, as it would be the next time.
var ErrTooLong = errors.New("the answer is too long")

// accepted reads a 2xx answer.
func (c *Caller) accepted(ctx context.Context, request Request, header http.Header, response *http.Response) (*Answer, *connectors.Error) {
	answer := &Answer{AsOf: dateOf(response.Header), RequestID: c.requestID(request, header, response)}
	most := request.MaxAnswer
	if most == 0 || !isJSON(response.Header) {
		most = maxRefusal // enough to see what it is, and mostly to use the connection again
	}
	body, err := readMost(response.Body, most)
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
		failure := c.answered(request, header, response, connectors.Unsupported, fmt.Sprintf("the answer is longer than %d bytes", request.MaxAnswer))
		failure.Cause = ErrTooLong
		return nil, failure
	case !utf8.Valid(body):
		return fail(connectors.MalformedResponse, "the answer is not UTF-8")
	case !json.Valid(body):
		return fail(connectors.MalformedResponse, "the answer is not exactly one JSON value")
	}
	answer.Body = body
	return answer, nil
}

// readMost reads as much and a byte. It allocates little for a short answer, and once for
// one that may be as long as it can be.
func readMost(from io.Reader, most int64) ([]byte, error) {
	var read bytes.Buffer
	short := min(most+1, 256<<10)
	if _, err := read.ReadFrom(io.LimitReader(from, short)); err != nil || int64(read.Len()) < short || short > most {
		return read.Bytes(), err
	}
	read.Grow(int(most+1-short) + bytes.MinRead)
	_, err := read.ReadFrom(io.LimitReader(from, most+1-short))
	return read.Bytes(), err
}
