// Package connectors is the contract between Latchkey and an identity provider: what a
// provider is asked, what it answers, and how it fails. A provider writes a Driver; Connector
// is the frame around it that activities use.
//
// A connector makes one attempt at each call. Retrying, waiting and giving up belong to the
// workflow. A connector never imports Temporal.
package connectors

import (
	"net/http"
	"time"
)

// Provider describes one kind of identity provider. The registry lists them all.
type Provider struct {
	// Name is the word for it in LATCHKEY_CONNECTIONS: lower case, such as "jumpcloud".
	Name string
	// Title is its name as the vendor writes it.
	Title string
	// NewConfig returns a pointer to a configuration holding the defaults. Its fields carry
	// the tags of kelseyhightower/envconfig, with `desc` for the reference.
	NewConfig func() Config
	// Fields documents the keys of Account.User.
	Fields []Field
	// ID is the shape of its identifiers.
	ID ID
}

// Capabilities are what a connection can do, which may depend on its settings.
type Capabilities struct {
	// Lists says that who is locked can be listed.
	Lists bool
	// ReadsGroups says that Account.Groups is filled, so that groups can be protected.
	ReadsGroups bool
	// ReadsPrivilege says that State.Privileged is not always unknown, so that privileged
	// accounts can be left out.
	ReadsPrivilege bool
	// Requests is the fewest requests that a Lookup by ID, an Unlock or a Verify makes. The
	// rate of activities is the connection's RATE_LIMIT divided by it; the limiter bounds the
	// requests of each process exactly, and the provider's 429 corrects the rest.
	Requests int
}

// Config is one connection's settings.
type Config interface {
	// Capabilities says what a connection with these settings can do. It sends nothing.
	Capabilities() Capabilities
	// Open makes the driver of each server; it sends nothing. It fails with every missing or
	// wrong setting at once, joined with errors.Join; each fault begins with the variable's name
	// without the connection's prefix, and says what would be right.
	Open(options Options) ([]Server, error)
}

// Options are what a connection shares with others of its worker.
type Options struct {
	// Limiter is asked before each request; nil is no bound.
	Limiter Limiter
	// Transport carries the calls of HTTP; nil takes one of the connection's own. No redirect
	// is ever followed.
	Transport http.RoundTripper
	// Now tells the time; nil takes time.Now.
	Now func() time.Time
}

// Clock returns the clock to use.
func (o Options) Clock() func() time.Time {
	if o.Now != nil {
		return o.Now
	}
	return time.Now
}
