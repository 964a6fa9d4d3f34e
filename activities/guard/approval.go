package guard

import (
	"slices"

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

// SameFlags reports whether two reads saw the same of everything but the locks.
func SameFlags(a, b connectors.State) bool {
	return a.Disabled == b.Disabled && a.Suspended == b.Suspended && a.PasswordExpired == b.PasswordExpired && a.Privileged == b.Privileged
}

// AmongApproved reports whether nothing but locks going away has changed since the state
// was approved: an attempt that was lost may have cleared some.
func AmongApproved(now, approved connectors.State) bool {
	return SameFlags(now, approved) &&
		!slices.ContainsFunc(now.Locks, func(l connectors.Lock) bool { return !slices.ContainsFunc(approved.Locks, l.Same) }) &&
		!slices.ContainsFunc(now.Unread, func(u connectors.Unread) bool { return !slices.ContainsFunc(approved.Unread, u.SamePlace) })
}

// AsApproved reports whether the state is the one that was approved.
func AsApproved(now, approved connectors.State) bool {
	return AmongApproved(now, approved) && AmongApproved(approved, now)
}
