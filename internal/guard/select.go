package guard

import (
	"slices"
	"strings"
)

// GroupPrefix begins a pattern of Guard.Exclude and Guard.Include that means groups.
const GroupPrefix = "group:"

// selected keeps to whom the guard's patterns choose.
func selected(q Question) *Verdict {
	covered, unknown := covers(q.Guard.Exclude, q)
	switch {
	case covered:
		return refuse(CodeExcluded, "the guard excludes this user")
	case unknown:
		return groupsUnknown()
	case len(q.Guard.Include) == 0:
		return nil
	}
	covered, unknown = covers(q.Guard.Include, q)
	switch {
	case covered:
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

// covers reports whether a pattern covers the account; unknown says that only its groups,
// which are not known, could decide that.
func covers(patterns []string, q Question) (covered, unknown bool) {
	for _, pattern := range patterns {
		group, isGroup := strings.CutPrefix(pattern, GroupPrefix)
		switch {
		case !isGroup:
			covered = covered || matches([]string{pattern}, q.Account.ID, q.Account.Username, q.Account.Email)
		case q.Account.Groups == nil:
			unknown = true
		default:
			covered = covered || matches([]string{group}, q.Account.Groups...)
		}
	}
	return covered, unknown
}

// Foresee decides as far as an account from a list tells. A list may leave out layers and
// groups that a look-up reads: where they could change a refusal, the answer is Unlock, and
// the look-up decides.
func Foresee(q Question) Verdict {
	verdict := Decide(q)
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
		q.Rules.ProtectedGroups = nil
		q.Guard.Exclude = slices.DeleteFunc(slices.Clone(q.Guard.Exclude), namesGroups)
		if slices.ContainsFunc(q.Guard.Include, namesGroups) {
			q.Guard.Include = nil
		}
	}
	q.Account = &known
	return Decide(q)
}

func namesGroups(pattern string) bool { return strings.HasPrefix(pattern, GroupPrefix) }
