package ldapcall

import (
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
)

// credential is the password of one connection's service account, which its servers share. A
// password that was refused is not sent again: a few wrong ones lock the account.
type credential struct {
	source *secret.Source
	now    func() time.Time

	mu sync.Mutex
	// accepted is a password that a server took.
	accepted string
	// refused are the passwords that the servers of these names refused; none is sent anywhere
	// while no server took it.
	refused map[string]string
}

// readAgainAfter is when a refused password's file is read again.
const readAgainAfter = 5 * time.Second

// bind sends the password to a server, unless it was refused before. Until a server took it,
// one server is asked at a time. The failures of send and of bind are the same kind.
func (c *credential) bind(server string, send func(password string) *connectors.Error, fail func(kind connectors.Kind, message string) *connectors.Error) *connectors.Error {
	password, err := c.source.Read()
	if err != nil && c.source.InFile() {
		return fail(connectors.Unavailable, err.Error()) // it may be so for a moment
	}
	if err != nil {
		return fail(connectors.Unauthenticated, err.Error())
	}
	c.mu.Lock()
	known := c.accepted == password
	if !known {
		defer c.mu.Unlock()
	}
	refused := c.isRefused(server, password)
	if known {
		c.mu.Unlock()
	}
	if refused {
		return c.refuse(password, fail(connectors.Unauthenticated, "the bind account's password was refused, and is not sent again, since that could lock the account"))
	}
	failure := send(password)
	if known {
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	switch {
	case failure == nil:
		c.accepted = password
		delete(c.refused, server)
		c.source.Accepted(password)
	case failure.Kind == connectors.Unauthenticated:
		c.refused[server] = password
		return c.refuse(password, failure)
	}
	return failure
}

// isRefused is called with the lock held.
func (c *credential) isRefused(server, password string) bool {
	if c.accepted == password {
		return c.refused[server] == password
	}
	for _, refused := range c.refused {
		if refused == password {
			return true
		}
	}
	return false
}

// refuse says what to do about a refused password, and whether that may pass by itself.
func (c *credential) refuse(password string, failure *connectors.Error) *connectors.Error {
	switch {
	case c.source.Refused(password, c.now()):
		failure.RetryAnyway, failure.RetryAfter = true, readAgainAfter
		failure.Message += fmt.Sprintf("; %s is read again, since it may be about to change", c.source.Variable())
	case c.source.InFile():
		failure.Message += fmt.Sprintf("; put the right one into the file that %s names, or restart the worker once the account is let in", c.source.Variable())
	default:
		failure.Message += "; correct it and restart the worker"
	}
	return failure
}
