package guard

import (
	"slices"
	"strings"

	"github.com/latchkey-iam/latchkey/connectors"
)

// GroupPrefix begins a pattern of Guard.Exclude and Guard.Include that means groups.
const GroupPrefix = "group:"

// CutGroupPrefix returns the pattern without GroupPrefix in upper or lower case, and whether
// it means groups.
func CutGroupPrefix(pattern string) (rest string, isGroup bool) {
	if len(pattern) < len(GroupPrefix) || !strings.EqualFold(pattern[:len(GroupPrefix)], GroupPrefix) {
		return pattern, false
	}
	return pattern[len(GroupPrefix):], true
}

// NamesGroups reports whether one of the patterns means groups.
func NamesGroups(patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		_, isGroup := CutGroupPrefix(pattern)
		return isGroup
	})
}

// choice is whom the patterns of the rules and the guard name, read once.
type choice struct {
	protectedUsers, protectedGroups Patterns
	exclude, include                covered
}

// covered are the patterns of Guard.Exclude or Guard.Include.
type covered struct{ ids, names, groups Patterns }

func choose(rules Rules, demands Guard) choice {
	return choice{
		protectedUsers:  Protecting(rules.ProtectedUsers),
		protectedGroups: Protecting(rules.ProtectedGroups),
		exclude:         coveredBy(demands.Exclude, Protecting, Protecting),
		include:         coveredBy(demands.Include, permittingIDs, Permitting),
	}
}

func coveredBy(patterns []string, ids, names func([]string) Patterns) covered {
	var users, groups []string
	for _, pattern := range patterns {
		if group, isGroup := CutGroupPrefix(pattern); isGroup {
			groups = append(groups, group)
		} else {
			users = append(users, pattern)
		}
	}
	return covered{ids: ids(users), names: names(users), groups: names(groups)}
}

// by reports whether a pattern covers the account; unknown says that only its groups, which
// are not known, could decide that.
func (c covered) by(account *connectors.Account) (covers, unknown bool) {
	if account.Groups == nil {
		unknown = !c.groups.empty()
	}
	return c.ids.Cover(account.ID) || c.names.Cover(account.Username, account.Email) || c.groups.Cover(account.Groups...), unknown
}

// protected keeps to what the connection's rules leave alone.
func (c choice) protected(q Question) *Verdict {
	switch {
	case c.protectedUsers.Cover(q.Account.ID, q.Account.Username, q.Account.Email):
		return refuse(CodeProtectedUser, "the connection protects this user")
	case c.protectedGroups.empty():
		return nil
	case q.Account.Groups == nil:
		return refuse(CodeGroupsUnknown, "the connection protects groups, and those of this account could not be read")
	case c.protectedGroups.Cover(q.Account.Groups...):
		return refuse(CodeProtectedGroup, "the connection protects a group that this user belongs to")
	default:
		return nil
	}
}

// selected keeps to whom the guard's patterns choose.
func (c choice) selected(q Question) *Verdict {
	covers, unknown := c.exclude.by(q.Account)
	switch {
	case covers:
		return refuse(CodeExcluded, "the guard excludes this user")
	case unknown:
		return groupsUnknown()
	case len(q.Guard.Include) == 0:
		return nil
	}
	covers, unknown = c.include.by(q.Account)
	switch {
	case covers:
		return nil
	case unknown:
		return groupsUnknown()
	default:
		return refuse(CodeNotIncluded, "the guard does not include this user")
	}
}

func groupsUnknown() *Verdict {
	return refuse(CodeGroupsUnknown, "the guard names groups, and those of this account could not be read")
}

// Foresee decides about each of the accounts of a list in place of the question's, as far as a
// list tells. It may leave out layers and groups that a look-up reads: where they could change
// a refusal, the answer is Unlock, and the look-up decides.
func Foresee(q Question, accounts []*connectors.Account) []Verdict {
	chosen := choose(q.Rules, q.Guard)
	verdicts := make([]Verdict, len(accounts))
	for i, account := range accounts {
		q.Account = account
		verdicts[i] = foresee(q, chosen)
	}
	return verdicts
}

func foresee(q Question, c choice) Verdict {
	verdict := decide(q, c)
	account := q.Account
	if !verdict.Refused() || len(account.State.Unread) == 0 && account.Groups != nil {
		return verdict
	}
	known := *account
	if len(known.State.Unread) > 0 {
		// The layer that is not told may hold the lock that explains the others.
		known.State.Unread = nil
		q.Guard.OnlyReasons = nil
		q.Rules.RefuseAdminLocks = false
	}
	if known.Groups == nil {
		c.protectedGroups, c.exclude.groups = Patterns{}, Patterns{}
		if !c.include.groups.empty() {
			q.Guard.Include = nil
		}
	}
	q.Account = &known
	return decide(q, c)
}
