package httpcall

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
)

// Authorize adds the connection's credential to an empty header, all of which is private. The
// function that it returns is called with what came of the first call, nil for a success; it
// reports whether another credential can be had in place of one that was refused.
type Authorize func(ctx context.Context, header http.Header) (settle func(failure *connectors.Error) (renewed bool), failure *connectors.Error)

// credential returns the header that carries the credential.
func (c *Caller) credential(ctx context.Context) (http.Header, func(*connectors.Error) bool, *connectors.Error) {
	header := http.Header{}
	if c.Authorize == nil {
		return header, func(*connectors.Error) bool { return false }, nil
	}
	settle, failure := c.Authorize(ctx, header)
	return header, settle, failure
}

// ByKey authorizes by a secret that each request carries, read anew for each; set puts it into the
// header.
func (c Caller) ByKey(source *secret.Source, set func(header http.Header, secret string)) Authorize {
	return func(_ context.Context, header http.Header) (func(*connectors.Error) bool, *connectors.Error) {
		sent, failure := c.readSecret("read the secret", source)
		if failure != nil {
			return nil, failure
		}
		set(header, sent.value)
		return func(failure *connectors.Error) bool {
			sent.judge(failure, c.Now())
			return false
		}, nil
	}
}

// sentSecret is a secret as it was read for one request.
type sentSecret struct {
	source *secret.Source
	value  string
}

// readSecret reads the secret. A file that is empty or cannot be read may be so for a moment.
func (c *Caller) readSecret(operation string, source *secret.Source) (sentSecret, *connectors.Error) {
	value, err := source.Read()
	switch {
	case err == nil:
		return sentSecret{source: source, value: value}, nil
	case source.InFile():
		return sentSecret{}, c.Fail(operation, connectors.Unavailable, err.Error())
	default:
		return sentSecret{}, c.Fail(operation, connectors.Unauthenticated, err.Error())
	}
}

// readAgainAfter is when a secret that was refused is read again.
const readAgainAfter = 5 * time.Second

// judge says of a refused secret whether that may pass, and what to do about it.
func (s sentSecret) judge(failure *connectors.Error, now time.Time) {
	switch {
	case failure == nil:
		s.source.Accepted(s.value)
	case failure.Kind != connectors.Unauthenticated:
	case failure.Status/100 == 4 && failure.Status != http.StatusUnauthorized && failure.Code != "invalid_client":
		// It is another fault than the secret's. A redirection, to a sign-in page, is not.
	case s.source.Refused(s.value, now):
		failure.RetryAnyway, failure.RetryAfter = true, max(failure.RetryAfter, readAgainAfter)
		failure.Message += fmt.Sprintf("; %s is read again, since it may be about to change", s.source.Variable())
	case s.source.InFile():
		failure.Message += fmt.Sprintf("; put the right secret into the file that %s names, which is read again by itself", s.source.Variable())
	}
}
