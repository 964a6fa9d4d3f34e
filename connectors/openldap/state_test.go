package openldap_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall/ldaptest"
	"github.com/latchkey-iam/latchkey/internal/directory"
)

func at(offset time.Duration) string {
	return time.Now().Add(offset).UTC().Format("20060102150405Z")
}

// policy makes a password policy that differs from the default.
func (p *peer) policy(t testing.TB, name string, changes map[string]string) string {
	t.Helper()
	dn := "cn=" + name + "," + p.Base
	add := ldap.NewAddRequest(dn, nil)
	attributes := map[string]string{"cn": name, "pwdAttribute": "userPassword", "pwdLockout": "TRUE", "pwdMaxFailure": "3", "pwdLockoutDuration": "600"}
	for attribute, value := range changes {
		attributes[attribute] = value
	}
	add.Attribute("objectClass", []string{"device", "pwdPolicy"})
	for attribute, value := range attributes {
		add.Attribute(attribute, []string{value})
	}
	require.NoError(t, p.Manage(t, 0).Add(add))
	return dn
}

// TestState: what is reported of an account is what a sign-in with the right password meets.
func TestState(t *testing.T) {
	t.Parallel()
	const admin = "000001010000Z"
	byAdmin := &connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonAdmin, ReasonInferred: true, Permanent: true}
	since := func(offset time.Duration, lock connectors.Lock) *connectors.Lock {
		moment := time.Now().Add(offset).UTC().Truncate(time.Second)
		lock.Layer, lock.Reason, lock.Since = connectors.LayerAccount, connectors.ReasonUnknown, &moment
		if !lock.Permanent {
			until := moment.Add(10 * time.Minute)
			lock.Until = &until
		}
		return &lock
	}
	for name, test := range map[string]struct {
		policy map[string]string
		set    map[string]string
		lock   *connectors.Lock
		blocks []string
		// mayBind: what the server still lets in, to change the password.
		mayBind bool
	}{
		"in use":                                {},
		"locked for ever by an administrator":   {set: map[string]string{"pwdAccountLockedTime": admin}, lock: byAdmin},
		"locked for ever whatever the duration": {policy: map[string]string{"pwdLockoutDuration": "1"}, set: map[string]string{"pwdAccountLockedTime": admin}, lock: byAdmin},
		"locked at the beginning of time":       {set: map[string]string{"pwdAccountLockedTime": "19700101000000Z"}, lock: &connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonUnknown, Permanent: true}},
		"a lock that holds":                     {set: map[string]string{"pwdAccountLockedTime": at(-5 * time.Minute)}, lock: since(-5*time.Minute, connectors.Lock{})},
		"a lock that has run out":               {set: map[string]string{"pwdAccountLockedTime": at(-12 * time.Minute)}},
		"a lock that never runs out":            {policy: map[string]string{"pwdLockoutDuration": "0"}, set: map[string]string{"pwdAccountLockedTime": at(-48 * time.Hour)}, lock: since(-48*time.Hour, connectors.Lock{Permanent: true})},
		"a lock that begins later":              {set: map[string]string{"pwdAccountLockedTime": at(time.Hour)}},
		"a policy that locks nobody":            {policy: map[string]string{"pwdLockout": "FALSE"}, set: map[string]string{"pwdAccountLockedTime": admin}},
		"the account has ended":                 {set: map[string]string{"pwdEndTime": at(-time.Hour)}, blocks: []string{connectors.BlockAccountExpired}},
		"the account ends later":                {set: map[string]string{"pwdEndTime": at(time.Hour)}},
		"the account begins later":              {set: map[string]string{"pwdStartTime": at(time.Hour)}, blocks: []string{connectors.BlockAccountExpired}},
		"the password must be changed":          {policy: map[string]string{"pwdMustChange": "TRUE"}, set: map[string]string{"pwdReset": "TRUE"}, blocks: []string{connectors.BlockPasswordExpired}, mayBind: true},
		"the password need not be changed":      {set: map[string]string{"pwdReset": "TRUE"}},
		"the password has expired":              {policy: map[string]string{"pwdMaxAge": "60"}, set: map[string]string{"pwdChangedTime": at(-time.Hour)}, blocks: []string{connectors.BlockPasswordExpired}},
		"the password has expired, with grace":  {policy: map[string]string{"pwdMaxAge": "60", "pwdGraceAuthNLimit": "2"}, set: map[string]string{"pwdChangedTime": at(-time.Hour)}},
		"the password has not expired":          {policy: map[string]string{"pwdMaxAge": "7200"}, set: map[string]string{"pwdChangedTime": at(-time.Hour)}},
		"locked, and the account has ended":     {set: map[string]string{"pwdAccountLockedTime": admin, "pwdEndTime": at(-time.Hour)}, lock: byAdmin, blocks: []string{connectors.BlockAccountExpired}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			more := map[string][]string{}
			if test.policy != nil {
				more["pwdPolicySubentry"] = []string{p.policy(t, "own", test.policy)}
			}
			user := p.Add(t, "", "", more)
			connection := p.Manage(t, 0)
			for attribute, value := range test.set {
				change := ldap.NewModifyRequest(user.DN, []ldap.Control{ldap.NewControlString("1.3.6.1.4.1.4203.666.5.12", true, "")})
				change.Replace(attribute, []string{value})
				require.NoError(t, connection.Modify(change))
			}
			account, err := open(t, p.config()).Lookup(t.Context(), user.Ref())
			require.NoError(t, err)
			if test.lock == nil {
				require.Empty(t, account.State.Locks)
			} else {
				require.Len(t, account.State.Locks, 1)
				require.WithinDuration(t, orZero(test.lock.Since), orZero(account.State.Locks[0].Since), 2*time.Second)
				require.WithinDuration(t, orZero(test.lock.Until), orZero(account.State.Locks[0].Until), 2*time.Second)
				told := account.State.Locks[0]
				told.Since, told.Until = test.lock.Since, test.lock.Until
				require.Equal(t, *test.lock, told)
			}
			require.ElementsMatch(t, test.blocks, account.State.StillBlockedBy())
			require.Empty(t, account.State.Unread)
			letIn := p.signIn(t, 0, user.DN, ldaptest.Password)
			require.Equal(t, connectors.AnswerOf(letIn && !test.mayBind), account.State.CanSignIn)
		})
	}
}

func orZero(moment *time.Time) time.Time {
	if moment == nil {
		return time.Time{}
	}
	return *moment
}

// TestUnlockChangesNothingElse: the lock and the failures go, so that one wrong password does
// not lock again; all else stays. Nobody's lock is no failure.
func TestUnlockChangesNothingElse(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	user := p.Add(t, "", "", map[string][]string{"description": {"one", "two"}})
	connector := open(t, p.config())
	others := func() map[string][]string {
		kept := map[string][]string{}
		for _, attribute := range p.Entry(t, 0, user.DN).Attributes {
			switch attribute.Name {
			case "pwdAccountLockedTime", "pwdFailureTime", "entryCSN", "modifiersName", "modifyTimestamp":
			default:
				kept[attribute.Name] = attribute.Values
			}
		}
		return kept
	}
	before := others()
	for range 2 {
		p.lock(t, 0, user)
		failures := p.Entry(t, 0, user.DN).GetAttributeValues("pwdFailureTime")
		account, err := connector.Lookup(t.Context(), user.Ref())
		require.NoError(t, err)
		require.Equal(t, connectors.ReasonFailedSignIn, account.State.Locks[0].Reason)
		require.Len(t, account.Evidence, 1)
		require.Equal(t, len(failures), account.Evidence[0].Failures)
		require.Len(t, account.Evidence[0].Times, len(failures))
		unlocked, err := connector.Unlock(t.Context(), account)
		require.NoError(t, err)
		require.Equal(t, account.Evidence, unlocked.Evidence, "the server keeps none of it")
		require.WithinDuration(t, time.Now(), unlocked.At, 5*time.Second)
		require.False(t, p.signIn(t, 0, user.DN, "wrong"))
		require.True(t, p.signIn(t, 0, user.DN, ldaptest.Password))
		require.Empty(t, p.Value(t, 0, user.DN, "pwdFailureTime"))
		unlocked, err = connector.Unlock(t.Context(), account)
		require.NoError(t, err)
		require.Empty(t, unlocked.Evidence)
	}
	require.Equal(t, before, others())
}

// TestHiddenAttributes: what the bind account may not read is unread, never "no lock"; a list by
// it is refused, never empty.
func TestHiddenAttributes(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	user := p.Add(t, "", "", nil)
	p.lock(t, 0, user)
	config := p.config()
	config.BindDN = directory.OpenLDAPBlind
	connector := open(t, config)
	for _, ref := range []connectors.UserRef{user.Ref(), {Username: user.Username}, {Email: user.Email}} {
		account, err := connector.Lookup(t.Context(), ref)
		require.NoError(t, err)
		require.Equal(t, []connectors.Unread{{Layer: connectors.LayerAccount, Kind: connectors.PermissionDenied}}, account.State.Unread)
		require.Equal(t, connectors.Unknown, account.State.CanSignIn)
		require.Empty(t, account.Evidence)
	}
	_, err := connector.ListLocked(t.Context(), "", 10)
	require.Equal(t, connectors.PermissionDenied, connectors.KindOf(err))
	_, err = connector.Unlock(t.Context(), &connectors.Account{ID: user.ID})
	require.Equal(t, connectors.PermissionDenied, connectors.KindOf(err))
	require.NotEmpty(t, p.Value(t, 0, user.DN, "pwdAccountLockedTime"))
}

// TestPolicyThatCannotBeRead: whether a lock has run out nobody can say then.
func TestPolicyThatCannotBeRead(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	user := p.Add(t, "", "", map[string][]string{"pwdPolicySubentry": {"cn=nowhere," + p.Base}, "pwdAccountLockedTime": {at(-time.Hour)}})
	account, err := open(t, p.config()).Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	require.Len(t, account.State.Locks, 1)
	require.Nil(t, account.State.Locks[0].Until)
	require.Equal(t, []connectors.Unread{{Layer: connectors.LayerAccount, Kind: connectors.PermissionDenied}}, account.State.Unread)
}

// TestNoDefaultPolicy: where it is not told, no lock is known to have run out.
func TestNoDefaultPolicy(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	user := p.Add(t, "", "", map[string][]string{"pwdAccountLockedTime": {at(-time.Hour)}})
	config := p.config()
	config.DefaultPolicyDN = ""
	account, err := open(t, config).Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	require.Len(t, account.State.Locks, 1)
	require.Nil(t, account.State.Locks[0].Until)
	require.False(t, account.State.Locks[0].Permanent)
	require.Empty(t, account.State.Unread)
}

// TestUser: every attribute is there in its shape, and no hash.
func TestUser(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	user := p.Add(t, "", "", map[string][]string{
		"objectClass": {"inetOrgPerson", "posixAccount"}, "uidNumber": {"2147483647"}, "gidNumber": {"100"}, "homeDirectory": {"/home/x"},
		"mail": {"one@example.com", "two@example.com"}, "jpegPhoto": {"\xff\xd8\xff"}, "description": {"Grüße \U0001f512"},
	})
	config := p.config()
	// Who may read hashes does not pass them on.
	config.BindDN, config.Password = directory.OpenLDAPAdmin, directory.OpenLDAPPassword
	account, err := open(t, config).Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	var object map[string]any
	require.NoError(t, json.Unmarshal(account.User, &object))
	require.Equal(t, user.DN, object["dn"])
	require.Equal(t, user.ID, object["entryUUID"])
	require.Equal(t, []any{"one@example.com", "two@example.com"}, object["mail"])
	require.Equal(t, []any{"/9j/"}, object["jpegPhoto"])
	require.Equal(t, []any{"Grüße \U0001f512"}, object["description"])
	require.InDelta(t, 2147483647, object["uidNumber"], 0)
	require.Contains(t, object, "pwdChangedTime")
	require.NotContains(t, object, "userPassword")
	require.NotContains(t, string(account.User), ldaptest.Password)
	require.NotContains(t, string(account.User), "{SSHA}")
}

// TestPrivileged: members of the groups, and of groups within, also where these go round.
func TestPrivileged(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	direct, nested, unix, nobody := p.Add(t, "", "", nil), p.Add(t, "", "", nil), p.Add(t, "", "", nil), p.Add(t, "", "", nil)
	group := func(name string, members ...string) string {
		dn := "cn=" + name + ",ou=groups," + directory.OpenLDAPBase
		add := ldap.NewAddRequest(dn, nil)
		add.Attribute("objectClass", []string{"groupOfNames"})
		add.Attribute("cn", []string{name})
		add.Attribute("member", members)
		require.NoError(t, p.Manage(t, 0).Add(add))
		return dn
	}
	inner := group("inner"+direct.Username, nested.DN, "cn=outer"+direct.Username+",ou=groups,"+directory.OpenLDAPBase)
	outer := group("outer"+direct.Username, "UID="+direct.Username+", "+p.Base, inner, "cn=gone,dc=example,dc=com")
	posix := ldap.NewAddRequest("cn=unix"+direct.Username+",ou=groups,"+directory.OpenLDAPBase, nil)
	posix.Attribute("objectClass", []string{"posixGroup"})
	posix.Attribute("cn", []string{"unix"})
	posix.Attribute("gidNumber", []string{"27"})
	posix.Attribute("memberUid", []string{unix.Username})
	require.NoError(t, p.Manage(t, 0).Add(posix))
	config := p.config()
	config.PrivilegedGroups = outer + "; " + posix.DN
	require.True(t, config.Capabilities().ReadsPrivilege)
	connector := open(t, config)
	for _, test := range []struct {
		user ldaptest.Person
		want connectors.Answer
	}{{direct, connectors.Yes}, {nested, connectors.Yes}, {unix, connectors.Yes}, {nobody, connectors.No}} {
		account, err := connector.Lookup(t.Context(), test.user.Ref())
		require.NoError(t, err)
		require.Equal(t, test.want, account.State.Privileged)
	}
	config.PrivilegedGroups = "cn=gone," + directory.OpenLDAPBase
	account, err := open(t, config).Lookup(t.Context(), nobody.Ref())
	require.NoError(t, err)
	require.Equal(t, connectors.Unknown, account.State.Privileged, "who is privileged cannot be read")
}
