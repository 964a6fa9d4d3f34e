package pingone

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
)

func TestFieldsAreDocumented(t *testing.T) {
	t.Parallel()
	var check func(fields []connectors.Field)
	check = func(fields []connectors.Field) {
		keys := map[string]bool{}
		for _, field := range fields {
			require.NotEmpty(t, field.Label, field.Key)
			require.NotEmpty(t, field.Type, field.Key)
			require.True(t, strings.HasSuffix(field.Meaning, "."), field.Key)
			require.False(t, keys[field.Key], field.Key)
			keys[field.Key] = true
			check(field.Fields)
		}
	}
	check(fields)
	// The account state data model of the vendor's page, whole.
	var account []string
	for _, field := range fields {
		if field.Key == "account" {
			for _, inner := range field.Fields {
				account = append(account, inner.Key)
			}
		}
	}
	require.Equal(t, []string{"canAuthenticate", "lockedAt", "secondsUntilUnlock", "status", "unlockAt"}, account)
}

// readUser reads a user as a look-up does.
func readUser(raw []byte) (*user, error) {
	var read user
	return &read, httpcall.Decode(raw, &read)
}

type object = map[string]any

func TestAccountLocks(t *testing.T) {
	t.Parallel()
	at := func(wait time.Duration) *time.Time { moment := testNow.Add(wait); return &moment }
	text := func(moment *time.Time) string { return moment.Format(time.RFC3339) }
	lock := func(change func(*connectors.Lock)) []connectors.Lock {
		one := connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonUnknown}
		change(&one)
		return []connectors.Lock{one}
	}
	cases := map[string]struct {
		account object
		want    []connectors.Lock
		unread  bool
	}{
		"unlocked":        {account: object{"status": "OK"}, want: []connectors.Lock{}},
		"permanent":       {account: object{"status": "LOCKED"}, want: lock(func(l *connectors.Lock) { l.Permanent = true })},
		"by somebody":     {account: object{"status": "LOCKED", "lockedAt": text(at(-time.Hour))}, want: lock(func(l *connectors.Lock) { l.Since, l.Permanent = at(-time.Hour), true })},
		"until":           {account: object{"status": "LOCKED", "unlockAt": text(at(time.Hour))}, want: lock(func(l *connectors.Lock) { l.Until = at(time.Hour) })},
		"seconds":         {account: object{"status": "LOCKED", "secondsUntilUnlock": 60}, want: lock(func(l *connectors.Lock) { l.Until = at(-10*time.Minute + time.Minute) })},
		"both":            {account: object{"status": "LOCKED", "secondsUntilUnlock": 60, "unlockAt": text(at(time.Hour))}, want: lock(func(l *connectors.Lock) { l.Until = at(time.Hour) })},
		"its end passed":  {account: object{"status": "LOCKED", "unlockAt": text(at(-time.Hour))}, want: lock(func(l *connectors.Lock) { l.Until = at(-time.Hour) })},
		"unreadable end":  {account: object{"status": "LOCKED", "unlockAt": "soon"}, want: lock(func(*connectors.Lock) {})},
		"endless seconds": {account: object{"status": "LOCKED", "secondsUntilUnlock": 1 << 60}, want: lock(func(*connectors.Lock) {})},
		"unknown word":    {account: object{"status": "FROZEN"}, want: []connectors.Lock{}, unread: true},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read, err := readUser([]byte(fixture(t, object{"account": test.account})))
			require.NoError(t, err)
			// The provider's clock is ten minutes behind.
			state := read.state(password{Status: "OK"}, testNow.Add(-10*time.Minute), testNow)
			require.Equal(t, test.want, state.Locks)
			require.Equal(t, test.unread, !state.Clear() && len(state.Locks) == 0)
		})
	}
}

func TestPasswordStates(t *testing.T) {
	t.Parallel()
	unlocked := object{"account": object{"status": "OK", "canAuthenticate": true}}
	dated := object{"account": object{"status": "LOCKED", "lockedAt": "2026-02-12T17:00:00Z"}}
	cases := []struct {
		name     string
		changes  object
		password password
		locks    int
		reason   connectors.Reason
		expired  bool
		unread   connectors.Kind
		signIn   connectors.Answer
	}{
		{name: "fine", changes: unlocked, password: password{Status: "OK"}, signIn: connectors.Yes},
		{name: "external", changes: unlocked, password: password{Status: "EXTERNAL"}, signIn: connectors.Yes},
		{name: "none", changes: unlocked, password: password{Status: passwordNone}, signIn: connectors.No},
		{name: "expired", changes: unlocked, password: password{Status: "PASSWORD_EXPIRED"}, expired: true, signIn: connectors.No},
		{name: "must change", changes: unlocked, password: password{Status: "MUST_CHANGE_PASSWORD"}, expired: true, signIn: connectors.No},
		{name: "only the password", changes: unlocked, password: password{Status: passwordLockedOut}, locks: 1, reason: connectors.ReasonFailedSignIn, signIn: connectors.No},
		{name: "both", password: password{Status: passwordLockedOut}, locks: 2, reason: connectors.ReasonFailedSignIn, signIn: connectors.No},
		{name: "both, dated", changes: dated, password: password{Status: passwordLockedOut}, locks: 2, reason: connectors.ReasonUnknown, signIn: connectors.No},
		{name: "only the account", password: password{Status: "OK"}, locks: 1, reason: connectors.ReasonUnknown, signIn: connectors.No},
		{name: "unread", changes: unlocked, password: password{unread: connectors.PermissionDenied}, unread: connectors.PermissionDenied, signIn: connectors.Unknown},
		{name: "new word", changes: unlocked, password: password{Status: "NEW"}, unread: connectors.MalformedResponse, signIn: connectors.Unknown},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			read, err := readUser([]byte(fixture(t, test.changes)))
			require.NoError(t, err)
			state := read.state(test.password, testNow, testNow)
			require.Len(t, state.Locks, test.locks)
			for _, lock := range state.Locks {
				require.Equal(t, test.reason, lock.Reason)
				require.Equal(t, test.reason == connectors.ReasonFailedSignIn, lock.ReasonInferred)
			}
			require.Equal(t, test.expired, state.PasswordExpired)
			require.Equal(t, test.signIn, state.CanSignIn)
			if test.unread == "" {
				require.Empty(t, state.Unread)
			} else {
				require.Equal(t, []connectors.Unread{{Layer: connectors.LayerPassword, Kind: test.unread}}, state.Unread)
			}
		})
	}
}

// TestEndOfAPasswordLock: seconds count from the provider's clock at the password's answer.
func TestEndOfAPasswordLock(t *testing.T) {
	t.Parallel()
	end := testNow.Add(time.Minute)
	for name, test := range map[string]struct {
		password  string
		until     *time.Time
		permanent bool
	}{
		"ends":               {password: `{"status":"PASSWORD_LOCKED_OUT","secondsUntilUnlock":60}`, until: &end},
		"an administrator's": {password: `{"status":"PASSWORD_LOCKED_OUT"}`, permanent: true},
		"null":               {password: `{"status":"PASSWORD_LOCKED_OUT","secondsUntilUnlock":null}`, permanent: true},
		"another type":       {password: `{"status":"PASSWORD_LOCKED_OUT","secondsUntilUnlock":"soon"}`},
		"below zero":         {password: `{"status":"PASSWORD_LOCKED_OUT","secondsUntilUnlock":-1}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFake(t, map[string]answer{getUser: ok(fixture(t, nil)), getPassword: ok(test.password)})
			account, err := fake.open(t).Lookup(t.Context(), connectors.UserRef{ID: testID})
			require.NoError(t, err)
			require.Len(t, account.State.Locks, 2)
			lock := account.State.Locks[1]
			require.Equal(t, connectors.LayerPassword, lock.Layer)
			require.Equal(t, test.until, lock.Until)
			require.Equal(t, test.permanent, lock.Permanent)
		})
	}
	// A list tells the status alone.
	account, err := (&driver{Caller: httpcall.Caller{Now: time.Now}}).listed([]byte(fixture(t, object{"_embedded": object{"password": object{"status": "PASSWORD_LOCKED_OUT"}}})), testNow)
	require.NoError(t, err)
	lock := account.State.Locks[1]
	require.Equal(t, connectors.LayerPassword, lock.Layer)
	require.Nil(t, lock.Until)
	require.False(t, lock.Permanent)
}

func TestOtherStates(t *testing.T) {
	t.Parallel()
	fine := password{Status: "OK"}
	read := func(changes object) connectors.State {
		if changes["account"] == nil {
			changes["account"] = object{"status": "OK", "canAuthenticate": true}
		}
		user, err := readUser([]byte(fixture(t, changes)))
		require.NoError(t, err)
		return user.state(fine, testNow, testNow)
	}
	disabled := read(object{"enabled": false})
	require.True(t, disabled.Disabled)
	require.True(t, disabled.Clear())
	require.Equal(t, connectors.No, disabled.CanSignIn)
	require.Equal(t, connectors.No, read(object{"account": object{"status": "OK", "canAuthenticate": false}}).CanSignIn)
	pending := read(object{"lifecycle": object{"status": "VERIFICATION_REQUIRED"}})
	require.True(t, pending.Clear())
	require.Equal(t, connectors.Unknown, pending.CanSignIn)
}

func TestUnusableUsers(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]object{
		"account.status is missing":   {"account": object{"canAuthenticate": true}},
		"status has another type":     {"account": object{"status": 1}},
		"account has another type":    {"account": "OK"},
		"canAuthenticate has another": {"account": object{"status": "OK", "canAuthenticate": "yes"}},
		"enabled is missing":          {"enabled": nil},
		"enabled has another type":    {"enabled": "true"},
		"id is not a UUID":            {"id": "x"},
		"username has another type":   {"username": 1},
		"memberOfGroupNames has":      {"memberOfGroupNames": "Staff"},
	} {
		_, err := readUser([]byte(fixture(t, changes)))
		require.ErrorContains(t, err, name)
	}
}

func FuzzReadUser(f *testing.F) {
	f.Add([]byte(fixture(f, nil)), "PASSWORD_LOCKED_OUT")
	f.Add([]byte(fixture(f, object{"account": object{"status": "LOCKED", "secondsUntilUnlock": -5, "lockedAt": "9999-12-31T23:59:59-23:00"}})), "OK")
	f.Fuzz(func(t *testing.T, raw []byte, status string) {
		read, err := readUser(raw)
		if err != nil {
			return
		}
		account := read.account(password{Status: status}, testNow, testNow)
		if account.User, err = read.whole(raw); err != nil {
			return
		}
		require.NoError(t, connectors.ValidateID(account.ID))
		_, err = json.Marshal(account)
		require.NoError(t, err)
		if *read.Account.Status != "OK" {
			require.False(t, account.State.Clear())
		}
	})
}
