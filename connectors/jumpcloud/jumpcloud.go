// Package jumpcloud unlocks user accounts of a JumpCloud organization through its
// Directory API v1: https://docs.jumpcloud.com/api/1.0/index.html
package jumpcloud

import (
	"context"
	_ "embed"
	"encoding/json"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Name is the word for JumpCloud in LATCHKEY_CONNECTIONS.
const Name = "jumpcloud"

//go:embed fields.tsv
var table string

var fields = connectors.ParseFields(table)

// Provider describes JumpCloud to the registry.
func Provider() connectors.Provider {
	return connectors.Provider{
		Name: Name, Title: "JumpCloud", Fields: fields,
		NewConfig: func() connectors.Config { return NewConfig() },
		// The user is read, or unlocked. The token and the organization's settings are read
		// rarely and not counted.
		CallsPerActivity: 1,
		Lists:            true,
		AbsentID:         "ffffffffffffffffffffffff",
	}
}

// Connector unlocks the accounts of one organization.
type Connector struct {
	client   *client
	policies *policies
	places   places
}

var (
	_ connectors.Connector    = (*Connector)(nil)
	_ connectors.LockedLister = (*Connector)(nil)
	_ connectors.Config       = (*Config)(nil)
)

func newConnector(config *Config, parsed settings, options connectors.Options) *Connector {
	client := newClient(config, parsed, options)
	return &Connector{client: client, policies: &policies{client: client, attempts: parsed.maxAttempts}}
}

// Lookup implements connectors.Connector. A name is first looked for as it is, then
// without regard to case.
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

func (c *Connector) byID(ctx context.Context, id string) (*connectors.Account, error) {
	if !idShape.MatchString(id) {
		return nil, c.client.Fail(opLookup, connectors.RejectedByProvider, "userId must be 24 hexadecimal digits at JumpCloud")
	}
	answer, err := c.client.user(ctx, strings.ToLower(id))
	if err != nil {
		return nil, err
	}
	read, err := readUser(answer.Body)
	if err != nil {
		return nil, c.malformed(opLookup, err)
	}
	if !strings.EqualFold(read.id, id) {
		return nil, c.client.Fail(opLookup, connectors.MalformedResponse, "the answer is about another account than was asked for")
	}
	return c.account(ctx, &read, answer.AsOf)
}

// account maps a user with its whole object, and infers the reason and the end of its lock.
func (c *Connector) account(ctx context.Context, read *user, asOf time.Time) (*connectors.Account, error) {
	policy, err := c.policies.of(ctx, opLookup, read)
	if err != nil {
		return nil, err
	}
	account, err := read.whole(policy, asOf)
	if err != nil {
		return nil, c.malformed(opLookup, err)
	}
	return account, nil
}

// byName finds an account by its username or email. The list answers with the whole
// object; the search leaves keys out, so that the account is read once more by its ID.
func (c *Connector) byName(ctx context.Context, field, value string) (*connectors.Account, error) {
	listed, err := c.client.find(ctx, field, value)
	if err != nil {
		return nil, err
	}
	read, err := c.only(listed.users, field, value)
	if err == nil {
		return c.account(ctx, read, listed.answer.AsOf)
	}
	if connectors.KindOf(err) != connectors.NotFound {
		return nil, err
	}
	listed, err = c.client.findAnyCase(ctx, field, value)
	if err != nil {
		return nil, err
	}
	read, err = c.only(listed.users, field, value)
	if err != nil {
		return nil, err
	}
	return c.byID(ctx, read.id)
}

// only returns the one user found. It does not take the provider's word that the users
// match: a filter that is ignored somewhere on the way lists everybody.
func (c *Connector) only(users []json.RawMessage, field, value string) (*user, error) {
	var matching []user
	for _, raw := range users {
		read, err := readUser(raw)
		if err != nil {
			return nil, c.malformed(opLookup, err)
		}
		if !connectors.AlikeNames(read.named(field), value) {
			return nil, c.client.Fail(opLookup, connectors.MalformedResponse, "the provider lists accounts of another "+field+" than was asked for")
		}
		if connectors.SameName(read.named(field), value) {
			matching = append(matching, read)
		}
	}
	switch len(matching) {
	case 0:
		return nil, c.client.Fail(opLookup, connectors.NotFound, "no account has this "+field+", or none that the credential may see")
	case 1:
		return &matching[0], nil
	default:
		return nil, c.client.Fail(opLookup, connectors.Ambiguous, "more than one account has this "+field+"; give the userId")
	}
}

func (u *user) named(field string) string {
	if field == "email" {
		return u.email
	}
	return u.username
}

// malformed reports an answer that is not what is documented; err is our own sentence.
func (c *Connector) malformed(operation string, err error) error {
	return c.client.Fail(operation, connectors.MalformedResponse, err.Error())
}

// Unlock implements connectors.Connector. It does not lift a suspension, and a password
// that has expired stays so.
func (c *Connector) Unlock(ctx context.Context, account *connectors.Account) error {
	if !idShape.MatchString(account.ID) {
		failure := c.client.Fail(opUnlock, connectors.RejectedByProvider, "the account's ID must be 24 hexadecimal digits at JumpCloud")
		failure.Sent = connectors.No
		return failure
	}
	answer, err := c.client.unlock(ctx, account)
	if err != nil {
		return err
	}
	c.places.left(strings.ToLower(account.ID))
	if !answer.AsOf.IsZero() {
		account.AsOf = answer.AsOf
	}
	return nil
}
