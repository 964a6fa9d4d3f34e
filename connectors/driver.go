package connectors

import (
	"context"
	"iter"
	"time"
)

// Driver is what a provider writes, for one server of it. It makes one attempt at each call,
// and every error is an *Error. What is the same for all providers, Connector does around it.
type Driver interface {
	// Get reads the account with this ID, whole, or fails with the kind NotFound.
	Get(ctx context.Context, id string) (*Account, error)

	// Find returns those whose username or email is value, in upper or lower case. It may
	// return others that the provider takes for the same. A match whose account has no User
	// is read again by its ID. more says that the provider holds further ones back.
	Find(ctx context.Context, field NameField, value string) (matches []Match, more bool, err error)

	// Unlock clears every lock layer of the account and MUST change nothing else: where the
	// provider's call would also enable or activate, the driver reads first and sends nothing
	// unless the account is locked and otherwise in use. It is idempotent. Its *Error says in
	// Sent whether an unlock may have taken effect all the same.
	Unlock(ctx context.Context, account *Account) (Unlocked, error)

	// Close gives up what the driver holds open.
	Close() error
}

// Scanner is a Driver that can list who may be locked.
type Scanner interface {
	// Scan yields accounts that may be locked, without their User, beginning after the ID
	// `after` where it can. Their State may leave layers unread that Get reads. sorted says
	// that they come in the order of their IDs. An error that is a *Gap is an account that
	// could not be read; the scan goes on after it, and ends with any other.
	//
	// Accounts may leave the set while it is scanned; none of the others may be lost by that.
	Scan(ctx context.Context, after string) (accounts iter.Seq2[*Account, error], sorted bool)
}

// NameField is a name by which users are found.
type NameField string

// The names.
const (
	FindUsername NameField = "username"
	FindEmail    NameField = "email"
)

// Match is an account that was found, and the name under which it was.
type Match struct {
	Account *Account
	Name    string
}

// Unlocked tells of an unlock that was accepted.
type Unlocked struct {
	// At is the provider's clock at the last of its answers; zero where it does not tell, or
	// where there are several servers.
	At time.Time
	// RequestID is the provider's own identifier of the exchange, for its support; empty where
	// it tells none, or where there are several servers.
	RequestID string
	// Evidence is what the servers kept of failed sign-ins at the moment of the unlock; nil where
	// they do not tell it then.
	Evidence []Evidence
	// Refused holds the servers, of several, that did not accept it.
	Refused []Refused
}

// Refused is a server that did not accept an unlock which another accepted.
type Refused struct {
	// Server is its name.
	Server string `json:"server"`
	// Kind says why.
	Kind Kind `json:"kind"`
	// Message is one sentence for people.
	Message string `json:"message"`
}

// Server is one server of a connection.
type Server struct {
	// Name tells it from the others; empty where there is only one.
	Name   string
	Driver Driver
}

// Gap is an account that a scan could not read. It is no failure of the scan, whose list is
// then not whole.
type Gap struct {
	// ID is empty where it could not be read either.
	ID string
	// Rows counts the accounts, where there are several without an ID.
	Rows int
}

// Error implements error.
func (g *Gap) Error() string { return "an account could not be read" }
