// Package connectors is the contract between Latchkey and an identity provider:
// what a provider is asked, what it answers, and how it fails.
//
// A connector makes one attempt at each call. Retrying, waiting and giving up
// belong to the workflow. A connector never imports Temporal.
package connectors

import (
	"context"
	"net/http"
	"time"
)

// Connector is what every provider can do.
type Connector interface {
	// Lookup returns exactly one account, or an *Error of kind NotFound or Ambiguous.
	Lookup(ctx context.Context, ref UserRef) (*Account, error)

	// Unlock clears every lock layer of the account and changes nothing else. It is
	// idempotent. Where the provider tells its time, Unlock moves account.AsOf to the
	// moment at which it answered the last of its calls.
	//
	// An *Error of Unlock says in its Sent field whether an unlock may have taken
	// effect all the same.
	Unlock(ctx context.Context, account *Account) error
}

// LockedLister is the capability to list the locked accounts.
type LockedLister interface {
	// ListLocked returns locked accounts in the order of their IDs, beginning after
	// the ID `after` (empty: from the first). It never depends on a skip count or a
	// cursor, so accounts may leave the set while it is walked. limit bounds the
	// accounts of one page. Their State may leave layers unread that a Lookup reads. A
	// page's accounts leave User out, since nobody reads it and pages are long.
	ListLocked(ctx context.Context, after string, limit int) (Page, error)
}

// Page is one page of locked accounts.
type Page struct {
	Accounts []*Account `json:"accounts"`
	// Next is the ID to continue after; empty on the last page.
	Next string `json:"next"`
	// Read counts the accounts that were read to find these: more than the page
	// holds where the provider cannot filter.
	Read int `json:"read"`
}

// Provider describes one kind of identity provider to the rest of Latchkey. The
// registry lists them all.
type Provider struct {
	// Name is the word for it in LATCHKEY_CONNECTIONS: lower case, such as "jumpcloud".
	Name string
	// Title is its name as the vendor writes it.
	Title string
	// NewConfig returns a pointer to a configuration holding the defaults. Its fields
	// carry the tags of kelseyhightower/envconfig, with `desc` for the reference.
	NewConfig func() Config
	// Fields documents the keys of Account.User.
	Fields []Field
	// CallsPerActivity is the fewest requests that a Lookup by ID, an Unlock or a Verify
	// makes. The rate of activities is the connection's RATE_LIMIT divided by it; the
	// transport's bucket bounds the requests of each process exactly, and the provider's
	// 429 corrects the rest.
	CallsPerActivity int
	// AbsentID has the shape of an ID, and no account has it.
	AbsentID string
	// Lists says that its connectors are LockedListers.
	Lists bool
	// HidesPrivilege says that State.Privileged is always unknown, so that privileged
	// accounts cannot be left out.
	HidesPrivilege bool
	// TellsGroups says whether Account.Groups is filled, so that groups can be protected.
	TellsGroups bool
}

// Config is one provider's validated settings.
type Config interface {
	// Validate names every missing or wrong setting at once. It returns nil, or the faults
	// joined with errors.Join; each begins with the variable's name without the
	// connection's prefix, and says what would be right.
	Validate() error
	// Open makes a connector; it calls Validate first and sends nothing.
	Open(options Options) (Connector, error)
}

// Options are what a connector shares with others of its worker.
type Options struct {
	// HTTPClient is the client whose transport carries every call and bounds the rate of
	// requests; nil takes a transport of the connector's own. Nothing else of it is used:
	// no redirect is ever followed.
	HTTPClient *http.Client
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
