package connectors

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Connector is one connection to one provider: what all providers have in common, around
// what a Driver knows of its vendor. It makes one attempt at each call; every error is an
// *Error.
type Connector struct {
	provider Provider
	servers  []Server
}

// Open opens the connection that config describes. It sends nothing.
func Open(provider Provider, config Config, options Options) (*Connector, error) {
	servers, err := config.Open(options)
	if err != nil {
		return nil, fmt.Errorf("open a %s connection: %w", provider.Title, err)
	}
	return New(provider, servers...), nil
}

// New returns a connection to servers that hold the same accounts. Several must each have a
// name, which their locks then carry.
func New(provider Provider, servers ...Server) *Connector {
	return &Connector{provider: provider, servers: servers}
}

// Close ends every driver.
func (c *Connector) Close() error {
	var faults []error
	for _, server := range c.servers {
		faults = append(faults, server.Driver.Close())
	}
	return errors.Join(faults...)
}

// The words of Error.Operation.
const (
	OperationLookup = "look up"
	OperationUnlock = "unlock"
	OperationList   = "list locked"
)

// Lookup returns exactly one account, or an *Error of kind NotFound or Ambiguous.
func (c *Connector) Lookup(ctx context.Context, ref UserRef) (*Account, error) {
	if err := ref.Validate(); err != nil {
		return nil, c.fail(OperationLookup, RejectedByProvider, err.Error())
	}
	switch {
	case ref.ID != "":
		return c.byID(ctx, ref.ID)
	case ref.Username != "":
		return c.byName(ctx, FindUsername, ref.Username)
	default:
		return c.byName(ctx, FindEmail, ref.Email)
	}
}

func (c *Connector) byID(ctx context.Context, id string) (*Account, error) {
	canonical, err := c.Canonical(id)
	if err != nil {
		return nil, err
	}
	return c.read(ctx, canonical)
}

// Canonical returns the provider's one spelling of an ID, or an *Error. It sends nothing, and
// knows nothing of whether an account has the ID.
func (c *Connector) Canonical(id string) (string, error) {
	canonical, err := c.provider.ID.Canonical(id)
	if err != nil {
		return "", c.fail(OperationLookup, RejectedByProvider, "userId "+err.Error()+" at "+c.provider.Title)
	}
	return canonical, nil
}

// read asks every server for the account.
func (c *Connector) read(ctx context.Context, id string) (*Account, error) {
	if len(c.servers) == 1 {
		return c.readFrom(ctx, c.servers[0], id)
	}
	return c.united(ctx, id)
}

func (c *Connector) readFrom(ctx context.Context, server Server, id string) (*Account, error) {
	account, err := server.Driver.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := c.owned(account, id); err != nil {
		return nil, err
	}
	return account, nil
}

// owned checks that an answer is about the account that was asked for.
func (c *Connector) owned(account *Account, id string) error {
	if err := c.canonical(account, OperationLookup); err != nil {
		return err
	}
	if account.ID != id {
		return c.fail(OperationLookup, MalformedResponse, "the answer is about another account than was asked for")
	}
	return nil
}

// canonical brings the ID of an account that a driver returned into its one spelling.
func (c *Connector) canonical(account *Account, operation string) error {
	id, err := c.provider.ID.Canonical(account.ID)
	if err != nil {
		return c.fail(operation, MalformedResponse, "the ID of a user "+err.Error())
	}
	account.ID = id
	return nil
}

// byName finds an account by one of its names. It does not take the provider's word that
// what it lists matches: a filter that is ignored somewhere on the way lists everybody.
func (c *Connector) byName(ctx context.Context, field NameField, value string) (*Account, error) {
	found, more, err := c.find(ctx, field, value)
	if err != nil {
		return nil, err
	}
	var matching []*Account
	for _, match := range found {
		switch {
		case SameName(match.Name, value):
			matching = append(matching, match.Account)
		case !AlikeNames(match.Name, value):
			return nil, c.fail(OperationLookup, MalformedResponse, "the provider lists accounts of another "+string(field)+" than was asked for")
		}
	}
	switch {
	case len(matching) > 1 || len(matching) == 1 && more:
		return nil, c.fail(OperationLookup, Ambiguous, "more than one account has this "+string(field)+"; give the userId")
	case len(matching) == 0:
		return nil, c.fail(OperationLookup, NotFound, "no account has this "+string(field)+", or none that the credential may see")
	}
	if err := c.canonical(matching[0], OperationLookup); err != nil {
		return nil, err
	}
	if len(c.servers) == 1 && matching[0].User != nil {
		return matching[0], nil
	}
	// What a list leaves out is read by the ID.
	account, err := c.read(ctx, matching[0].ID)
	if err != nil {
		return nil, err
	}
	// A list may lag behind, and the name be another's by now.
	if SameName(matching[0].Named(field), value) && !SameName(account.Named(field), value) {
		return nil, c.fail(OperationLookup, MalformedResponse, "the account that was found by its "+string(field)+" has another by now; try again")
	}
	return account, nil
}

// find asks the servers in turn until one answers.
func (c *Connector) find(ctx context.Context, field NameField, value string) ([]Match, bool, error) {
	var failure error
	for _, server := range c.servers {
		found, more, err := server.Driver.Find(ctx, field, value)
		if err == nil {
			return found, more, nil
		}
		if failure = err; !Retryable(err) {
			break
		}
	}
	return nil, false, failure
}

// Unlock clears every lock layer of the account on every server, and changes nothing else.
// It is idempotent. Its *Error says in Sent whether an unlock may have taken effect.
func (c *Connector) Unlock(ctx context.Context, account *Account) (Unlocked, error) {
	id, err := c.provider.ID.Canonical(account.ID)
	if err != nil {
		failure := c.fail(OperationUnlock, RejectedByProvider, "the account's ID "+err.Error()+" at "+c.provider.Title)
		failure.Sent = No
		return Unlocked{}, failure
	}
	canonical := *account
	canonical.ID = id
	if len(c.servers) == 1 {
		unlocked, err := c.servers[0].Driver.Unlock(ctx, &canonical)
		return unlocked, marked(err)
	}
	return c.unlockEverywhere(ctx, &canonical)
}

// marked makes sure that a failed unlock says what was sent: a driver that says nothing may
// have sent it.
func marked(err error) error {
	var failure *Error
	if errors.As(err, &failure) && failure.Sent == "" {
		failure.Sent = Unknown
	}
	return err
}

// Lists reports whether the connection can list who is locked.
func (c *Connector) Lists() bool {
	return len(c.servers) > 0 && !slices.ContainsFunc(c.servers, func(s Server) bool {
		_, scans := s.Driver.(Scanner)
		return !scans
	})
}

// fail returns an error of the frame's own.
func (c *Connector) fail(operation string, kind Kind, message string) *Error {
	return &Error{Kind: kind, Provider: c.provider.Name, Operation: operation, Message: message}
}
