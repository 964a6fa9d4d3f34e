// Package pingone unlocks user accounts of a PingOne environment through the PingOne
// Platform API: https://developer.pingidentity.com/pingone-api/platform/users.html
package pingone

import (
	"context"
	_ "embed"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/httpcall"
)

// Name is the word for PingOne in LATCHKEY_CONNECTIONS.
const Name = "pingone"

//go:embed fields.tsv
var table string

var fields = connectors.ParseFields(table)

// Provider describes PingOne to the registry.
func Provider() connectors.Provider {
	return connectors.Provider{
		Name: Name, Title: "PingOne", Fields: fields,
		NewConfig: func() connectors.Config { return NewConfig() },
		// An unlock is followed by a read of the password; a look-up reads the user twice
		// besides, for its groups. The token is fetched rarely and not counted.
		CallsPerActivity: 2,
		Lists:            true,
		AbsentID:         "ffffffff-ffff-4fff-bfff-ffffffffffff",
		HidesPrivilege:   true,
		TellsGroups:      true,
	}
}

// Connector unlocks the accounts of one environment.
type Connector struct{ client *client }

var (
	_ connectors.Connector    = (*Connector)(nil)
	_ connectors.LockedLister = (*Connector)(nil)
	_ connectors.Config       = (*Config)(nil)
)

// Lookup implements connectors.Connector. An account and its password lock apart from
// each other; both are read. A password that the credential may not read is unknown.
func (c *Connector) Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error) {
	if err := ref.Validate(); err != nil {
		return nil, c.client.Fail(opLookup, connectors.RejectedByProvider, err.Error())
	}
	switch {
	case ref.ID != "":
		return c.byID(ctx, ref.ID)
	case ref.Username != "":
		return c.byName(ctx, "username", ref.Username)
	default:
		return c.byName(ctx, "email", ref.Email)
	}
}

// byName finds an account's ID by its username or email, and reads the account by that:
// a list does not tell the groups.
func (c *Connector) byName(ctx context.Context, field, value string) (*connectors.Account, error) {
	found, err := c.client.find(ctx, field, value)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, raw := range found.users {
		read, err := readUser(raw)
		if err != nil {
			return nil, c.malformed(opLookup, err)
		}
		// A filter that is ignored somewhere on the way lists everybody.
		if !connectors.AlikeNames(read.named(field), value) {
			return nil, c.client.Fail(opLookup, connectors.MalformedResponse, "the provider lists accounts of another "+field+" than was asked for")
		}
		if connectors.SameName(read.named(field), value) {
			ids = append(ids, read.id)
		}
	}
	switch {
	case len(ids) > 1 || len(ids) == 1 && found.next != nil:
		return nil, c.client.Fail(opLookup, connectors.Ambiguous, "more than one account has this "+field+"; give the userId")
	case len(ids) == 0:
		return nil, c.client.Fail(opLookup, connectors.NotFound, "no account has this "+field+", or none that the credential may see")
	}
	return c.byID(ctx, ids[0])
}

func (c *Connector) byID(ctx context.Context, id string) (*connectors.Account, error) {
	if !isUUID(id) {
		return nil, c.client.Fail(opLookup, connectors.RejectedByProvider, "userId must be a UUID at PingOne")
	}
	read, answer, err := c.read(ctx, strings.ToLower(id), withGroupNames)
	if err != nil {
		return nil, err
	}
	if err := c.readGroupIDs(ctx, &read); err != nil {
		return nil, err
	}
	password, err := c.passwordOf(ctx, read.id)
	if err != nil {
		return nil, err
	}
	account, err := read.whole(password, answer.AsOf, c.client.Now())
	if err != nil {
		return nil, c.malformed(opLookup, err)
	}
	moveAsOf(account, password.asOf)
	return account, nil
}

// read reads the user of an ID, in lower case, with what else is asked for.
func (c *Connector) read(ctx context.Context, id string, with url.Values) (user, *httpcall.Answer, error) {
	answer, err := c.client.user(ctx, id, with)
	if err != nil {
		return user{}, nil, err
	}
	read, err := readUser(answer.Body)
	if err != nil {
		return user{}, nil, c.malformed(opLookup, err)
	}
	if read.id != id {
		return user{}, nil, c.client.Fail(opLookup, connectors.MalformedResponse, "the answer is about another account than was asked for")
	}
	return read, answer, nil
}

// passwordOf reads the state of the password. A failure that will not pass makes it
// unknown; one that may pass fails the look-up.
func (c *Connector) passwordOf(ctx context.Context, id string) (passwordState, error) {
	password, err := c.client.password(ctx, opLookup, id)
	if kind := connectors.KindOf(err); err != nil && !connectors.Retryable(err) {
		return passwordState{unread: kind}, nil
	}
	return password, err
}

func moveAsOf(account *connectors.Account, asOf time.Time) {
	if !asOf.IsZero() {
		account.AsOf = asOf
	}
}

// Unlock implements connectors.Connector. Whether unlocking the account unlocks its
// password too is not documented, so the password is looked at and unlocked if need be.
func (c *Connector) Unlock(ctx context.Context, account *connectors.Account) error {
	if !isUUID(account.ID) {
		failure := c.client.Fail(opUnlock, connectors.RejectedByProvider, "the account's ID must be a UUID at PingOne")
		failure.Sent = connectors.No
		return failure
	}
	answer, err := c.client.unlock(ctx, account)
	if err != nil {
		return err
	}
	moveAsOf(account, answer.AsOf)
	if err := c.unlockPassword(ctx, account); err != nil {
		return accepted(err)
	}
	return nil
}

func (c *Connector) unlockPassword(ctx context.Context, account *connectors.Account) error {
	password, err := c.client.password(ctx, opUnlock, account.ID)
	if err != nil {
		return err
	}
	moveAsOf(account, password.asOf)
	if password.status != passwordLockedOut {
		return nil
	}
	answer, err := c.client.unlockPassword(ctx, account)
	if err != nil {
		return err
	}
	moveAsOf(account, answer.AsOf)
	return nil
}

// accepted marks a failure that came after the account's unlock was accepted.
func accepted(err error) error {
	var failure *connectors.Error
	if errors.As(err, &failure) {
		failure.Sent = connectors.Yes
	}
	return err
}

// malformed reports an answer that is not what is documented; err is our own sentence.
func (c *Connector) malformed(operation string, err error) error {
	return c.client.Fail(operation, connectors.MalformedResponse, err.Error())
}
