// Package conformance is what every connector must pass, against a live peer: a
// simulated tenant or a real server. A provider's test makes a Harness and calls Run.
package conformance

import (
	"context"
	"testing"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Harness is a live peer, and a connector to it with all the rights that it needs.
type Harness interface {
	// Provider is the provider's description, as the registry has it.
	Provider() connectors.Provider
	// Capabilities are those of the connector's configuration.
	Capabilities() connectors.Capabilities
	// Connector may read, unlock and list.
	Connector() Connector
	// WrongCredentials returns a connector whose secret is wrong.
	WrongCredentials() Connector
	// ReadOnly returns a connector that may read and not unlock.
	ReadOnly() Connector

	// MakeUser makes a user who can sign in. An empty username or email is chosen by the
	// harness, unique.
	MakeUser(t testing.TB, username, email string) User
	// LockByFailedSignIns enters wrong passwords until the account is locked.
	LockByFailedSignIns(t testing.TB, user User)
	// LockAsAdministrator locks the account as an administrator would, Suspend and Disable
	// take it out of use; they report false where the provider knows no such thing.
	LockAsAdministrator(t testing.TB, user User) bool
	Suspend(t testing.TB, user User) bool
	Disable(t testing.TB, user User) bool
	// SignIn reports whether the user's right password is let in, by every way that a lock may
	// hold and on every server.
	SignIn(t testing.TB, user User) bool
	// UnknownID has the shape of an ID, and no user has it.
	UnknownID() string
}

// Grouper is a Harness whose provider reports the groups of an account.
type Grouper interface {
	// JoinGroup makes the user a member of a group.
	JoinGroup(t testing.TB, user User, id, name string)
	// Population is the ID and the name of what else every user belongs to; empty for nothing.
	Population() (id, name string)
}

// OneState is a Harness whose provider has one word for the state of an account: of one that is
// suspended or disabled it reports no lock.
type OneState interface{ OneState() }

// OpenWays is a Harness whose provider's locks hold only some ways in.
type OpenWays interface {
	// SignInElsewhere reports whether the right password is let in by a way that no lock holds.
	SignInElsewhere(t testing.TB, user User) bool
}

// Clockless is a Harness whose provider tells its time at an unlock alone, and at no look-up.
type Clockless interface{ Clockless() }

// Several is a Harness whose connection has several servers, each with locks of its own.
type Several interface {
	// Servers are their names. The first takes changes; the last is a replica, which gets those
	// of the others.
	Servers() []string
	// LockOn locks the account by what happens on one server alone, and names those on which it
	// is locked then: a replica may get the lock too.
	LockOn(t testing.TB, user User, server string) []string
	// Stop ends a server, as a failure would.
	Stop(t testing.TB, server string)
}

// Connector is what a case asks: a *connectors.Connector, or one whose errors are checked.
type Connector interface {
	Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error)
	Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error)
	Lists() bool
	ListLocked(ctx context.Context, after string, limit int) (connectors.Page, error)
}

// User is a user that the harness made.
type User struct {
	ID       string
	Username string
	Email    string
}

// Ref returns the reference by ID.
func (u User) Ref() connectors.UserRef { return connectors.UserRef{ID: u.ID} }

// Secretive is a Harness that names the secrets of its connectors. No error may
// repeat one.
type Secretive interface{ Secrets() []string }
