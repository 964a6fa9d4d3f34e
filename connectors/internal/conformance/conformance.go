package conformance

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Run runs every case that any peer can be put to, each on a peer of its own. A witness
// looks at every error.
func Run(t *testing.T, newHarness func(t testing.TB) Harness) {
	for _, each := range []struct {
		name string
		test func(*testing.T, Harness)
	}{
		{"LookupByEachReference", lookupByEachReference},
		{"IDsInAnotherCase", idsInAnotherCase},
		{"LookupFindsOneOfMany", lookupFindsOneOfMany},
		{"NotFound", notFound},
		{"Ambiguous", ambiguous},
		{"UserIsComplete", userIsComplete},
		{"GroupsByIDAndName", groupsByIDAndName},
		{"FailedSignInsLockAndUnlock", failedSignInsLockAndUnlock},
		{"AdministratorsLockAndUnlock", administratorsLockAndUnlock},
		{"FailuresOnAnAdministratorsLock", failuresOnAnAdministratorsLock},
		{"UnlockTwice", unlockTwice},
		{"UnlockOfOneAlone", unlockOfOneAlone},
		{"SuspendedStaysSuspended", suspendedStaysSuspended},
		{"DisabledStaysDisabled", disabledStaysDisabled},
		{"WrongCredentials", wrongCredentials},
		{"NoPermission", noPermission},
		{"CancelledContext", cancelledContext},
		{"ListLocked", listLocked},
		{"LocksOfEachServer", locksOfEachServer},
		{"StoppedServers", stoppedServers},
	} {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			each.test(t, &watched{Harness: h, t: t, secret: newSecrets(h)})
		})
	}
}

func lookupByEachReference(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	for name, ref := range map[string]connectors.UserRef{
		"id":       user.Ref(),
		"username": {Username: user.Username},
		"email":    {Email: user.Email},
	} {
		account, err := h.Connector().Lookup(t.Context(), ref)
		require.NoError(t, err, name)
		require.Equal(t, user.ID, account.ID, name)
		require.Equal(t, user.Username, account.Username, name)
		require.Equal(t, user.Email, account.Email, name)
		require.NoError(t, connectors.ValidateID(account.ID))
		require.True(t, account.State.Clear(), name)
		require.Equal(t, connectors.Yes, account.State.CanSignIn, name)
		_, several := h.(*watched).Harness.(Several)
		require.Equal(t, several, account.AsOf.IsZero(), "one server tells its time, several have none in common")
	}
}

// idsInAnotherCase: where upper and lower case mean the same, an ID is found in either, under
// its one spelling; elsewhere another spelling is another ID.
func idsInAnotherCase(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	for _, other := range []string{strings.ToUpper(user.ID), strings.ToLower(user.ID)} {
		account, err := h.Connector().Lookup(t.Context(), connectors.UserRef{ID: other})
		if other == user.ID || h.Provider().ID.FoldCase {
			require.NoError(t, err)
			require.Equal(t, user.ID, account.ID)
			continue
		}
		require.Contains(t, []connectors.Kind{connectors.NotFound, connectors.RejectedByProvider}, connectors.KindOf(err))
	}
}

// lookupFindsOneOfMany: a name that is part of others, or holds what a filter language
// gives a meaning to, finds its own user and no other.
func lookupFindsOneOfMany(t *testing.T, h Harness) {
	var users []User
	for _, name := range []string{"smith", "smith2", "asmith", "o'smith", "smith.j", "smithxj", "smith+j"} {
		users = append(users, h.MakeUser(t, name, name+"@example.com"))
	}
	for _, user := range users {
		for _, ref := range []connectors.UserRef{{Username: user.Username}, {Email: user.Email}} {
			account, err := h.Connector().Lookup(t.Context(), ref)
			require.NoError(t, err, ref)
			require.Equal(t, user.ID, account.ID, ref)
		}
	}
}

func notFound(t *testing.T, h Harness) {
	h.MakeUser(t, "", "")
	for _, ref := range []connectors.UserRef{
		{ID: h.UnknownID()}, {Username: "nobody"}, {Email: "nobody@example.com"},
		{Username: `x" or username sw "`}, {Username: `*`}, {Email: `a)(mail=*`}, {Username: `\`}, {Username: `nobody:$ne:x`},
	} {
		_, err := h.Connector().Lookup(t.Context(), ref)
		requireKind(t, err, connectors.NotFound)
	}
}

func ambiguous(t *testing.T, h Harness) {
	h.MakeUser(t, "first.twin", "twins@example.com")
	h.MakeUser(t, "second.twin", "twins@example.com")
	_, err := h.Connector().Lookup(t.Context(), connectors.UserRef{Email: "twins@example.com"})
	requireKind(t, err, connectors.Ambiguous)
}

// userIsComplete: every documented key is there, at every level of what was sent.
func userIsComplete(t *testing.T, h Harness) {
	account := lookup(t, h, h.MakeUser(t, "", ""))
	var user map[string]any
	require.NoError(t, json.Unmarshal(account.User, &user))
	require.NotEmpty(t, h.Provider().Fields)
	requireFields(t, h.Provider().Fields, user)
	require.NotContains(t, user, "password")
}

func requireFields(t *testing.T, fields []connectors.Field, object map[string]any) {
	t.Helper()
	for _, field := range fields {
		require.Contains(t, object, field.Key)
		switch value := object[field.Key].(type) {
		case map[string]any:
			requireFields(t, field.Fields, value)
		case []any:
			for _, element := range value {
				if inner, ok := element.(map[string]any); ok {
					requireFields(t, field.Fields, inner)
				}
			}
		}
	}
}

// groupsByIDAndName: a rule may name a group by either, so that an account's groups are told
// with both, or not at all.
func groupsByIDAndName(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	grouper, tells := h.(*watched).Harness.(Grouper)
	require.Equal(t, h.Capabilities().TellsGroups, tells)
	if !tells {
		require.Nil(t, lookup(t, h, user).Groups)
		return
	}
	var want []string
	for _, known := range [][2]string{{"7c1f5b7e-0000-4000-8000-00000000000a", "Executives"}, {"7c1f5b7e-0000-4000-8000-00000000000b", "Staff"}} {
		grouper.JoinGroup(t, user, known[0], known[1])
		want = append(want, known[0], known[1])
	}
	if id, name := grouper.Population(); id != "" {
		want = append(want, id, name)
	}
	for _, ref := range []connectors.UserRef{user.Ref(), {Username: user.Username}, {Email: user.Email}} {
		account, err := h.Connector().Lookup(t.Context(), ref)
		require.NoError(t, err)
		require.ElementsMatch(t, want, account.Groups, ref)
	}
}

func failedSignInsLockAndUnlock(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	require.False(t, h.SignIn(t, user))
	account := requireLocked(t, h, user)
	for _, lock := range account.State.Locks {
		require.NotEqual(t, connectors.ReasonAdmin, lock.Reason)
		require.True(t, lock.Reason == connectors.ReasonUnknown || lock.Reason == connectors.ReasonFailedSignIn)
	}
	require.NoError(t, unlock(t, h.Connector(), account))
	requireUnlocked(t, h, user)
}

func administratorsLockAndUnlock(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	if !h.LockAsAdministrator(t, user) {
		return // the provider locks by failed sign-ins alone
	}
	require.False(t, h.SignIn(t, user))
	account := requireLocked(t, h, user)
	requireNotTakenForFailures(t, account)
	require.NoError(t, unlock(t, h.Connector(), account))
	requireUnlocked(t, h, user)
}

// failuresOnAnAdministratorsLock: a typo before or after an administrator's lock must
// not make it look like a lock by failed sign-ins on the account's own layer.
func failuresOnAnAdministratorsLock(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	if !h.LockAsAdministrator(t, user) {
		return
	}
	require.False(t, h.SignIn(t, user))
	requireNotTakenForFailures(t, requireLocked(t, h, user))
}

func unlockTwice(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	account := requireLocked(t, h, user)
	before := account.AsOf
	unlocked, err := h.Connector().Unlock(t.Context(), account)
	require.NoError(t, err)
	require.False(t, unlocked.At.Before(before), "an unlock tells the provider's time")
	require.NoError(t, unlock(t, h.Connector(), account))
	requireUnlocked(t, h, user)
}

// unlockOfOneAlone: nobody else is unlocked, whatever the names have in common.
func unlockOfOneAlone(t *testing.T, h Harness) {
	var users []User
	for _, name := range []string{"jane", "jane2", "ajane", "john"} {
		user := h.MakeUser(t, name, "")
		h.LockByFailedSignIns(t, user)
		users = append(users, user)
	}
	require.NoError(t, unlock(t, h.Connector(), requireLocked(t, h, users[0])))
	requireUnlocked(t, h, users[0])
	for _, other := range users[1:] {
		requireLocked(t, h, other)
		require.False(t, h.SignIn(t, other))
	}
}

func wrongCredentials(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	account := requireLocked(t, h, user)
	_, err := h.WrongCredentials().Lookup(t.Context(), user.Ref())
	requireKind(t, err, connectors.Unauthenticated)
	err = unlock(t, h.WrongCredentials(), account)
	requireKind(t, err, connectors.Unauthenticated)
	requireNotSent(t, err)
	requireLocked(t, h, user)
}

func noPermission(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	account, err := h.ReadOnly().Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	require.True(t, account.State.Locked())
	err = unlock(t, h.ReadOnly(), account)
	requireKind(t, err, connectors.PermissionDenied)
	requireNotSent(t, err)
	requireLocked(t, h, user)
}

func cancelledContext(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	account := requireLocked(t, h, user)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Connector().Lookup(ctx, user.Ref())
	require.ErrorIs(t, err, context.Canceled)
	requireKind(t, err, connectors.Unavailable)
	_, err = h.Connector().Unlock(ctx, account)
	require.ErrorIs(t, err, context.Canceled)
	requireKind(t, err, connectors.Unavailable)
	requireLocked(t, h, user)
}

// listLocked walks the locked accounts in small pages while they leave the set: each is
// met exactly once, in the order of the IDs, and nobody else is.
func listLocked(t *testing.T, h Harness) {
	lister := h.Connector()
	require.Equal(t, h.Capabilities().Lists, lister.Lists())
	if !lister.Lists() {
		return
	}
	var locked []string
	for i := range 25 {
		user := h.MakeUser(t, "", "")
		if i%2 == 0 {
			if i%4 != 0 || !h.LockAsAdministrator(t, user) {
				h.LockByFailedSignIns(t, user)
			}
			locked = append(locked, user.ID)
		}
	}
	slices.Sort(locked)
	var met []string
	after := ""
	for range 20 {
		page, err := lister.ListLocked(t.Context(), after, 4)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Accounts), 4)
		require.GreaterOrEqual(t, page.Read, len(page.Accounts))
		for _, account := range page.Accounts {
			require.True(t, account.State.Locked())
			require.Empty(t, account.User, "pages are long")
			met = append(met, account.ID)
			require.NoError(t, unlock(t, h.Connector(), account))
		}
		if after = page.Next; after == "" {
			break
		}
	}
	require.Equal(t, locked, met)
}

func unlock(t testing.TB, connector Connector, account *connectors.Account) error {
	t.Helper()
	_, err := connector.Unlock(t.Context(), account)
	return err
}

func lookup(t *testing.T, h Harness, user User) *connectors.Account {
	t.Helper()
	account, err := h.Connector().Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	return account
}

func requireLocked(t *testing.T, h Harness, user User) *connectors.Account {
	t.Helper()
	account := lookup(t, h, user)
	require.True(t, account.State.Locked())
	require.Equal(t, canSignIn(t, h, user), account.State.CanSignIn)
	return account
}

// canSignIn is what must be told of a locked user: a lock that holds only some ways in leaves
// the others open.
func canSignIn(t *testing.T, h Harness, user User) connectors.Answer {
	t.Helper()
	ways, ok := h.(*watched).Harness.(OpenWays)
	return connectors.AnswerOf(ok && ways.SignInElsewhere(t, user))
}

// requireUnlocked proves it twice: by a read, and by signing in.
func requireUnlocked(t *testing.T, h Harness, user User) {
	t.Helper()
	require.True(t, lookup(t, h, user).State.Clear())
	require.True(t, h.SignIn(t, user))
}

func requireNotTakenForFailures(t testing.TB, account *connectors.Account) {
	t.Helper()
	for _, lock := range account.State.Locks {
		require.NotEqual(t, connectors.ReasonFailedSignIn, lock.Reason)
	}
}

func requireKind(t *testing.T, err error, kind connectors.Kind) {
	t.Helper()
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, kind, failure.Kind, failure.Error())
	require.NotEmpty(t, failure.Provider)
	require.NotEmpty(t, failure.Operation)
	require.NotEmpty(t, failure.Message)
}

func requireNotSent(t *testing.T, err error) {
	t.Helper()
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, connectors.No, failure.Sent)
}
