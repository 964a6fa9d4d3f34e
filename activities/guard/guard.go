// Package guard decides whether an account may be unlocked. It is pure: the look-up asks it,
// and the unlock asks it again at the last moment. No workflow does: the connection's rules
// never leave the worker that serves it.
package guard

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Guard is what the caller demands of every lock before any is cleared. The zero value
// demands nothing.
type Guard struct {
	// OnlyReasons are the lock reasons that may be cleared; empty allows all.
	OnlyReasons []connectors.Reason `json:"onlyReasons,omitempty"`
	// MinLockedFor and MaxLockedFor bound the age of each lock. A lock of unknown age
	// passes neither.
	MinLockedFor Duration `json:"minLockedFor,omitzero"`
	MaxLockedFor Duration `json:"maxLockedFor,omitzero"`
	// ExcludePrivileged refuses privileged accounts, and those where the provider does
	// not say.
	ExcludePrivileged bool `json:"excludePrivileged,omitempty"`
	// Exclude refuses whom one of these covers, Include whom none does: IDs, usernames and
	// email addresses, with * for any text, and "group:" before IDs and names of groups.
	// Include covers an ID only as the provider spells it.
	Exclude []string `json:"exclude,omitempty"`
	Include []string `json:"include,omitempty"`
	// SeenSince is when the caller first saw the account locked: for MinLockedFor a lock of
	// unknown age counts as in force since then.
	SeenSince time.Time `json:"seenSince,omitzero"`
}

// Rules are the connection's own. They live with its credential, on the worker that
// serves it, and no caller can lift them.
type Rules struct {
	// ProtectedUsers are IDs, usernames and email addresses, with * for any text, that
	// are never unlocked.
	ProtectedUsers []string `json:"protectedUsers,omitempty"`
	// ProtectedGroups are IDs and names of groups, with * for any text, whose members
	// are never unlocked.
	ProtectedGroups []string `json:"protectedGroups,omitempty"`
	// RefuseAdminLocks leaves alone what an administrator locked.
	RefuseAdminLocks bool `json:"refuseAdminLocks,omitempty"`
	// RefusePrivileged leaves privileged accounts alone; unknown counts as privileged.
	RefusePrivileged bool `json:"refusePrivileged,omitempty"`
	// PermitOverride are the blocks ("suspended", "disabled") that a caller may override.
	PermitOverride []string `json:"permitOverride,omitempty"`
	// ApprovalFor are the cases in which somebody must approve an unlock first; see
	// ApprovalAlways. Approvers are who may, with * for any text; empty is anybody.
	ApprovalFor []string `json:"approvalFor,omitempty"`
	Approvers   []string `json:"approvers,omitempty"`
	// ApprovalTimeout is how long an approval is waited for when the request does not say.
	ApprovalTimeout Duration `json:"approvalTimeout,omitzero"`
	// MaxUnlocksPerHour is a ceiling over the whole connection; 0 is none. The unlock
	// activity asks for a place under it.
	MaxUnlocksPerHour int `json:"maxUnlocksPerHour,omitempty"`
}

// Question is everything that a decision depends on.
type Question struct {
	Account        *connectors.Account
	Guard          Guard
	Override       []string
	EvenIfUnlocked bool
	Rules          Rules
	// Now is by our clock: locks are measured against it where the provider tells no time of
	// its own.
	Now time.Time
}

// Decision is one of the three ways to go on.
type Decision string

// The decisions.
const (
	Unlock          Decision = "unlock"
	AlreadyUnlocked Decision = "already_unlocked"
	Refuse          Decision = "refuse"
)

// Code says for machines why an unlock was refused.
type Code string

// The codes.
const (
	CodeSuspended            Code = "suspended"
	CodeDisabled             Code = "disabled"
	CodeOverrideNotPermitted Code = "override_not_permitted"
	CodeProtectedUser        Code = "protected_user"
	CodeProtectedGroup       Code = "protected_group"
	CodeGroupsUnknown        Code = "groups_unknown"
	CodeAdminLock            Code = "admin_lock"
	CodePrivileged           Code = "privileged"
	CodePrivilegeUnknown     Code = "privilege_unknown"
	CodeLockReason           Code = "lock_reason"
	CodeLockedTooBriefly     Code = "locked_too_briefly"
	CodeLockedTooLong        Code = "locked_too_long"
	CodeLockAgeUnknown       Code = "lock_age_unknown"
	CodeStateUnknown         Code = "state_unknown"
	CodeUnlockCeiling        Code = "unlock_ceiling"
	CodeExcluded             Code = "excluded"
	CodeNotIncluded          Code = "not_included"
	CodeChangedSinceApproval Code = "changed_since_approval"
	CodeApprovalRequired     Code = "approval_required"
	CodeRequesterUnknown     Code = "requester_unknown"
)

// Verdict is a decision and why. It never names the account.
type Verdict struct {
	Decision    Decision `json:"decision"`
	Code        Code     `json:"code,omitempty"`
	Explanation string   `json:"explanation"`
}

// Refused reports whether the answer is no.
func (v Verdict) Refused() bool { return v.Decision == Refuse }

// Refusal returns a verdict that says no.
func Refusal(code Code, format string, arguments ...any) Verdict {
	return Verdict{Decision: Refuse, Code: code, Explanation: fmt.Sprintf(format, arguments...)}
}

// Decide answers the question. The connection's rules come before the caller's guard.
func Decide(q Question) Verdict { return decide(q, choose(q.Rules, q.Guard)) }

func decide(q Question, c choice) Verdict {
	if q.Account.State.Clear() && !q.EvenIfUnlocked {
		return Verdict{Decision: AlreadyUnlocked, Explanation: "a full read found no lock, so nothing was sent"}
	}
	for _, check := range []func(Question) *Verdict{blocked, c.protected, adminLock, privileged, c.selected, reasons, ages} {
		if verdict := check(q); verdict != nil {
			return *verdict
		}
	}
	return Verdict{Decision: Unlock, Explanation: "the guard and the connection's rules allow the unlock"}
}

func refuse(code Code, format string, arguments ...any) *Verdict {
	verdict := Refusal(code, format, arguments...)
	return &verdict
}

// blocked refuses what an administrator took out of use: unlocking would undo a lock
// that was put on such an account on purpose.
func blocked(q Question) *Verdict {
	for _, block := range []struct {
		in   bool
		word string
		code Code
	}{
		{q.Account.State.Suspended, connectors.BlockSuspended, CodeSuspended},
		{q.Account.State.Disabled, connectors.BlockDisabled, CodeDisabled},
	} {
		switch {
		case !block.in:
		case !slices.Contains(q.Override, block.word):
			return refuse(block.code, "the account is %s; ask with override %q if it is to be unlocked all the same", block.word, block.word)
		case !slices.Contains(q.Rules.PermitOverride, block.word):
			return refuse(CodeOverrideNotPermitted, "the account is %s and the connection does not permit the override %q", block.word, block.word)
		}
	}
	return nil
}

func adminLock(q Question) *Verdict {
	if !q.Rules.RefuseAdminLocks {
		return nil
	}
	for _, lock := range q.Account.State.Locks {
		if lock.Reason != connectors.ReasonFailedSignIn {
			return refuse(CodeAdminLock, "the connection leaves administrators' locks alone, and this %s lock's reason is %s", lock.Layer, lock.Reason)
		}
	}
	if len(q.Account.State.Unread) > 0 {
		return refuse(CodeStateUnknown, "the connection leaves administrators' locks alone, and the %s layer could not be read", q.Account.State.Unread[0].Layer)
	}
	return nil
}

func privileged(q Question) *Verdict {
	if !q.Guard.ExcludePrivileged && !q.Rules.RefusePrivileged {
		return nil
	}
	switch q.Account.State.Privileged {
	case connectors.No:
		return nil
	case connectors.Yes:
		return refuse(CodePrivileged, "the account is privileged")
	default:
		return refuse(CodePrivilegeUnknown, "the provider does not say whether the account is privileged")
	}
}

func reasons(q Question) *Verdict {
	if len(q.Guard.OnlyReasons) == 0 {
		return nil
	}
	for _, lock := range q.Account.State.Locks {
		if !slices.Contains(q.Guard.OnlyReasons, lock.Reason) {
			return refuse(CodeLockReason, "the %s lock's reason is %s, and the guard allows only %s", lock.Layer, lock.Reason, join(q.Guard.OnlyReasons))
		}
	}
	// A layer that could not be read may hold a lock of any reason.
	if len(q.Account.State.Unread) > 0 && !slices.Contains(q.Guard.OnlyReasons, connectors.ReasonUnknown) {
		return refuse(CodeStateUnknown, "the %s layer could not be read, and the guard allows only %s", q.Account.State.Unread[0].Layer, join(q.Guard.OnlyReasons))
	}
	return nil
}

func ages(q Question) *Verdict {
	least, most := q.Guard.MinLockedFor.Std(), q.Guard.MaxLockedFor.Std()
	if least == 0 && most == 0 {
		return nil
	}
	if len(q.Account.State.Unread) > 0 {
		return refuse(CodeStateUnknown, "the %s layer could not be read, and the guard asks for the age of every lock", q.Account.State.Unread[0].Layer)
	}
	for _, lock := range q.Account.State.Locks {
		if verdict := age(lock, least, most, q); verdict != nil {
			return verdict
		}
	}
	return nil
}

// clocksDiffer is how far ahead of our clock a lock may begin and still be one of just now.
const clocksDiffer = time.Minute

func age(lock connectors.Lock, least, most time.Duration, q Question) *Verdict {
	if lock.Since == nil && most == 0 && !q.Guard.SeenSince.IsZero() {
		if seen := q.Now.Sub(q.Guard.SeenSince); seen < least {
			return refuse(CodeLockAgeUnknown, "first seen locked %s ago, the guard asks for %s", Round(max(seen, 0)), Round(least))
		}
		return nil
	}
	if lock.Since == nil {
		return refuse(CodeLockAgeUnknown, "the provider does not say since when the %s lock is in force, and the guard asks for its age", lock.Layer)
	}
	lockedFor := q.Account.Now(q.Now).Sub(*lock.Since)
	if lockedFor < -clocksDiffer {
		return refuse(CodeLockAgeUnknown, "the provider says that the %s lock begins in the future, and the guard asks for its age", lock.Layer)
	}
	lockedFor = max(lockedFor, 0) // Clocks differ: a lock of just now may seem to begin a moment ahead.
	if lockedFor < least {
		return refuse(CodeLockedTooBriefly, "locked for %s, the guard asks for %s", Round(lockedFor), Round(least))
	}
	if most > 0 && lockedFor > most {
		return refuse(CodeLockedTooLong, "locked for %s, the guard allows at most %s", Round(lockedFor), Round(most))
	}
	return nil
}

func join(reasons []connectors.Reason) string {
	words := make([]string, len(reasons))
	for i, reason := range reasons {
		words[i] = string(reason)
	}
	return strings.Join(words, ", ")
}
