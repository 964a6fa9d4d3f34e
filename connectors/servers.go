package connectors

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Several servers hold the same accounts, and locks of their own.

// everywhere asks all servers at once. The answers stand in the order of the servers.
func everywhere[T any](servers []Server, ask func(Server) (T, error)) ([]T, []error) {
	answers, failures := make([]T, len(servers)), make([]error, len(servers))
	var group sync.WaitGroup
	for i, server := range servers {
		group.Go(func() { answers[i], failures[i] = ask(server) })
	}
	group.Wait()
	return answers, failures
}

// united is the account as all servers tell it. A server that cannot be asked leaves its
// locks unread.
func (c *Connector) united(ctx context.Context, id string) (*Account, error) {
	accounts, failures := everywhere(c.servers, func(server Server) (*Account, error) {
		return c.readFrom(ctx, server, id)
	})
	var whole *Account
	for i, account := range accounts {
		if failures[i] == nil {
			whole = unite(whole, account, c.servers[i].Name)
		}
	}
	if whole == nil {
		return nil, gravest(failures)
	}
	for i, failure := range failures {
		// Where the account has not arrived yet, nothing locks it.
		if failure != nil && KindOf(failure) != NotFound {
			whole.State.Unread = append(whole.State.Unread, Unread{Layer: LayerUnknown, Server: c.servers[i].Name, Kind: cmp.Or(KindOf(failure), MalformedResponse)})
		}
	}
	whole.State.CanSignIn = surest(whole.State.CanSignIn, whole.State.SignInAnswer())
	return whole, nil
}

// gravest returns the failure that tells the most: that an account is not found says nothing
// when another server could not be asked.
func gravest(failures []error) error {
	for _, failure := range failures {
		if KindOf(failure) != NotFound {
			return failure
		}
	}
	return failures[0]
}

// unite adds what one server tells of an account to what others told; whole may be nil.
// Their clocks differ, so that the whole has none.
func unite(whole, part *Account, server string) *Account {
	added := *part
	added.State.Locks = slices.Clone(part.State.Locks)
	for i := range added.State.Locks {
		added.State.Locks[i].Server = server
	}
	added.State.Unread = slices.Clone(part.State.Unread)
	for i := range added.State.Unread {
		added.State.Unread[i].Server = server
	}
	added.Evidence = evidenceOf(part.Evidence, server)
	if whole == nil {
		added.AsOf = time.Time{}
		return &added
	}
	if whole.Groups != nil && part.Groups != nil {
		whole.Groups = append(whole.Groups, part.Groups...)
		slices.Sort(whole.Groups)
		whole.Groups = slices.Compact(whole.Groups)
	} else {
		whole.Groups = nil
	}
	whole.Evidence = append(whole.Evidence, added.Evidence...)
	state := &whole.State
	state.Locks = append(state.Locks, added.State.Locks...)
	state.Unread = append(state.Unread, added.State.Unread...)
	state.Disabled = state.Disabled || part.State.Disabled
	state.Suspended = state.Suspended || part.State.Suspended
	state.PasswordExpired = state.PasswordExpired || part.State.PasswordExpired
	state.AccountExpired = state.AccountExpired || part.State.AccountExpired
	state.Privileged = either(state.Privileged, part.State.Privileged)
	state.CanSignIn = surest(state.CanSignIn, part.State.CanSignIn)
	return whole
}

// evidenceOf is what a server keeps, with its name.
func evidenceOf(evidence []Evidence, server string) []Evidence {
	named := slices.Clone(evidence)
	for i := range named {
		named[i].Server = server
	}
	return named
}

// either is yes when one is, and no only when both are.
func either(one, other Answer) Answer {
	switch {
	case one == Yes || other == Yes:
		return Yes
	case one == No && other == No:
		return No
	default:
		return Unknown
	}
}

// surest is no when one is, and yes only when both are.
func surest(one, other Answer) Answer {
	switch {
	case one == No || other == No:
		return No
	case one == Yes && other == Yes:
		return Yes
	default:
		return Unknown
	}
}

// unlockEverywhere asks every server to unlock. It fails when none accepted.
func (c *Connector) unlockEverywhere(ctx context.Context, account *Account) (Unlocked, error) {
	answers, failures := everywhere(c.servers, func(server Server) (Unlocked, error) {
		own := *account
		unlocked, err := server.Driver.Unlock(ctx, &own)
		return unlocked, marked(err)
	})
	unlocked, accepted, sent := Unlocked{}, false, No
	for i, err := range failures {
		if err == nil {
			accepted = true
			unlocked.Evidence = append(unlocked.Evidence, evidenceOf(answers[i].Evidence, c.servers[i].Name)...)
			continue
		}
		refused := Refused{Server: c.servers[i].Name, Kind: MalformedResponse, Message: "the server's answer was not understood"}
		var failure *Error
		if errors.As(err, &failure) {
			refused.Kind, refused.Message = failure.Kind, failure.Error()
			sent = StrongerClaim(sent, failure.Sent)
		} else { // Its text may hold anything, and results are stored.
			sent = StrongerClaim(sent, Unknown)
		}
		unlocked.Refused = append(unlocked.Refused, refused)
	}
	if accepted {
		// A replica that takes no changes gets them from the server that did.
		unlocked.Refused = slices.DeleteFunc(unlocked.Refused, func(r Refused) bool { return r.Kind == Unsupported })
		return unlocked, nil
	}
	// Nor is what it answers the reason why no other did.
	isReplica := func(err error) bool { return KindOf(err) == Unsupported }
	if others := slices.DeleteFunc(slices.Clone(failures), isReplica); len(others) > 0 {
		failures = others
	}
	worst := gravest(failures)
	var failure *Error
	if errors.As(worst, &failure) {
		copied := *failure
		copied.Sent = sent
		return Unlocked{}, &copied
	}
	return Unlocked{}, worst
}
