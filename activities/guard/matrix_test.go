package guard_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// now is when every question of the matrix is asked.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	accountID = "5f0c1a2b3c4d5e6f7a8b9c0d"
	username  = "jane.doe"
	email     = "jane.doe@example.org"
)

// block is how an account is kept out of use, and what was asked and permitted about it.
type block struct{ in, asked, permitted bool }

// blocks lists every block; one that is not there is asked and permitted for in one case.
var blocks = []block{
	{}, {asked: true, permitted: true},
	{in: true}, {in: true, asked: true}, {in: true, permitted: true}, {in: true, asked: true, permitted: true},
}

// secondBlocks are enough to see how a second block adds to the first.
var secondBlocks = []block{{}, {in: true, permitted: true}, {in: true, asked: true, permitted: true}}

// protection is what the connection protects, and what the account has of it.
type protection struct {
	users, groups []string
	memberOf      []string
	want          guard.Code
}

var protections = []protection{
	{},
	{users: []string{"JANE.*"}, want: guard.CodeProtectedUser},
	{users: []string{"jane"}, groups: []string{"Admin*"}, want: guard.CodeGroupsUnknown},
	{groups: []string{"Admin*"}, memberOf: []string{"admins"}, want: guard.CodeProtectedGroup},
	{groups: []string{"Admin*"}, memberOf: []string{}},
}

// ageBound is one demand of a lock's age.
type ageBound struct{ least, most time.Duration }

var (
	lockSets = [][]connectors.Reason{
		{},
		{connectors.ReasonFailedSignIn},
		{connectors.ReasonAdmin},
		{connectors.ReasonUnknown},
		{connectors.ReasonFailedSignIn, connectors.ReasonAdmin},
		{connectors.ReasonUnknown, connectors.ReasonFailedSignIn},
	}
	lockAges   = []time.Duration{-1, time.Minute, time.Hour, 3 * time.Hour} // -1: the provider does not tell.
	reasonSets = [][]connectors.Reason{nil, {connectors.ReasonFailedSignIn}, {connectors.ReasonAdmin, connectors.ReasonUnknown}}
	ageBounds  = []ageBound{{}, {least: 30 * time.Minute}, {least: 30 * time.Minute, most: 2 * time.Hour}}
	yesNo      = []bool{false, true}
	shynesses  = []shyness{
		{privileged: connectors.Yes}, {guard: true, privileged: connectors.No}, {guard: true, privileged: connectors.Yes},
		{guard: true, privileged: connectors.Unknown}, {rule: true, privileged: connectors.Unknown},
	}
	unreadLayer = []connectors.Unread{{Layer: connectors.LayerMFA, Kind: connectors.Unavailable}}
)

// shyness is who is wary of privileged accounts, and what the account is.
type shyness struct {
	guard, rule bool
	privileged  connectors.Answer
}

// entry is one cell of the matrix.
type entry struct {
	reasons             []connectors.Reason
	age                 time.Duration
	unread, even        bool
	suspended, disabled block
	protection          protection
	leaveAdmin          bool
	shyness             shyness
	only                []connectors.Reason
	bound               ageBound
}

func (e entry) question() guard.Question {
	state := connectors.State{
		Suspended: e.suspended.in, Disabled: e.disabled.in, Privileged: e.shyness.privileged, CanSignIn: connectors.No,
	}
	for _, reason := range e.reasons {
		lock := connectors.Lock{Layer: connectors.LayerAccount, Reason: reason}
		if e.age >= 0 {
			since := now.Add(-e.age)
			lock.Since = &since
		}
		state.Locks = append(state.Locks, lock)
	}
	if e.unread {
		state.Unread = unreadLayer
	}
	q := guard.Question{
		Account: &connectors.Account{ID: accountID, Username: username, Email: email, Groups: e.protection.memberOf, State: state},
		Guard: guard.Guard{
			OnlyReasons:       e.only,
			MinLockedFor:      guard.Duration(e.bound.least),
			MaxLockedFor:      guard.Duration(e.bound.most),
			ExcludePrivileged: e.shyness.guard,
		},
		EvenIfUnlocked: e.even,
		Rules: guard.Rules{
			ProtectedUsers: e.protection.users, ProtectedGroups: e.protection.groups,
			RefuseAdminLocks: e.leaveAdmin, RefusePrivileged: e.shyness.rule,
		},
		Now: now,
	}
	for word, b := range map[string]block{connectors.BlockSuspended: e.suspended, connectors.BlockDisabled: e.disabled} {
		if b.asked {
			q.Override = append(q.Override, word)
		}
		if b.permitted {
			q.Rules.PermitOverride = append(q.Rules.PermitOverride, word)
		}
	}
	return q
}

// want is the answer as the design states it: the decision, and every code that objects
// in the order in which they count.
func (e entry) want() (guard.Decision, guard.Code) {
	if len(e.reasons) == 0 && !e.unread && !e.even {
		return guard.AlreadyUnlocked, ""
	}
	var codes []guard.Code
	object := func(when bool, code guard.Code) {
		if when {
			codes = append(codes, code)
		}
	}
	has := func(reasons ...connectors.Reason) bool {
		return slices.ContainsFunc(e.reasons, func(r connectors.Reason) bool { return slices.Contains(reasons, r) })
	}
	object(e.suspended.in && !e.suspended.asked, guard.CodeSuspended)
	object(e.suspended.in && !e.suspended.permitted, guard.CodeOverrideNotPermitted)
	object(e.disabled.in && !e.disabled.asked, guard.CodeDisabled)
	object(e.disabled.in && !e.disabled.permitted, guard.CodeOverrideNotPermitted)
	object(e.protection.want != "", e.protection.want)
	object(e.leaveAdmin && has(connectors.ReasonAdmin, connectors.ReasonUnknown), guard.CodeAdminLock)
	object(e.leaveAdmin && e.unread, guard.CodeStateUnknown)
	object((e.shyness.guard || e.shyness.rule) && e.shyness.privileged == connectors.Yes, guard.CodePrivileged)
	object((e.shyness.guard || e.shyness.rule) && e.shyness.privileged == connectors.Unknown, guard.CodePrivilegeUnknown)
	if e.only != nil {
		object(slices.ContainsFunc(e.reasons, func(r connectors.Reason) bool { return !slices.Contains(e.only, r) }), guard.CodeLockReason)
		object(e.unread && !slices.Contains(e.only, connectors.ReasonUnknown), guard.CodeStateUnknown)
	}
	if bounded := e.bound != (ageBound{}); bounded {
		object(e.unread, guard.CodeStateUnknown)
		object(len(e.reasons) > 0 && e.age < 0, guard.CodeLockAgeUnknown)
		object(len(e.reasons) > 0 && e.age < e.bound.least, guard.CodeLockedTooBriefly)
		object(len(e.reasons) > 0 && e.bound.most > 0 && e.age > e.bound.most, guard.CodeLockedTooLong)
	}
	if len(codes) > 0 {
		return guard.Refuse, codes[0]
	}
	return guard.Unlock, ""
}

// TestMatrix asks every question that the dimensions make, and compares each answer with
// the design's.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, suspended := range blocks {
		for _, disabled := range secondBlocks {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				asked := 0
				for e := range entries(suspended, disabled) {
					asked++
					verdict := guard.Decide(e.question())
					decision, code := e.want()
					if verdict.Decision != decision || verdict.Code != code || verdict.Explanation == "" {
						require.Failf(t, "wrong verdict", "%+v\nwant %s %s\ngot  %+v", e, decision, code, verdict)
					}
				}
				require.Positive(t, asked)
			})
		}
	}
}

// entries yields every cell with these blocks.
func entries(suspended, disabled block) func(yield func(entry) bool) {
	return func(yield func(entry) bool) {
		for _, e := range accounts(suspended, disabled) {
			for i, p := range protections {
				shynesses, reasonSets, ageBounds := shynesses, reasonSets, ageBounds
				if i > 0 { // What a protection adds to needs no more than two of each.
					shynesses, reasonSets, ageBounds = shynesses[1:3], reasonSets[:2], ageBounds[:2]
				}
				for _, shy := range shynesses {
					for _, only := range reasonSets {
						for _, bound := range ageBounds {
							e.protection, e.shyness, e.only, e.bound = p, shy, only, bound
							if !yield(e) {
								return
							}
						}
					}
				}
			}
		}
	}
}

func accounts(suspended, disabled block) []entry {
	var all []entry
	for _, reasons := range lockSets {
		for _, age := range lockAges {
			if len(reasons) == 0 && age != lockAges[0] {
				continue // Without a lock there is no age.
			}
			for _, unread := range yesNo {
				for _, even := range yesNo {
					if even && len(reasons) > 1 {
						continue // It makes a difference only where no lock was found.
					}
					for _, leaveAdmin := range yesNo {
						all = append(all, entry{reasons: reasons, age: age, unread: unread, even: even, leaveAdmin: leaveAdmin,
							suspended: suspended, disabled: disabled})
					}
				}
			}
		}
	}
	return all
}
