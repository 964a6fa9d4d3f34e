// Package latchkeytest is what the tests of several packages share: a provider that does
// as it is told, and one embedded Temporal server a test process. Only tests import it.
package latchkeytest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// Provider is the fake provider's name.
const Provider = "fake"

// RequestID is what the fake provider calls an exchange.
const RequestID = "fake-exchange-1"

// Connector is a provider with one account. Its hooks decide what each call answers.
type Connector struct {
	// OnLookup answers the n-th look-up, from 1; nil, nil leaves it to the account as it is.
	OnLookup func(ctx context.Context, n int) (*connectors.Account, error)
	// OnUnlock is asked before the n-th unlock takes effect; an error keeps it from that.
	OnUnlock func(ctx context.Context, n int) error
	// AfterUnlock is asked once the unlock took effect; an error is what the caller gets.
	AfterUnlock func(ctx context.Context, n int) error
	// Refused are the servers, of several, that accept no unlock: locks there stay.
	Refused []connectors.Refused
	// Evidence is what the servers tell of failed sign-ins at an unlock.
	Evidence []connectors.Evidence

	mutex            sync.Mutex
	account          connectors.Account
	lookups, unlocks int
}

var _ activities.Connector = (*Connector)(nil)

// NewConnector returns a provider with the account.
func NewConnector(account *connectors.Account) *Connector {
	return &Connector{account: *account}
}

// Canonical implements activities.Connector.
func (c *Connector) Canonical(id string) (string, error) { return id, nil }

// Lookup implements activities.Connector.
func (c *Connector) Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error) {
	c.mutex.Lock()
	c.lookups++
	n := c.lookups
	c.mutex.Unlock()
	if c.OnLookup != nil {
		if account, err := c.OnLookup(ctx, n); account != nil || err != nil {
			return account, err
		}
	}
	account := c.Account()
	if ref.ID != "" && ref.ID != account.ID || ref.Username != "" && ref.Username != account.Username || ref.Email != "" && ref.Email != account.Email {
		return nil, Fail(connectors.NotFound)
	}
	return account, nil
}

// Unlock implements activities.Connector.
func (c *Connector) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	c.mutex.Lock()
	c.unlocks++
	n := c.unlocks
	c.mutex.Unlock()
	if c.OnUnlock != nil {
		if err := c.OnUnlock(ctx, n); err != nil {
			return connectors.Unlocked{}, err
		}
	}
	if account.ID != c.Account().ID {
		return connectors.Unlocked{}, Fail(connectors.NotFound)
	}
	c.Change(func(a *connectors.Account) {
		a.State.Locks = slices.DeleteFunc(slices.Clone(a.State.Locks), func(l connectors.Lock) bool {
			return !slices.ContainsFunc(c.Refused, func(r connectors.Refused) bool { return r.Server == l.Server })
		})
	})
	if c.AfterUnlock != nil {
		if err := c.AfterUnlock(ctx, n); err != nil {
			return connectors.Unlocked{}, err
		}
	}
	return connectors.Unlocked{At: c.Account().AsOf, RequestID: RequestID, Refused: c.Refused, Evidence: c.Evidence}, nil
}

// Lists implements activities.Connector.
func (c *Connector) Lists() bool { return false }

// ListLocked implements activities.Connector.
func (c *Connector) ListLocked(context.Context, string, int) (connectors.Page, error) {
	return connectors.Page{}, Fail(connectors.Unsupported)
}

// Account returns a copy of the account as it is now.
func (c *Connector) Account() *connectors.Account {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	copied := c.account
	copied.State.Locks = slices.Clone(copied.State.Locks)
	copied.State.CanSignIn = copied.State.SignInAnswer()
	return &copied
}

// Change alters the account.
func (c *Connector) Change(how func(*connectors.Account)) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	how(&c.account)
}

// Calls returns how many look-ups and unlocks were asked for.
func (c *Connector) Calls() (lookups, unlocks int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.lookups, c.unlocks
}

// The made-up user whom the tests lock; none of it may show in a log or a failure.
const (
	Username = "jane.doe"
	Email    = "jane.doe@example.org"
	Name     = "Jane Doe"
	UserID   = "8376e0bc-4ef2-4e3a-9d6f-0c2f6f0f2b11"
)

// AbsentID is nobody's.
const AbsentID = "ffffffff-ffff-4fff-bfff-ffffffffffff"

// Personal lists what must never be stored in the clear.
func Personal() []string { return []string{Username, Email, Name, "example.org"} }

// Account returns the user with these locks.
func Account(locks ...connectors.Lock) *connectors.Account {
	return &connectors.Account{
		ID: UserID, Username: Username, Email: Email, DisplayName: Name, Groups: []string{},
		State: connectors.State{Locks: locks, Privileged: connectors.No},
		User:  json.RawMessage(`{"id":"` + UserID + `","username":"` + Username + `","email":"` + Email + `","serial":9007199254740993}`),
	}
}

// FailedSignIns returns the lock that failed sign-ins made an hour before `at`.
func FailedSignIns(at time.Time) connectors.Lock {
	since := at.Add(-time.Hour).UTC().Truncate(time.Second)
	return connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn, Since: &since}
}

// PasswordLock returns a lock on the password layer by an administrator.
func PasswordLock() connectors.Lock {
	return connectors.Lock{Layer: connectors.LayerPassword, Reason: connectors.ReasonAdmin, Permanent: true}
}

// Fail returns an error of the kind that says nothing was sent.
func Fail(kind connectors.Kind) *connectors.Error {
	return &connectors.Error{Kind: kind, Provider: Provider, Operation: "test", Message: "as the test ordered", Sent: connectors.No}
}

// FailSent is Fail with what was sent.
func FailSent(kind connectors.Kind, sent connectors.Answer) *connectors.Error {
	failure := Fail(kind)
	failure.Sent = sent
	return failure
}

// FailAfter is Fail with the wait that the provider asks for.
func FailAfter(kind connectors.Kind, wait time.Duration) *connectors.Error {
	failure := Fail(kind)
	failure.RetryAfter = wait
	return failure
}
