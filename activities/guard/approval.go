package guard

import (
	"errors"
	"slices"
	"strings"

	"github.com/latchkey-iam/latchkey/connectors"
)

// The cases in which a connection demands an approval.
const (
	// ApprovalAlways: every unlock.
	ApprovalAlways = "always"
	// ApprovalPrivileged: accounts that are privileged, or of which that is not known.
	ApprovalPrivileged = "privileged"
	// ApprovalAdminLocks: locks that failed sign-ins are not known to have made.
	ApprovalAdminLocks = "admin_locks"
)

// ApprovalRequested is the case of an approval that the caller asked for.
const ApprovalRequested = "requested"

// ApprovalCases lists the cases in which a connection can demand an approval.
func ApprovalCases() []string {
	return []string{ApprovalAlways, ApprovalPrivileged, ApprovalAdminLocks}
}

// ApprovalFor returns the cases for which the rules demand an approval of this unlock.
func ApprovalFor(rules Rules, state connectors.State) []string {
	adminLock := len(state.Unread) > 0 || slices.ContainsFunc(state.Locks, func(l connectors.Lock) bool {
		return l.Reason != connectors.ReasonFailedSignIn
	})
	var cases []string
	for _, each := range rules.ApprovalFor {
		if each == ApprovalAlways || each == ApprovalPrivileged && state.Privileged != connectors.No || each == ApprovalAdminLocks && adminLock {
			cases = append(cases, each)
		}
	}
	return cases
}

// MayApprove reports whether the patterns cover the name; no patterns cover everybody.
func MayApprove(patterns []string, name string) bool {
	return len(patterns) == 0 || Permitting(patterns).Cover(name)
}

// Answer is who answers an approval, and what says whether that counts.
type Answer struct {
	By string
	// RequestedBy asked for the unlock, and Joined for the same one: they must not answer, and
	// neither must the account itself.
	RequestedBy string
	Joined      []string
	Account     *connectors.Account
	// Connection and Request are the patterns of who may answer by the connection's rules and
	// by the request.
	Connection, Request []string
}

// Fault says why the answer does not count; nil when it does. It repeats no name and no pattern.
func (a Answer) Fault() error {
	by := NamesOf(a.By)
	same := func(name string) bool { return name != "" && by.Has(name) }
	switch {
	case strings.TrimSpace(a.By) == "":
		return errors.New("by is empty: say who answers")
	case Invisible(a.By):
		return errors.New("by holds a character that cannot be seen: write the name without it")
	case a.By != strings.TrimSpace(a.By):
		return errors.New("by must not begin or end with white space")
	case same(a.RequestedBy):
		return errors.New("who asked for the unlock must not answer")
	case slices.ContainsFunc(a.Joined, same):
		return errors.New("who joined the request must not answer")
	case slices.ContainsFunc([]string{a.Account.ID, a.Account.Username, a.Account.Email, a.Account.DisplayName}, same):
		return errors.New("the account itself must not answer")
	case !MayApprove(a.Connection, a.By):
		return errors.New("the connection does not let this name answer")
	case !MayApprove(a.Request, a.By):
		return errors.New("the request does not let this name answer")
	default:
		return nil
	}
}

// SameFlags reports whether two reads saw the same of everything but the locks.
func SameFlags(a, b connectors.State) bool {
	return a.Disabled == b.Disabled && a.Suspended == b.Suspended && a.PasswordExpired == b.PasswordExpired && a.Privileged == b.Privileged
}

// AmongApproved reports whether nothing but locks going away has changed since the state
// was approved: an attempt that was lost may have cleared some.
func AmongApproved(now, approved connectors.State) bool {
	return SameFlags(now, approved) &&
		!slices.ContainsFunc(now.Locks, func(l connectors.Lock) bool { return !slices.ContainsFunc(approved.Locks, l.Same) }) &&
		!slices.ContainsFunc(now.Unread, func(u connectors.Unread) bool { return !slices.ContainsFunc(approved.Unread, u.SameLayerAndServer) })
}

// AsApproved reports whether the state is the one that was approved.
func AsApproved(now, approved connectors.State) bool {
	return AmongApproved(now, approved) && AmongApproved(approved, now)
}
