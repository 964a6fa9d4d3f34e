package httpcall

import (
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
)

// Key authorizes by a secret that each request carries, read anew for each.
type Key struct {
	Source *secret.Source
	// Set puts the secret into a request's header.
	Set func(header http.Header, secret string)
}

// sentSecret is a secret as it was read for one request; without a source, none was.
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
	case s.source == nil:
	case failure == nil:
		s.source.Accepted(s.value)
	case failure.Kind != connectors.Unauthenticated:
	case failure.Status/100 == 4 && failure.Status != http.StatusUnauthorized && failure.Code != "invalid_client":
		// It is another fault than the secret's. A redirection, to a sign-in page, is not.
	case s.source.Refused(s.value, now):
		failure.MayPass, failure.RetryAfter = true, max(failure.RetryAfter, readAgainAfter)
		failure.Message += fmt.Sprintf("; %s is read again, since it may be about to change", s.source.Variable())
	case s.source.InFile():
		failure.Message += fmt.Sprintf("; put the right secret into the file that %s names, which is read again by itself", s.source.Variable())
	}
}
