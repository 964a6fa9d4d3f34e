package guard_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

var words = []string{connectors.BlockSuspended, connectors.BlockDisabled, "other"}

// questions draws any question, also those that no provider would raise.
func questions() *rapid.Generator[guard.Question] {
	return rapid.Custom(func(t *rapid.T) guard.Question {
		return guard.Question{
			Account:        anyAccount(t),
			Guard:          guards(t),
			Override:       rapid.SliceOfN(rapid.SampledFrom(words), 0, 3).Draw(t, "override"),
			EvenIfUnlocked: rapid.Bool().Draw(t, "even"),
			Rules: guard.Rules{
				ProtectedUsers:   rapid.SliceOfN(rapid.SampledFrom([]string{"*", "jane*", accountID, "*@example.org", "x"}), 0, 2).Draw(t, "users"),
				ProtectedGroups:  rapid.SliceOfN(rapid.SampledFrom([]string{"admins", "*", "x"}), 0, 2).Draw(t, "groups"),
				RefuseAdminLocks: rapid.Bool().Draw(t, "leaveAdmin"),
				RefusePrivileged: rapid.Bool().Draw(t, "refusePrivileged"),
				PermitOverride:   rapid.SliceOfN(rapid.SampledFrom(words), 0, 3).Draw(t, "permit"),
			},
			Now: now,
		}
	})
}

func anyAccount(t *rapid.T) *connectors.Account {
	return &connectors.Account{
		ID: accountID, Username: username, Email: email, DisplayName: "Jane Doe",
		Groups: rapid.SampledFrom([][]string{nil, {}, {"admins"}, {"staff"}}).Draw(t, "memberOf"),
		State: connectors.State{
			Locks: rapid.SliceOfN(rapid.Custom(locks), 0, 3).Draw(t, "locks"),
			Unread: rapid.SampledFrom([][]connectors.Unread{nil, {{Layer: connectors.LayerPassword, Kind: connectors.PermissionDenied}}}).
				Draw(t, "unread"),
			Disabled:   rapid.Bool().Draw(t, "disabled"),
			Suspended:  rapid.Bool().Draw(t, "suspended"),
			Privileged: rapid.SampledFrom([]connectors.Answer{connectors.Yes, connectors.No, connectors.Unknown, ""}).Draw(t, "privileged"),
		},
	}
}

func locks(t *rapid.T) connectors.Lock {
	lock := connectors.Lock{
		Layer:  rapid.SampledFrom([]connectors.Layer{connectors.LayerAccount, connectors.LayerPassword, connectors.LayerUnknown}).Draw(t, "layer"),
		Reason: rapid.SampledFrom(append(connectors.Reasons(), "")).Draw(t, "reason"),
	}
	if rapid.Bool().Draw(t, "tells") {
		since := now.Add(-time.Duration(rapid.Int64Range(-int64(time.Hour), int64(100*time.Hour)).Draw(t, "age")))
		lock.Since = &since
	}
	return lock
}

func guards(t *rapid.T) guard.Guard {
	bound := rapid.SampledFrom([]guard.Duration{0, 1, guard.Duration(time.Minute), guard.Duration(24 * time.Hour)})
	return guard.Guard{
		OnlyReasons:       rapid.SliceOfN(rapid.SampledFrom(connectors.Reasons()), 0, 3).Draw(t, "only"),
		MinLockedFor:      bound.Draw(t, "min"),
		MaxLockedFor:      bound.Draw(t, "max"),
		ExcludePrivileged: rapid.Bool().Draw(t, "excludePrivileged"),
	}
}

// TestInvariants states what no combination may break.
func TestInvariants(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(t *rapid.T, q guard.Question, verdict guard.Verdict){
		"a suspended or disabled account needs an override that was asked for and is permitted": func(t *rapid.T, q guard.Question, verdict guard.Verdict) {
			for word, in := range map[string]bool{connectors.BlockSuspended: q.Account.State.Suspended, connectors.BlockDisabled: q.Account.State.Disabled} {
				if in && verdict.Decision == guard.Unlock {
					require.Contains(t, q.Override, word)
					require.Contains(t, q.Rules.PermitOverride, word)
				}
			}
		},
		"an unknown reason is never taken for a failed sign-in": func(t *rapid.T, q guard.Question, _ guard.Verdict) {
			q.Guard.OnlyReasons = []connectors.Reason{connectors.ReasonFailedSignIn}
			foreign := slices.ContainsFunc(q.Account.State.Locks, func(l connectors.Lock) bool { return l.Reason != connectors.ReasonFailedSignIn })
			if foreign || len(q.Account.State.Unread) > 0 {
				require.Equal(t, guard.Refuse, guard.Decide(q).Decision)
			}
		},
		"an unknown age passes neither bound": func(t *rapid.T, q guard.Question, verdict guard.Verdict) {
			bounded := q.Guard.MinLockedFor != 0 || q.Guard.MaxLockedFor != 0
			if bounded && slices.ContainsFunc(q.Account.State.Locks, func(l connectors.Lock) bool { return l.Since == nil }) {
				require.Equal(t, guard.Refuse, verdict.Decision)
			}
		},
		"an unknown privilege counts as privileged": func(t *rapid.T, q guard.Question, verdict guard.Verdict) {
			if (q.Guard.ExcludePrivileged || q.Rules.RefusePrivileged) && q.Account.State.Privileged != connectors.No {
				require.NotEqual(t, guard.Unlock, verdict.Decision)
			}
		},
		"nothing that could not be read is taken for unlocked": func(t *rapid.T, q guard.Question, verdict guard.Verdict) {
			if len(q.Account.State.Unread) > 0 {
				require.NotEqual(t, guard.AlreadyUnlocked, verdict.Decision)
			}
		},
		"a refusal has a code and tells nothing personal": func(t *rapid.T, _ guard.Question, verdict guard.Verdict) {
			require.NotEmpty(t, verdict.Explanation)
			require.Equal(t, verdict.Refused(), verdict.Code != "")
			for _, personal := range []string{username, email, accountID, "Jane", "example.org"} {
				require.NotContains(t, strings.ToLower(verdict.Explanation), strings.ToLower(personal))
			}
		},
		"a lock is cleared or refused, never passed over": func(t *rapid.T, q guard.Question, verdict guard.Verdict) {
			if q.Account.State.Locked() {
				require.NotEqual(t, guard.AlreadyUnlocked, verdict.Decision)
			}
		},
		"the same question has the same answer, also after a trip through JSON": func(t *rapid.T, q guard.Question, verdict guard.Verdict) {
			require.Equal(t, verdict, guard.Decide(q))
			data, err := json.Marshal(q)
			require.NoError(t, err)
			var again guard.Question
			require.NoError(t, json.Unmarshal(data, &again))
			require.Equal(t, verdict, guard.Decide(again))
		},
		"a stricter guard never turns a no into a yes": func(t *rapid.T, q guard.Question, verdict guard.Verdict) {
			lax := q
			lax.Guard = guard.Guard{}
			if guard.Decide(lax).Refused() {
				require.True(t, verdict.Refused())
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				q := questions().Draw(t, "question")
				check(t, q, guard.Decide(q))
			})
		})
	}
}

// TestTheProvidersClockMeasures: however far our clock is off, ages are those by the clock
// that dated the locks.
func TestTheProvidersClockMeasures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := questions().Draw(t, "question")
		q.Account.AsOf = now
		want := guard.Decide(q)
		q.Now = now.Add(time.Duration(rapid.Int64Range(-int64(1000*time.Hour), int64(1000*time.Hour)).Draw(t, "off")))
		require.Equal(t, want, guard.Decide(q))
		q.Account.AsOf, q.Now = time.Time{}, now
		require.Equal(t, want, guard.Decide(q), "ours measures where the provider tells no time")
	})
}

// TestInferredReasonsMakeNoOtherLock: what was approved stands while no more than reasons
// that are inferred come and go, and a layer stays unread for another cause.
func TestInferredReasonsMakeNoOtherLock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		approved := anyAccount(t).State
		now := approved
		now.Locks, now.Unread = slices.Clone(approved.Locks), slices.Clone(approved.Unread)
		for i := range approved.Locks {
			if approved.Locks[i].Reason == connectors.ReasonUnknown || rapid.Bool().Draw(t, "inferred") {
				approved.Locks[i].ReasonInferred = approved.Locks[i].Reason != connectors.ReasonUnknown
				now.Locks[i] = approved.Locks[i]
				now.Locks[i].Reason = rapid.SampledFrom([]connectors.Reason{connectors.ReasonUnknown, connectors.ReasonFailedSignIn, connectors.ReasonExpired}).Draw(t, "read again")
				now.Locks[i].ReasonInferred = now.Locks[i].Reason != connectors.ReasonUnknown
			}
		}
		for i := range now.Unread {
			now.Unread[i].Kind = connectors.Unsupported
		}
		require.True(t, guard.AsApproved(now, approved))
		if len(approved.Locks) > 0 {
			later := time.Now()
			now.Locks[0].Since = &later
			require.False(t, guard.AmongApproved(now, approved), "a lock made later is another")
		}
	})
}

// TestEveryRefusalIsReached keeps the codes and the checks in step.
func TestEveryRefusalIsReached(t *testing.T) {
	t.Parallel()
	reached := map[guard.Code]bool{"": true}
	for _, suspended := range blocks {
		for e := range entries(suspended, block{in: suspended.asked}) {
			reached[guard.Decide(e.question()).Code] = true
		}
	}
	for _, code := range []guard.Code{guard.CodeSuspended, guard.CodeDisabled, guard.CodeOverrideNotPermitted, guard.CodeProtectedUser,
		guard.CodeProtectedGroup, guard.CodeGroupsUnknown, guard.CodeAdminLock, guard.CodePrivileged, guard.CodePrivilegeUnknown,
		guard.CodeLockReason, guard.CodeLockedTooBriefly, guard.CodeLockedTooLong, guard.CodeLockAgeUnknown, guard.CodeStateUnknown} {
		require.True(t, reached[code], code)
	}
}

// TestClocksThatDiffer: a lock that began a moment ahead of our clock is a fresh lock, and
// one that began far ahead has no age that can be trusted.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ahead time.Duration
		guard guard.Guard
		want  guard.Code
	}{
		"a fresh lock passes an upper bound":        {ahead: 2 * time.Second, guard: guard.Guard{MaxLockedFor: guard.Duration(time.Hour)}},
		"a fresh lock does not pass a lower bound":  {ahead: 2 * time.Second, guard: guard.Guard{MinLockedFor: guard.Duration(time.Minute)}, want: guard.CodeLockedTooBriefly},
		"a lock of the future has no age":           {ahead: time.Hour, guard: guard.Guard{MaxLockedFor: guard.Duration(time.Hour)}, want: guard.CodeLockAgeUnknown},
		"a lock of the future has no least age too": {ahead: time.Hour, guard: guard.Guard{MinLockedFor: guard.Duration(time.Hour)}, want: guard.CodeLockAgeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			since := now.Add(test.ahead)
			verdict := guard.Decide(guard.Question{Now: now, Guard: test.guard, Account: &connectors.Account{
				State: connectors.State{Locks: []connectors.Lock{{Layer: connectors.LayerAccount, Since: &since}}},
			}})
			require.Equal(t, test.want, verdict.Code)
			require.NotContains(t, verdict.Explanation, "-")
		})
	}
}
