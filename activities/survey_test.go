package activities_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

// townOf is a bench whose provider has many accounts and can list who is locked.
func townOf(members ...*connectors.Account) (*bench, *latchkeytest.Population) {
	town := latchkeytest.NewPopulation()
	town.Add(members...)
	b := newBench(locked())
	b.steps.Connector = town
	return b, town
}

// made returns a lock of the reason that was made so long ago.
func made(ago time.Duration, reason connectors.Reason) connectors.Lock {
	at := time.Now().Add(-ago).UTC()
	return connectors.Lock{Layer: connectors.LayerAccount, Reason: reason, Since: &at}
}

// undated returns a lock of the reason without a date.
func undated(reason connectors.Reason) connectors.Lock {
	return connectors.Lock{Layer: connectors.LayerAccount, Reason: reason}
}

func idsOf(listed []activities.Listed) []string {
	ids := []string{}
	for _, each := range listed {
		ids = append(ids, each.UserID)
	}
	return ids
}

// TestSurveyPages follows Next from page to page: each locked account comes once.
func TestSurveyPages(t *testing.T) {
	t.Parallel()
	b, town := townOf()
	var want, got []string
	for n := 1; n <= 5; n++ {
		town.Add(latchkeytest.Member(n, made(time.Hour, connectors.ReasonFailedSignIn)))
		want = append(want, latchkeytest.MemberID(n))
	}
	town.Add(latchkeytest.Member(6))
	town.PageSize = 2
	pages, after := 0, ""
	for {
		page, err := run[activities.SurveyResult](b, b.steps.Survey, activities.SurveyInput{After: after, Window: 2 * time.Hour})
		require.NoError(t, err)
		require.Equal(t, activities.Tally{Locked: len(page.Listed), Fresh: len(page.Listed), Read: 6}, page.Tally)
		got, pages = append(got, idsOf(page.Listed)...), pages+1
		if after = page.Next; after == "" {
			break
		}
	}
	require.Equal(t, want, got)
	require.Equal(t, 3, pages)
}

// TestFresh: whose lock may be a part of an attack that is under way.
func TestFresh(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		locks []connectors.Lock
		want  int
	}{
		"within the window":               {[]connectors.Lock{made(time.Minute, connectors.ReasonFailedSignIn)}, 1},
		"of the future":                   {[]connectors.Lock{made(-time.Hour, connectors.ReasonFailedSignIn)}, 1},
		"longer ago":                      {[]connectors.Lock{made(2*time.Hour, connectors.ReasonFailedSignIn)}, 0},
		"for an unknown reason":           {[]connectors.Lock{made(time.Minute, connectors.ReasonUnknown)}, 1},
		"without a date":                  {[]connectors.Lock{undated(connectors.ReasonFailedSignIn)}, 1},
		"without a date or a reason":      {[]connectors.Lock{undated(connectors.ReasonUnknown)}, 1},
		"an administrator's":              {[]connectors.Lock{made(time.Minute, connectors.ReasonAdmin)}, 0},
		"an administrator's without date": {[]connectors.Lock{undated(connectors.ReasonAdmin)}, 0},
		"one account counts once":         {[]connectors.Lock{undated(connectors.ReasonUnknown), made(time.Minute, connectors.ReasonFailedSignIn)}, 1},
		"the later of two":                {[]connectors.Lock{made(2*time.Hour, connectors.ReasonFailedSignIn), made(time.Minute, connectors.ReasonFailedSignIn)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := townOf(latchkeytest.Member(1, test.locks...))
			page, err := run[activities.SurveyResult](b, b.steps.Survey, activities.SurveyInput{Window: time.Hour})
			require.NoError(t, err)
			require.Equal(t, activities.Tally{Locked: 1, Fresh: test.want, Read: 1}, page.Tally)
		})
	}
}

// TestSurveyForesees: a list refuses what is certain, and leaves the rest to a look-up.
func TestSurveyForesees(t *testing.T) {
	t.Parallel()
	strict := guard.Guard{OnlyReasons: []connectors.Reason{connectors.ReasonFailedSignIn}, MinLockedFor: guard.Duration(15 * time.Minute), ExcludePrivileged: true}
	unread := []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.Unsupported}}
	for name, test := range map[string]struct {
		lock   connectors.Lock
		change func(*connectors.Account)
		guard  guard.Guard
		rules  guard.Rules
		want   guard.Code
	}{
		"nothing against it":          {lock: made(time.Hour, connectors.ReasonFailedSignIn), guard: strict},
		"too young":                   {lock: made(time.Minute, connectors.ReasonFailedSignIn), guard: strict, want: guard.CodeLockedTooBriefly},
		"of an unknown age":           {lock: undated(connectors.ReasonFailedSignIn), guard: strict, want: guard.CodeLockAgeUnknown},
		"of the future":               {lock: made(-time.Hour, connectors.ReasonFailedSignIn), guard: strict, want: guard.CodeLockAgeUnknown},
		"an administrator's":          {lock: made(time.Hour, connectors.ReasonAdmin), guard: strict, want: guard.CodeLockReason},
		"suspended":                   {lock: made(time.Hour, connectors.ReasonFailedSignIn), change: func(a *connectors.Account) { a.State.Suspended = true }, want: guard.CodeSuspended},
		"disabled":                    {lock: made(time.Hour, connectors.ReasonFailedSignIn), change: func(a *connectors.Account) { a.State.Disabled = true }, want: guard.CodeDisabled},
		"privileged":                  {lock: made(time.Hour, connectors.ReasonFailedSignIn), change: func(a *connectors.Account) { a.State.Privileged = connectors.Yes }, guard: strict, want: guard.CodePrivileged},
		"protected":                   {lock: made(time.Hour, connectors.ReasonFailedSignIn), rules: guard.Rules{ProtectedUsers: []string{"member*"}}, want: guard.CodeProtectedUser},
		"excluded":                    {lock: made(time.Hour, connectors.ReasonFailedSignIn), guard: guard.Guard{Exclude: []string{"*@example.org"}}, want: guard.CodeExcluded},
		"groups that are not told":    {lock: made(time.Hour, connectors.ReasonFailedSignIn), change: func(a *connectors.Account) { a.Groups = nil }, guard: guard.Guard{Exclude: []string{"group:admins"}}},
		"a layer that is not told":    {lock: made(time.Hour, connectors.ReasonAdmin), change: func(a *connectors.Account) { a.State.Unread = unread }, guard: strict},
		"a young lock beside a layer": {lock: made(time.Minute, connectors.ReasonFailedSignIn), change: func(a *connectors.Account) { a.State.Unread = unread }, guard: strict, want: guard.CodeLockedTooBriefly},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			member := latchkeytest.Member(1, test.lock)
			if test.change != nil {
				test.change(member)
			}
			b, _ := townOf(member)
			b.rules = test.rules
			page, err := run[activities.SurveyResult](b, b.steps.Survey, activities.SurveyInput{Guard: test.guard})
			require.NoError(t, err)
			require.Equal(t, test.want, page.Listed[0].Code)
			require.Equal(t, test.want != "", page.Listed[0].Explanation != "")
			require.Equal(t, test.want == guard.CodeLockAgeUnknown, page.Listed[0].Print != "")
		})
	}
}

// TestSurveyMeasuresByTheProvidersClock: a clock of ours that is off makes no lock older or
// younger, for the guard, for the count of fresh ones, and for a list by age.
func TestSurveyMeasuresByTheProvidersClock(t *testing.T) {
	t.Parallel()
	const off = 16 * time.Minute
	for name, test := range map[string]struct {
		theirs time.Duration // the provider's clock, against ours
		age    time.Duration
		young  bool
	}{
		"ours is ahead, just now":    {theirs: -off, age: time.Second, young: true},
		"ours is ahead, old enough":  {theirs: -off, age: 20 * time.Minute},
		"ours is behind, just now":   {theirs: off, age: time.Second, young: true},
		"ours is behind, old enough": {theirs: off, age: 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			member := latchkeytest.Member(1, made(test.age-test.theirs, connectors.ReasonFailedSignIn))
			b, _ := townOf(member)
			b.steps.Connector = skewed{b.steps.Connector, test.theirs}
			page, err := run[activities.SurveyResult](b, b.steps.Survey, activities.SurveyInput{
				Guard: guard.Guard{MinLockedFor: guard.Duration(15 * time.Minute)}, Window: 10 * time.Minute,
			})
			require.NoError(t, err)
			require.Equal(t, test.young, page.Listed[0].Code == guard.CodeLockedTooBriefly, page.Listed[0])
			require.Equal(t, test.young, page.Fresh == 1)
			list, err := run[activities.ListLockedResult](b, b.steps.ListLocked, activities.ListLockedInput{MinAge: guard.Duration(15 * time.Minute)})
			require.NoError(t, err)
			require.Equal(t, test.young, len(list.Accounts) == 0)
		})
	}
}

// skewed is a provider whose clock differs from ours.
type skewed struct {
	activities.Connector
	by time.Duration
}

func (s skewed) ListLocked(ctx context.Context, after string, limit int) (connectors.Page, error) {
	page, err := s.Connector.ListLocked(ctx, after, limit)
	for _, account := range page.Accounts {
		account.AsOf = time.Now().Add(s.by)
	}
	return page, err
}

// TestFingerprint tells sets of locks apart by place and reason, in any order.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	account, password := undated(connectors.ReasonFailedSignIn), undated(connectors.ReasonFailedSignIn)
	password.Layer = connectors.LayerPassword
	elsewhere := account
	elsewhere.Server = "dc1"
	inferred := account
	inferred.ReasonInferred = true
	prints := map[string]string{}
	for name, locks := range map[string][]connectors.Lock{
		"one": {account}, "other reason": {undated(connectors.ReasonUnknown)}, "other layer": {password}, "other server": {elsewhere},
		"two": {account, password}, "two in another order": {password, account}, "other reason, inferred": {inferred},
	} {
		b, _ := townOf(latchkeytest.Member(1, locks...))
		page, err := run[activities.SurveyResult](b, b.steps.Survey, activities.SurveyInput{Guard: guard.Guard{MinLockedFor: 1}})
		require.NoError(t, err)
		prints[name] = page.Listed[0].Print
	}
	require.Equal(t, prints["two"], prints["two in another order"])
	require.Equal(t, prints["other reason"], prints["other reason, inferred"], "what is inferred comes and goes")
	delete(prints, "two in another order")
	delete(prints, "other reason, inferred")
	seen := map[string]bool{}
	for name, fingerprint := range prints {
		require.Regexp(t, "^[0-9a-f]{8}$", fingerprint)
		require.False(t, seen[fingerprint], name)
		seen[fingerprint] = true
	}
}

// TestListsThatAreNotWhole: each step hands on what its page lacks, and one that reads several
// pages what all of them lack, also of an attempt before it.
func TestListsThatAreNotWhole(t *testing.T) {
	t.Parallel()
	first := connectors.Missing{Rows: 2, UserIDs: []string{latchkeytest.MemberID(7)}}
	later := connectors.Missing{Rows: 1, UserIDs: []string{latchkeytest.MemberID(8)}, Servers: []connectors.MissingServer{{Server: "two", Kind: connectors.Unavailable}}}
	all := connectors.Missing{Rows: 2, UserIDs: []string{latchkeytest.MemberID(7), latchkeytest.MemberID(8)}, Servers: later.Servers}
	town := func() *bench {
		b, town := townOf()
		for n := 1; n <= 3; n++ {
			town.Add(latchkeytest.Member(n, made(time.Hour, connectors.ReasonFailedSignIn)))
		}
		town.PageSize = 1
		town.Missing = func(after string) connectors.Missing {
			return map[string]connectors.Missing{"": first, latchkeytest.MemberID(2): later}[after]
		}
		return b
	}
	b := town()
	surveyed, err := run[activities.SurveyResult](b, b.steps.Survey, activities.SurveyInput{Window: time.Minute})
	require.NoError(t, err)
	require.Equal(t, first, surveyed.Missing)
	require.Equal(t, 2, surveyed.Suspects(), "who could not be read may have been locked a moment ago")

	counted, err := run[activities.Tally](b, b.steps.CountLocked, activities.CountLockedInput{})
	require.NoError(t, err)
	require.Equal(t, all, counted.Missing)
	require.Equal(t, 3, counted.Locked)

	b = town()
	b.environment.SetHeartbeatDetails(activities.CountLockedInput{After: latchkeytest.MemberID(2), Tally: activities.Tally{Locked: 2, Missing: first}})
	resumed, err := run[activities.Tally](b, b.steps.CountLocked, activities.CountLockedInput{})
	require.NoError(t, err)
	require.Equal(t, all, resumed.Missing)

	listed, err := run[activities.ListLockedResult](b, b.steps.ListLocked, activities.ListLockedInput{After: latchkeytest.MemberID(2)})
	require.NoError(t, err)
	require.Equal(t, later, listed.Missing)
}

// TestCountLocked adds to what the survey counted, to the end of the list.
func TestCountLocked(t *testing.T) {
	t.Parallel()
	b, town := townOf()
	for n := 1; n <= 7; n++ {
		town.Add(latchkeytest.Member(n, made(time.Duration(n)*time.Hour, connectors.ReasonFailedSignIn)))
	}
	town.PageSize = 2
	tally, err := run[activities.Tally](b, b.steps.CountLocked, activities.CountLockedInput{
		After: latchkeytest.MemberID(2), Window: 4*time.Hour + time.Minute, Tally: activities.Tally{Locked: 2, Fresh: 2, Read: 7},
	})
	require.NoError(t, err)
	require.Equal(t, &activities.Tally{Locked: 7, Fresh: 4, Read: 7 + 3*7}, tally)
}

// TestCountLockedResumes: what an attempt told by its heartbeat is not counted again; what
// cannot be read is not believed.
func TestCountLockedResumes(t *testing.T) {
	t.Parallel()
	in := activities.CountLockedInput{Window: 2 * time.Hour}
	told := activities.CountLockedInput{After: latchkeytest.MemberID(3), Window: 2 * time.Hour, Tally: activities.Tally{Locked: 3, Fresh: 3, Read: 50}}
	for name, test := range map[string]struct {
		details any
		after   string
		read    int
	}{
		"a count":  {told, told.After, 54},
		"nonsense": {"no count", "", 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, town := townOf()
			for n := 1; n <= 4; n++ {
				town.Add(latchkeytest.Member(n, made(time.Hour, connectors.ReasonFailedSignIn)))
			}
			var asked []string
			town.OnList = func(_ context.Context, after string) error { asked = append(asked, after); return nil }
			b.environment.SetHeartbeatDetails(test.details)
			tally, err := run[activities.Tally](b, b.steps.CountLocked, in)
			require.NoError(t, err)
			require.Equal(t, &activities.Tally{Locked: 4, Fresh: 4, Read: test.read}, tally)
			require.Equal(t, []string{test.after}, asked)
		})
	}
}

// listings are the activities that read a provider's list.
func listings() map[string]func(*bench) error {
	return map[string]func(*bench) error{
		"survey": func(b *bench) error {
			_, err := run[activities.SurveyResult](b, b.steps.Survey, activities.SurveyInput{})
			return err
		},
		"count": func(b *bench) error {
			_, err := run[activities.Tally](b, b.steps.CountLocked, activities.CountLockedInput{})
			return err
		},
		"list": func(b *bench) error {
			_, err := run[activities.ListLockedResult](b, b.steps.ListLocked, activities.ListLockedInput{})
			return err
		},
	}
}

// TestListingsFail: each failure has its kind, and nothing personal.
func TestListingsFail(t *testing.T) {
	t.Parallel()
	secret := "secret of " + latchkeytest.Email
	for name, list := range listings() {
		for kind, fail := range map[string]func(context.Context, string) error{
			string(connectors.RateLimited): func(context.Context, string) error {
				return latchkeytest.FailAfter(connectors.RateLimited, time.Minute)
			},
			string(connectors.PermissionDenied): func(context.Context, string) error { return latchkeytest.Fail(connectors.PermissionDenied) },
			"unclassified":                      func(context.Context, string) error { return errors.New(secret) },
			"panic":                             func(context.Context, string) error { panic(secret) },
			string(connectors.Unsupported):      nil,
		} {
			t.Run(fmt.Sprint(name, " ", kind), func(t *testing.T) {
				t.Parallel()
				b, town := townOf(latchkeytest.Member(1, locked().State.Locks...))
				town.OnList = fail
				want := kind
				switch kind {
				case "unclassified", "panic":
					want = activities.TypeInternal
				case string(connectors.Unsupported):
					b.steps.Connector = b // One that cannot list.
				}
				failure, details := requireFailure(t, list(b), want)
				refused := kind == string(connectors.PermissionDenied) // which is asked again at first
				require.Equal(t, !connectors.Kind(kind).Retryable() && !refused, failure.NonRetryable())
				require.Equal(t, connectors.No, details.Sent)
				require.NotContains(t, failure.Error(), "secret")
				if kind == string(connectors.RateLimited) {
					require.Equal(t, time.Minute, failure.NextRetryDelay())
				}
			})
		}
	}
}

// TestListLocked: what the list leaves out is looked up, and who is gone or unlocked
// meanwhile is left out.
func TestListLocked(t *testing.T) {
	t.Parallel()
	b, town := townOf()
	for n := 1; n <= 4; n++ {
		member := latchkeytest.Member(n, made(time.Hour, connectors.ReasonFailedSignIn))
		if n > 1 {
			member.State.Unread = []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.Unsupported}}
		}
		town.Add(member)
	}
	var asked []string
	town.OnLookup = func(_ context.Context, id string) error {
		asked = append(asked, id)
		switch id {
		case latchkeytest.MemberID(2):
			town.Change(id, func(a *connectors.Account) {
				a.State.Unread = nil
				a.State.Locks = append(a.State.Locks, latchkeytest.PasswordLock())
			})
		case latchkeytest.MemberID(3):
			town.Change(id, func(a *connectors.Account) { a.State.Locks = nil })
		case latchkeytest.MemberID(4):
			return latchkeytest.Fail(connectors.NotFound)
		}
		return nil
	}
	page, err := run[activities.ListLockedResult](b, b.steps.ListLocked, activities.ListLockedInput{})
	require.NoError(t, err)
	require.Equal(t, []string{latchkeytest.MemberID(2), latchkeytest.MemberID(3), latchkeytest.MemberID(4)}, asked)
	require.Len(t, page.Accounts, 2)
	require.Equal(t, latchkeytest.MemberID(1), page.Accounts[0].ID)
	require.Len(t, page.Accounts[1].State.Locks, 2, "the look-up's")
	require.Empty(t, page.Accounts[1].User, "objects are not shown")
	require.Equal(t, activities.Tally{Locked: 4, Read: 4}, page.Tally)
}

// TestListLockedLookupFails: a user who may be locked is not left out in silence.
func TestListLockedLookupFails(t *testing.T) {
	t.Parallel()
	member := latchkeytest.Member(1, made(time.Hour, connectors.ReasonFailedSignIn))
	member.State.Unread = []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.Unsupported}}
	b, town := townOf(member)
	town.OnLookup = func(context.Context, string) error { return latchkeytest.Fail(connectors.Unavailable) }
	_, _ = requireFailure(t, listings()["list"](b), string(connectors.Unavailable))
}

// TestListLockedChooses by reason and age; both must hold of one lock.
func TestListLockedChooses(t *testing.T) {
	t.Parallel()
	members := []*connectors.Account{
		latchkeytest.Member(1, made(time.Hour, connectors.ReasonFailedSignIn)),
		latchkeytest.Member(2, made(time.Minute, connectors.ReasonFailedSignIn), made(time.Hour, connectors.ReasonAdmin)),
		latchkeytest.Member(3, undated(connectors.ReasonUnknown)),
	}
	for name, test := range map[string]struct {
		in   activities.ListLockedInput
		want []int
	}{
		"all":                     {want: []int{1, 2, 3}},
		"by reason":               {activities.ListLockedInput{Reasons: []connectors.Reason{connectors.ReasonAdmin, connectors.ReasonUnknown}}, []int{2, 3}},
		"by age":                  {activities.ListLockedInput{MinAge: guard.Duration(30 * time.Minute)}, []int{1, 2}},
		"by both, of one lock":    {activities.ListLockedInput{Reasons: []connectors.Reason{connectors.ReasonFailedSignIn}, MinAge: guard.Duration(30 * time.Minute)}, []int{1}},
		"after an ID":             {activities.ListLockedInput{After: latchkeytest.MemberID(2)}, []int{3}},
		"an unknown age is never": {activities.ListLockedInput{MinAge: 1, Reasons: []connectors.Reason{connectors.ReasonUnknown}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := townOf(members...)
			page, err := run[activities.ListLockedResult](b, b.steps.ListLocked, test.in)
			require.NoError(t, err)
			var got, want []string
			for _, account := range page.Accounts {
				got = append(got, account.ID)
			}
			for _, n := range test.want {
				want = append(want, latchkeytest.MemberID(n))
			}
			require.Equal(t, want, got)
			require.NotNil(t, page.Accounts)
		})
	}
}
