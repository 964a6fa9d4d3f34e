package connectors

import (
	"encoding/json"
	"slices"
	"time"
)

// Account is one user account at one provider.
type Account struct {
	// ID is the provider's stable opaque identifier, in the one spelling of Provider.ID.
	ID          string `json:"id"`
	Username    string `json:"username"`
	Email       string `json:"email"`
	DisplayName string `json:"displayName"`
	// Groups holds the IDs and names of the groups and populations that the account
	// belongs to; nil unless all of them are known, IDs and names, since a rule may name a
	// group by either.
	Groups []string `json:"groups"`
	State  State    `json:"state"`
	// User is the provider's whole object: every key that its documentation names,
	// null where it sent none, and every further key that it sent. See Complete.
	User json.RawMessage `json:"user,omitempty"`
	// Evidence is what each server keeps of failed sign-ins; many wipe it when they unlock.
	Evidence []Evidence `json:"evidence,omitempty"`
	// UserOmitted says why User was left out by Latchkey, where it is too long to be stored.
	UserOmitted string `json:"userOmitted,omitempty"`
	// AsOf is the provider's own clock (its Date header) at its last answer about this
	// account; zero when it tells none. It is never our clock.
	AsOf time.Time `json:"asOf,omitzero"`
}

// Evidence is what one server keeps of the failed sign-ins of an account. Where it is missing,
// that proves nothing.
type Evidence struct {
	// Server is the one, of several, that kept it.
	Server string `json:"server,omitempty"`
	// Failures counts those since the last success, as far as the server keeps them.
	Failures int `json:"failures"`
	// Times are those of the failures that the server dates, the oldest first.
	Times []time.Time `json:"times,omitempty"`
}

// Now is the time that the account's locks are measured against: the provider's own, at its
// last answer, since it is what dated them; ours where it tells none.
func (a *Account) Now(ours time.Time) time.Time {
	if a.AsOf.IsZero() {
		return ours
	}
	return a.AsOf
}

// WithoutUser returns a copy that leaves the provider's object out.
func (a *Account) WithoutUser() *Account {
	copied := *a
	copied.User, copied.UserOmitted = nil, ""
	return &copied
}

// Named returns the account's own name of the field.
func (a *Account) Named(field NameField) string {
	if field == FindEmail {
		return a.Email
	}
	return a.Username
}

// Answer is yes, no or unknown.
type Answer string

// The answers.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// AnswerOf turns a known truth into an Answer.
func AnswerOf(truth bool) Answer {
	if truth {
		return Yes
	}
	return No
}

// StrongerClaim returns the stronger of two claims that an unlock was sent.
func StrongerClaim(one, other Answer) Answer {
	rank := map[Answer]int{No: 0, Unknown: 1, Yes: 2}
	if rank[other] > rank[one] {
		return other
	}
	return one
}

// State is what locks an account, and what else keeps its user out.
type State struct {
	// Locks are the locks in force, by the provider's own word: one that it still shows is a
	// lock, whatever its end. One that has run out is not among them.
	Locks []Lock `json:"locks"`
	// Unread are the layers whose state could not be read: never "no lock".
	Unread []Unread `json:"unread,omitempty"`
	// Disabled and Suspended are an administrator's decisions that an unlock leaves alone.
	Disabled  bool `json:"disabled"`
	Suspended bool `json:"suspended"`
	// PasswordExpired says that the password must be changed before the next sign-in.
	PasswordExpired bool `json:"passwordExpired"`
	// AccountExpired says that the account itself has come to its end.
	AccountExpired bool `json:"accountExpired,omitempty"`
	// Privileged says whether the account has administrative rights.
	Privileged Answer `json:"privileged"`
	// CanSignIn says whether the provider would let the user in with the right password.
	CanSignIn Answer `json:"canSignIn"`
}

// MarshalJSON implements json.Marshaler: no locks are an empty list, whoever made the state.
func (s State) MarshalJSON() ([]byte, error) {
	type plain State
	if s.Locks == nil {
		s.Locks = []Lock{}
	}
	return json.Marshal(plain(s))
}

// Locked reports whether a lock was read.
func (s State) Locked() bool { return len(s.Locks) > 0 }

// Clear reports whether every layer was read and none is locked.
func (s State) Clear() bool { return len(s.Locks) == 0 && len(s.Unread) == 0 }

// The words of State.StillBlockedBy and of the input's override.
const (
	BlockDisabled        = "disabled"
	BlockSuspended       = "suspended"
	BlockPasswordExpired = "password_expired"
	BlockAccountExpired  = "account_expired"
)

// StillBlockedBy names what keeps the user out apart from locks.
func (s State) StillBlockedBy() []string {
	blocks := []string{}
	if s.Disabled {
		blocks = append(blocks, BlockDisabled)
	}
	if s.Suspended {
		blocks = append(blocks, BlockSuspended)
	}
	if s.PasswordExpired {
		blocks = append(blocks, BlockPasswordExpired)
	}
	if s.AccountExpired {
		blocks = append(blocks, BlockAccountExpired)
	}
	return blocks
}

// SignInAnswer derives CanSignIn from the other fields: no when anything known keeps
// the user out, unknown when a layer could not be read, yes otherwise.
func (s State) SignInAnswer() Answer {
	switch {
	case slices.ContainsFunc(s.Locks, func(l Lock) bool { return !l.Partial }) || len(s.StillBlockedBy()) > 0:
		return No
	case len(s.Unread) > 0:
		return Unknown
	default:
		return Yes
	}
}

// Layer is what a lock holds shut.
type Layer string

// The layers.
const (
	LayerAccount  Layer = "account"
	LayerPassword Layer = "password"
	LayerMFA      Layer = "mfa"
	LayerUnknown  Layer = "unknown"
)

// Reason is why a lock was made.
type Reason string

// The reasons. Unknown is never taken for a failed sign-in.
const (
	ReasonFailedSignIn Reason = "failed_sign_in"
	ReasonAdmin        Reason = "admin"
	// ReasonExpired: the password or an enrolment for further factors has expired.
	ReasonExpired Reason = "expired"
	ReasonUnknown Reason = "unknown"
)

// Reasons lists the words that a guard may name.
func Reasons() []Reason {
	return []Reason{ReasonFailedSignIn, ReasonAdmin, ReasonExpired, ReasonUnknown}
}

// Lock is one lock in force.
type Lock struct {
	// Layer is what the lock holds shut.
	Layer Layer `json:"layer"`
	// Reason is why it was locked.
	Reason Reason `json:"reason"`
	// ReasonInferred says that the provider does not tell the reason and that it was
	// concluded from other values.
	ReasonInferred bool `json:"reasonInferred"`
	// Since and Until are UTC; null when the provider does not tell.
	Since *time.Time `json:"since"`
	Until *time.Time `json:"until"`
	// Permanent says that the lock never runs out by itself; false also when unknown.
	Permanent bool `json:"permanent"`
	// Server names the server where the lock lives, for providers that keep locks per server.
	Server string `json:"server,omitempty"`
	// Partial says that the lock holds only some ways in: unknown devices, some addresses.
	Partial bool `json:"partial,omitempty"`
}

// Same reports whether two reads saw the same lock: the same layer and server, made
// for the same reason at the same time. A reason that was inferred may be inferred otherwise
// from the next read, so that it makes no other lock of one that was made at the same time.
func (l Lock) Same(other Lock) bool {
	switch {
	case !l.SameLayerAndServer(other):
		return false
	case l.Since == nil && other.Since == nil:
		return l.ReportedReason() == other.ReportedReason()
	case l.Since == nil || other.Since == nil || !l.Since.Equal(*other.Since):
		return false
	default:
		return l.Reason == other.Reason || l.ReasonInferred || other.ReasonInferred
	}
}

// ReportedReason is the reason that the provider itself tells: unknown where it was inferred.
func (l Lock) ReportedReason() Reason {
	if l.ReasonInferred {
		return ReasonUnknown
	}
	return l.Reason
}

// SameLayerAndServer reports whether two locks hold the same layer on the same server.
func (l Lock) SameLayerAndServer(other Lock) bool {
	return l.Layer == other.Layer && l.Server == other.Server
}

// Unread is a layer whose state could not be read.
type Unread struct {
	// Layer is the one that could not be read.
	Layer Layer `json:"layer"`
	// Server is the server, of several, that could not be read.
	Server string `json:"server,omitempty"`
	// Kind says why.
	Kind Kind `json:"kind"`
}

// SameLayerAndServer reports whether two reads left the same layer on the same server unread.
func (u Unread) SameLayerAndServer(other Unread) bool {
	return u.Layer == other.Layer && u.Server == other.Server
}

// OnLayersOf returns the locks of these that hold a place that one of the others holds.
func OnLayersOf(locks, others []Lock) []Lock {
	var kept []Lock
	for _, lock := range locks {
		if slices.ContainsFunc(others, lock.SameLayerAndServer) {
			kept = append(kept, lock)
		}
	}
	return kept
}
