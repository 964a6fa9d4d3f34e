package guard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// TestSelected: exclude comes before include, and groups that are not known are no "no".
func TestSelected(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		exclude, include, groups []string
		want                     guard.Code
	}{
		"nobody is named":               {},
		"excluded by name":              {exclude: []string{"svc-*", "JANE.*"}, want: guard.CodeExcluded},
		"excluded by address":           {exclude: []string{"*@example.org"}, want: guard.CodeExcluded},
		"excluded by id":                {exclude: []string{accountID}, want: guard.CodeExcluded},
		"excluded by id, other case":    {exclude: []string{strings.ToUpper(accountID)}, want: guard.CodeExcluded},
		"included by id":                {include: []string{accountID}},
		"included by part of the id":    {include: []string{accountID[:8] + "*"}},
		"included by id, other case":    {include: []string{strings.ToUpper(accountID)}, want: guard.CodeNotIncluded},
		"included by name, other case":  {include: []string{"JANE*"}},
		"others are excluded":           {exclude: []string{"svc-*"}},
		"included":                      {include: []string{"jane*"}},
		"others are included":           {include: []string{"svc-*"}, want: guard.CodeNotIncluded},
		"excluded though included":      {exclude: []string{"*"}, include: []string{"*"}, want: guard.CodeExcluded},
		"excluded by group":             {exclude: []string{"group:adm*"}, groups: []string{"Admins"}, want: guard.CodeExcluded},
		"excluded by Group":             {exclude: []string{"Group:adm*"}, groups: []string{"Admins"}, want: guard.CodeExcluded},
		"in another group":              {exclude: []string{"group:adm*"}, groups: []string{"Staff"}},
		"a group is no name":            {exclude: []string{"group:jane*"}, groups: []string{}},
		"excluded group, unknown":       {exclude: []string{"group:adm*"}, want: guard.CodeGroupsUnknown},
		"included group, unknown":       {include: []string{"group:staff"}, want: guard.CodeGroupsUnknown},
		"included by name all the same": {include: []string{"group:staff", "jane*"}},
		"included by group":             {include: []string{"group:staff"}, groups: []string{"Staff"}},
		"not in the included group":     {include: []string{"group:staff"}, groups: []string{}, want: guard.CodeNotIncluded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := lockedFor(time.Hour)
			q.Guard.Exclude, q.Guard.Include, q.Account.Groups = test.exclude, test.include, test.groups
			require.Equal(t, test.want, guard.Decide(q).Code)
		})
	}
}

// TestProtectedID: an ID that a connection protects is protected however it is written.
func TestProtectedID(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{accountID, strings.ToUpper(accountID), strings.ToUpper(accountID[:8]) + "*"} {
		q := lockedFor(time.Hour)
		q.Rules.ProtectedUsers = []string{pattern}
		require.Equal(t, guard.CodeProtectedUser, guard.Decide(q).Code, pattern)
	}
}

// lockedFor asks about an account with one lock of failed sign-ins; a negative age is not told.
func lockedFor(age time.Duration) guard.Question {
	e := entry{reasons: []connectors.Reason{connectors.ReasonFailedSignIn}, age: age, shyness: shyness{privileged: connectors.No}}
	return e.question()
}

// TestSeenSince: a lock without a date is as old as it has been seen, for the least age alone.
func TestSeenSince(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age, seen, least, most time.Duration
		want                   guard.Code
	}{
		"never seen":                   {age: -1, least: time.Minute, want: guard.CodeLockAgeUnknown},
		"seen long ago":                {age: -1, seen: time.Hour, least: 15 * time.Minute},
		"seen lately":                  {age: -1, seen: time.Minute, least: 15 * time.Minute, want: guard.CodeLockAgeUnknown},
		"seen in the future":           {age: -1, seen: -time.Minute, least: 15 * time.Minute, want: guard.CodeLockAgeUnknown},
		"says nothing of the most":     {age: -1, seen: time.Hour, least: time.Minute, most: 3 * time.Hour, want: guard.CodeLockAgeUnknown},
		"a date counts before a sight": {age: time.Minute, seen: time.Hour, least: 15 * time.Minute, want: guard.CodeLockedTooBriefly},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := lockedFor(test.age)
			q.Guard.MinLockedFor, q.Guard.MaxLockedFor = guard.Duration(test.least), guard.Duration(test.most)
			if test.seen != 0 {
				q.Guard.SeenSince = now.Add(-test.seen)
			}
			require.Equal(t, test.want, guard.Decide(q).Code)
		})
	}
}

// TestForesee: a list refuses only what a look-up could not turn round.
func TestForesee(t *testing.T) {
	t.Parallel()
	untold := []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.Unsupported}}
	for name, test := range map[string]struct {
		change func(*guard.Question)
		want   guard.Code
	}{
		"nothing against it": {change: func(*guard.Question) {}},
		"the reason is told": {change: func(q *guard.Question) { q.Account.Groups = []string{} }, want: guard.CodeLockReason},
		"the reason may be another": {change: func(q *guard.Question) {
			q.Account.State.Unread = untold
		}},
		"suspended whatever is not told": {change: func(q *guard.Question) {
			q.Account.State.Unread, q.Account.State.Suspended = untold, true
		}, want: guard.CodeSuspended},
		"too young whatever is not told": {change: func(q *guard.Question) {
			q.Account.State.Unread, q.Guard.MinLockedFor = untold, guard.Duration(3*time.Hour)
		}, want: guard.CodeLockedTooBriefly},
		"no date": {change: func(q *guard.Question) {
			q.Account.State.Unread, q.Guard.MinLockedFor = untold, guard.Duration(3*time.Hour)
			q.Account.State.Locks[0].Since = nil
		}, want: guard.CodeLockAgeUnknown},
		"groups may be protected or not": {change: func(q *guard.Question) {
			q.Account.State.Unread, q.Rules.ProtectedGroups = untold, []string{"*"}
		}},
		"an unknown group may be included": {change: func(q *guard.Question) {
			q.Account.State.Unread, q.Guard.Include = untold, []string{"group:staff", "svc-*"}
		}},
		"a known name is excluded": {change: func(q *guard.Question) {
			q.Account.State.Unread, q.Guard.Exclude = untold, []string{"group:staff", "jane*"}
		}, want: guard.CodeExcluded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := lockedFor(time.Hour)
			q.Account.State.Locks[0].Reason = connectors.ReasonUnknown
			if name != "nothing against it" {
				q.Guard.OnlyReasons = []connectors.Reason{connectors.ReasonFailedSignIn}
			}
			test.change(&q)
			before := *q.Account
			require.Equal(t, test.want, guard.Foresee(q, []*connectors.Account{q.Account})[0].Code)
			require.Equal(t, before, *q.Account, "the account is not touched")
		})
	}
}
