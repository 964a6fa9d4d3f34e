package ds389_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/ds389"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall/ldaptest"
	"github.com/latchkey-iam/latchkey/internal/directory"
)

func at(offset time.Duration) string {
	return time.Now().Add(offset).UTC().Format("20060102150405Z")
}

// TestState: what is reported of an account is what a sign-in with the right password meets.
func TestState(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set    map[string]string
		until  time.Duration
		blocks []string
		code   uint16
	}{
		"in use":                         {},
		"a lock that holds":              {set: map[string]string{"accountUnlockTime": at(5 * time.Minute), "passwordRetryCount": "3"}, until: 5 * time.Minute, code: ldap.LDAPResultConstraintViolation},
		"a lock that has run out":        {set: map[string]string{"accountUnlockTime": at(-5 * time.Second), "passwordRetryCount": "3"}},
		"failures that do not lock":      {set: map[string]string{"passwordRetryCount": "2", "retryCountResetTime": at(5 * time.Minute)}},
		"disabled":                       {set: map[string]string{"nsAccountLock": "TRUE"}, blocks: []string{connectors.BlockDisabled}, code: ldap.LDAPResultUnwillingToPerform},
		"not disabled":                   {set: map[string]string{"nsAccountLock": "false"}},
		"disabled and locked":            {set: map[string]string{"nsAccountLock": "true", "accountUnlockTime": at(5 * time.Minute), "passwordRetryCount": "3"}, until: 5 * time.Minute, blocks: []string{connectors.BlockDisabled}, code: ldap.LDAPResultUnwillingToPerform},
		"the password expires later":     {set: map[string]string{"passwordExpirationTime": at(time.Hour)}},
		"the password must be changed":   {set: map[string]string{"passwordExpirationTime": "19700101000000Z"}, blocks: []string{connectors.BlockPasswordExpired}},
		"the password has expired since": {set: map[string]string{"passwordExpirationTime": at(-time.Hour)}, blocks: []string{connectors.BlockPasswordExpired}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := one.part(t)
			user := p.Add(t, "", "", nil)
			for attribute, value := range test.set {
				p.Set(t, 0, user.DN, attribute, value)
			}
			config := p.config()
			config.LockoutDuration = "10m"
			account := lookup(t, config, user)
			if test.until == 0 {
				require.Empty(t, account.State.Locks)
			} else {
				require.Len(t, account.State.Locks, 1)
				lock := account.State.Locks[0]
				require.WithinDuration(t, time.Now().Add(test.until), *lock.Until, 2*time.Minute)
				require.Equal(t, 10*time.Minute, lock.Until.Sub(*lock.Since))
				require.Equal(t, connectors.ReasonFailedSignIn, lock.Reason)
				require.Nil(t, lookup(t, p.config(), user).State.Locks[0].Since, "the server does not keep it")
			}
			require.ElementsMatch(t, test.blocks, account.State.StillBlockedBy())
			require.Equal(t, connectors.AnswerOf(test.until == 0 && test.blocks == nil), account.State.CanSignIn)
			require.Equal(t, test.code, p.Bind(t, 0, user.DN, ldaptest.Password))
			require.WithinDuration(t, time.Now(), account.AsOf, 5*time.Second)
		})
	}
}

// TestDisabledByRole: the server computes it, and an unlock leaves it alone.
func TestDisabledByRole(t *testing.T) {
	t.Parallel()
	p := startPeer(t, one.options)
	role := "cn=disabled," + p.Base
	for dn, attributes := range map[string]map[string][]string{
		role:                     {"objectClass": {"ldapSubEntry", "nsRoleDefinition", "nsSimpleRoleDefinition", "nsManagedRoleDefinition"}, "cn": {"disabled"}},
		"cn=templates," + p.Base: {"objectClass": {"nsContainer"}, "cn": {"templates"}},
	} {
		p.Make(t, dn, attributes)
	}
	p.Make(t, `cn="`+role+`",cn=templates,`+p.Base, map[string][]string{
		"objectClass": {"extensibleObject", "costemplate", "ldapSubEntry"}, "cn": {role}, "nsAccountLock": {"true"}, "cosPriority": {"0"},
	})
	p.Make(t, "cn=cos,"+p.Base, map[string][]string{
		"objectClass": {"ldapSubEntry", "cosSuperDefinition", "cosClassicDefinition"}, "cn": {"cos"},
		"cosTemplateDn": {"cn=templates," + p.Base}, "cosAttribute": {"nsAccountLock operational"}, "cosSpecifier": {"nsRole"},
	})
	user := p.Add(t, "", "", map[string][]string{"nsRoleDN": {role}})
	p.await(t, 0, user.DN, "nsAccountLock", "true")
	p.Set(t, 0, user.DN, "accountUnlockTime", at(time.Minute))
	p.Set(t, 0, user.DN, "passwordRetryCount", "3")
	account := lookup(t, p.config(), user)
	require.True(t, account.State.Disabled)
	_, err := open(t, p.config()).Unlock(t.Context(), account)
	require.NoError(t, err)
	account = lookup(t, p.config(), user)
	require.True(t, account.State.Clear())
	require.True(t, account.State.Disabled)
}

// TestLockedForEver: where the policy lets no lock run out, it is said so, listed and cleared.
func TestLockedForEver(t *testing.T) {
	t.Parallel()
	p := startPeer(t, one.options)
	p.Set(t, 0, "cn=config", "passwordUnlock", "off")
	user := p.Add(t, "", "", nil)
	p.lock(t, 0, user)
	require.Equal(t, "19700101000000Z", p.Value(t, 0, user.DN, "accountUnlockTime"))
	connector := open(t, p.config())
	page, err := connector.ListLocked(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, page.Accounts, 1)
	require.Equal(t, []connectors.Lock{{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn, Permanent: true}}, page.Accounts[0].State.Locks)
	_, err = connector.Unlock(t.Context(), page.Accounts[0])
	require.NoError(t, err)
	require.True(t, p.signIn(t, 0, user.DN, ldaptest.Password))
}

// TestUnlockChangesNothingElse: the lock and the failures go, so that one wrong password does
// not lock again; all else stays. Where nothing locks, nothing is sent.
func TestUnlockChangesNothingElse(t *testing.T) {
	t.Parallel()
	p := one.part(t)
	user := p.Add(t, "", "", map[string][]string{"description": {"one", "two"}})
	connector := open(t, p.config())
	before := p.Entry(t, 0, user.DN).Attributes
	for range 2 {
		p.lock(t, 0, user)
		account := lookup(t, p.config(), user)
		require.Equal(t, []connectors.Evidence{{Failures: 3}}, account.Evidence)
		unlocked, err := connector.Unlock(t.Context(), account)
		require.NoError(t, err)
		require.Equal(t, account.Evidence, unlocked.Evidence, "the server keeps none of it")
		require.WithinDuration(t, time.Now(), unlocked.At, 5*time.Second)
		require.Equal(t, before, p.Entry(t, 0, user.DN).Attributes)
		require.False(t, p.signIn(t, 0, user.DN, "wrong"))
		require.True(t, p.signIn(t, 0, user.DN, ldaptest.Password), "one wrong password does not lock again")
	}
	changed := p.modified(t, user)
	unlocked, err := connector.Unlock(t.Context(), &connectors.Account{ID: user.ID})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), unlocked.At, 5*time.Second)
	require.Equal(t, changed, p.modified(t, user))
}

// modified is who last changed an entry.
func (p *peer) modified(t testing.TB, user ldaptest.Person) []*ldap.EntryAttribute {
	t.Helper()
	found, err := p.Manage(t, 0).Search(ldap.NewSearchRequest(user.DN, ldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", []string{"modifyTimestamp", "modifiersName", "entryusn"}, nil))
	require.NoError(t, err)
	return found.Entries[0].Attributes
}

// TestLocksOfSuppliers: without the global policy an unlock at one server leaves the lock at the
// other, and with it a lock made at one is everywhere; a connection to both clears it.
func TestLocksOfSuppliers(t *testing.T) {
	t.Parallel()
	t.Run("own", func(t *testing.T) {
		t.Parallel()
		p := two.part(t)
		user := p.Add(t, "", "", nil)
		p.lock(t, 1, user)
		first := p.config()
		first.URLS = p.Servers[0].TLSURL
		require.True(t, lookup(t, first, user).State.Clear())
		_, err := open(t, first).Unlock(t.Context(), &connectors.Account{ID: user.ID})
		require.NoError(t, err)
		require.True(t, p.signIn(t, 0, user.DN, ldaptest.Password))
		require.False(t, p.signIn(t, 1, user.DN, ldaptest.Password))
		account := lookup(t, p.config(), user)
		require.Equal(t, p.names()[1], account.State.Locks[0].Server)
		require.Equal(t, []connectors.Evidence{{Server: p.names()[1], Failures: 3}}, account.Evidence)
		_, err = open(t, p.config()).Unlock(t.Context(), account)
		require.NoError(t, err)
		require.True(t, p.signIn(t, 1, user.DN, ldaptest.Password))
	})
	t.Run("global", func(t *testing.T) {
		t.Parallel()
		p := same.part(t)
		user := p.Add(t, "", "", nil)
		p.lock(t, 0, user)
		p.await(t, 1, user.DN, "passwordRetryCount", "3")
		p.Eventually(t, func() bool { return !p.signIn(t, 1, user.DN, ldaptest.Password) })
		connector := open(t, p.config())
		require.Len(t, lookup(t, p.config(), user).State.Locks, 2)
		unlocked, err := connector.Unlock(t.Context(), &connectors.Account{ID: user.ID})
		require.NoError(t, err)
		require.Empty(t, unlocked.Refused)
		for server := range p.Servers {
			p.await(t, server, user.DN, "accountUnlockTime", "")
			require.True(t, p.signIn(t, server, user.DN, ldaptest.Password))
		}
	})
}

// TestRights: what the bind account lacks is said, with the rule to add, also when somebody is
// asked for who is not there, as `connections check` does; and what is hidden is never "no lock".
func TestRights(t *testing.T) {
	t.Parallel()
	p := one.part(t)
	user := p.Add(t, "", "", nil)
	p.lock(t, 0, user)
	absent := &connectors.Account{ID: ds389.Provider().ID.Absent}
	for bindDN, test := range map[string]struct{ read, list, unlock connectors.Kind }{
		directory.DS389Service: {connectors.NotFound, "", connectors.NotFound},
		directory.DS389Reader:  {connectors.NotFound, "", connectors.PermissionDenied},
		directory.DS389Blind:   {connectors.PermissionDenied, connectors.PermissionDenied, connectors.PermissionDenied},
	} {
		connector := open(t, p.as(bindDN))
		_, err := connector.Lookup(t.Context(), connectors.UserRef{ID: absent.ID})
		require.Equal(t, test.read, connectors.KindOf(err), bindDN)
		if test.read == connectors.PermissionDenied {
			require.ErrorContains(t, err, `aci: (targetattr="uid || mail || nsUniqueId || nsAccountLock || passwordExpirationTime || accountUnlockTime || passwordRetryCount || retryCountResetTime")(version 3.0; acl "latchkey"; allow (read, search, compare) userdn="ldap:///BIND_DN";)`)
		}
		_, err = connector.Unlock(t.Context(), absent)
		require.Equal(t, test.unlock, connectors.KindOf(err), bindDN)
		if test.unlock == connectors.PermissionDenied {
			require.ErrorContains(t, err, `aci: (targetattr="accountUnlockTime || passwordRetryCount || retryCountResetTime")(version 3.0; acl "latchkey"; allow (write) userdn="ldap:///BIND_DN";)`)
		}
		_, err = connector.ListLocked(t.Context(), "", 10)
		require.Equal(t, test.list, connectors.KindOf(err), bindDN)
		account, err := connector.Lookup(t.Context(), connectors.UserRef{Username: user.Username})
		require.NoError(t, err)
		if bindDN == directory.DS389Blind {
			require.Equal(t, []connectors.Unread{{Layer: connectors.LayerAccount, Kind: connectors.PermissionDenied}}, account.State.Unread)
			require.Equal(t, connectors.Unknown, account.State.CanSignIn)
		} else {
			require.True(t, account.State.Locked())
		}
	}
}

// TestTheRulesThatAreShown suffice for a service account that had none.
func TestTheRulesThatAreShown(t *testing.T) {
	t.Parallel()
	p := one.part(t)
	user := p.Add(t, "", "", nil)
	p.lock(t, 0, user)
	account := "cn=new" + user.Username + ",ou=services," + directory.DS389Base
	p.Make(t, account, map[string][]string{"objectClass": {"applicationProcess", "simpleSecurityObject"}, "userPassword": {directory.DS389ServicePassword}})
	rule := func(err error) {
		require.Equal(t, connectors.PermissionDenied, connectors.KindOf(err))
		_, aci, shown := strings.Cut(err.Error(), "aci: ")
		require.True(t, shown)
		add := ldap.NewModifyRequest(p.Base, nil)
		add.Add("aci", []string{strings.Replace(aci, "BIND_DN", account, 1)})
		require.NoError(t, p.Manage(t, 0).Modify(add))
	}
	list := func() (connectors.Page, error) { return open(t, p.as(account)).ListLocked(t.Context(), "", 10) }
	_, err := list()
	rule(err)
	// The server keeps what it decided for a connection.
	p.Eventually(t, func() bool { _, err = list(); return err == nil })
	page, err := list()
	require.NoError(t, err)
	require.Len(t, page.Accounts, 1)
	_, err = open(t, p.as(account)).Unlock(t.Context(), &connectors.Account{ID: ds389.Provider().ID.Absent})
	rule(err)
	p.Eventually(t, func() bool { _, err = open(t, p.as(account)).Unlock(t.Context(), page.Accounts[0]); return err == nil })
	require.True(t, p.signIn(t, 0, user.DN, ldaptest.Password))
}

// TestBindAccountIsLocked: the server answers otherwise than for a wrong ldaptest.Password, and it is said
// to be the bind account all the same.
func TestBindAccountIsLocked(t *testing.T) {
	t.Parallel()
	p := one.part(t)
	locked, disabled := p.Add(t, "", "", nil), p.Add(t, "", "", nil)
	p.lock(t, 0, locked)
	p.Set(t, 0, disabled.DN, "nsAccountLock", "true")
	for _, user := range []ldaptest.Person{locked, disabled} {
		config := p.as(user.DN)
		config.Password = ldaptest.Password
		_, err := open(t, config).Lookup(t.Context(), user.Ref())
		require.Equal(t, connectors.Unauthenticated, connectors.KindOf(err))
	}
}

// TestUser: the whole entry, and no password in it, for whoever may see everything.
func TestUser(t *testing.T) {
	t.Parallel()
	p := one.part(t)
	user := p.Add(t, "", "", map[string][]string{"jpegPhoto": {"\xff\xd8\xff"}, "description": {"one"}})
	p.lock(t, 0, user)
	config := p.as(directory.DS389Admin)
	config.Password = directory.DS389Password
	var object map[string]any
	require.NoError(t, json.Unmarshal(lookup(t, config, user).User, &object))
	require.InDelta(t, 3, object["passwordRetryCount"], 0)
	require.Equal(t, []any{"/9j/"}, object["jpegPhoto"])
	require.Equal(t, user.DN, object["dn"])
	require.NotNil(t, object["accountUnlockTime"])
	require.NotNil(t, object["retryCountResetTime"])
	require.NotContains(t, object, "userPassword")
	require.NotContains(t, object, "passwordHistory")
}

// TestNames: a user of any name is found by it and by the entry's distinguished name, and what
// the server takes for the same is another's.
func TestNames(t *testing.T) {
	t.Parallel()
	p := one.part(t)
	connector := open(t, p.config())
	for _, name := range []string{"plus+sign", "comma,name", `back\slash`, `"quoted"`, "star*name", "a)(uid=*", "#hash", "o'smith", "*"} {
		user := p.Add(t, name, "", nil)
		for _, ref := range []connectors.UserRef{user.Ref(), {Username: name}, {Username: user.DN}, {Email: user.Email}} {
			account, err := connector.Lookup(t.Context(), ref)
			require.NoError(t, err, "%+v", ref)
			require.Equal(t, user.ID, account.ID, "%+v", ref)
		}
	}
	p.Add(t, "plain", "", nil)
	for _, name := range []string{"ｐlain", "plain*", "uid=nobody," + p.Base, directory.DS389Service, "uid=plain"} {
		_, err := connector.Lookup(t.Context(), connectors.UserRef{Username: name})
		require.Equal(t, connectors.NotFound, connectors.KindOf(err), "%q", name)
	}
}

// TestThousand: 1,000 locked people beyond the server's size limit are listed and unlocked with
// at most three operations each; those whose lock has run out, and nobody else, are left out.
func TestThousand(t *testing.T) {
	t.Parallel()
	p := startPeer(t, one.options)
	p.Set(t, 0, "cn=config", "nsslapd-sizelimit", "150")
	admin := p.Manage(t, 0)
	for i := range 1100 {
		add := ldap.NewAddRequest(fmt.Sprintf("uid=crowd%d,%s", i, p.Base), nil)
		until := at(time.Hour)
		if i >= 1000 {
			until = at(-time.Hour)
		}
		for name, value := range map[string]string{
			"objectClass": "inetOrgPerson", "uid": fmt.Sprintf("crowd%d", i), "cn": "x", "sn": "x", "accountUnlockTime": until, "passwordRetryCount": "3",
		} {
			add.Attribute(name, []string{value})
		}
		require.NoError(t, admin.Add(add))
	}
	count := &counter{}
	connector, err := connectors.Open(ds389.Provider(), p.config(), connectors.Options{Limiter: count})
	require.NoError(t, err)
	t.Cleanup(func() { _ = connector.Close() })
	var locked []*connectors.Account
	for after := ""; ; {
		page, err := connector.ListLocked(t.Context(), after, 500)
		require.NoError(t, err)
		require.False(t, page.Missing.Any())
		locked = append(locked, page.Accounts...)
		if after = page.Next; after == "" {
			break
		}
	}
	require.Len(t, locked, 1000)
	require.Less(t, count.Load(), int64(50))
	listing := count.Load()
	for _, account := range locked {
		_, err := connector.Unlock(t.Context(), account)
		require.NoError(t, err)
	}
	require.LessOrEqual(t, count.Load()-listing, int64(3*1000))
	page, err := connector.ListLocked(t.Context(), "", 500)
	require.NoError(t, err)
	require.Empty(t, page.Accounts)
}

type counter struct{ atomic.Int64 }

// Wait implements connectors.Limiter.
func (c *counter) Wait(context.Context) error {
	c.Add(1)
	return nil
}

// TestConfig: a fault is named by its variable.
func TestConfig(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*ds389.Config){
		"LOCKOUT_DURATION must be":   func(c *ds389.Config) { c.LockoutDuration = "600" },
		"USERNAME_ATTRIBUTE must be": func(c *ds389.Config) { c.UsernameAttribute = "uid)(x" },
		"EMAIL_ATTRIBUTE must be":    func(c *ds389.Config) { c.EmailAttribute = "" },
		"PRIVILEGED_GROUPS must be":  func(c *ds389.Config) { c.PrivilegedGroups = "admins" },
		"BASE_DN must be":            func(c *ds389.Config) { c.BaseDN = "" },
	} {
		config := ds389.NewConfig()
		config.URLS, config.BaseDN, config.BindDN, config.Password = "ldaps://one.example.com", "dc=example,dc=com", "cn=latchkey,dc=example,dc=com", "secret"
		_, err := config.Open(connectors.Options{})
		require.NoError(t, err)
		change(config)
		_, err = config.Open(connectors.Options{})
		require.ErrorContains(t, err, want)
	}
}
