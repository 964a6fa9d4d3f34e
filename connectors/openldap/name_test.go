package openldap_test

import (
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall/ldaptest"
	"github.com/latchkey-iam/latchkey/internal/directory"
)

// TestNames: a user of any name is found by it, by the entry's distinguished name and by ID, and
// is locked and unlocked; a part of the name, or what looks like it, is nobody.
func TestNames(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	connector := open(t, p.config())
	for _, name := range []string{
		"plus+sign", "comma,name", "semi;colon", "equals=sign", "less<more>", "#hash", `back\slash`, `"quoted"`, "star*name", "(brackets)",
		"Jürgen Müller", "\U0001f512lock", "ｆｕｌｌ", "a)(uid=*", "double  blank", "tab-é", "日本語", "null", "*",
	} {
		user := p.Add(t, name, "", nil)
		for _, ref := range []connectors.UserRef{user.Ref(), {Username: name}, {Username: user.DN}, {Email: user.Email}} {
			account, err := connector.Lookup(t.Context(), ref)
			require.NoError(t, err, "%+v", ref)
			require.Equal(t, user.ID, account.ID, "%+v", ref)
			require.Equal(t, name, account.Username)
		}
		p.lock(t, 0, user)
		_, err := connector.Unlock(t.Context(), &connectors.Account{ID: user.ID})
		require.NoError(t, err, name)
		require.True(t, p.signIn(t, 0, user.DN, ldaptest.Password), name)
		for _, other := range []string{name + "x", "x" + name, name + "*"} {
			_, err := connector.Lookup(t.Context(), connectors.UserRef{Username: other})
			require.Equal(t, connectors.NotFound, connectors.KindOf(err), other)
		}
	}
}

// TestOtherSpellings: the server takes them for the same, and they are not.
func TestOtherSpellings(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.Add(t, "u0100", "u0100@example.com", nil)
	connector := open(t, p.config())
	for _, name := range []string{"ｕ0100", "u0100\u200b", "u\u00ad0100", "u01００"} {
		_, err := connector.Lookup(t.Context(), connectors.UserRef{Username: name})
		require.Equal(t, connectors.NotFound, connectors.KindOf(err), "%q", name)
	}
	account, err := connector.Lookup(t.Context(), connectors.UserRef{Username: "U0100"})
	require.NoError(t, err)
	require.Equal(t, "u0100", account.Username)
}

// TestDistinguishedNames: blanks around a value belong to it; a name is first a username; one
// outside the base is nobody's.
func TestDistinguishedNames(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	add := ldap.NewAddRequest(`uid=\20spaced\20,`+p.Base, nil)
	for name, value := range map[string]string{"objectClass": "inetOrgPerson", "uid": " spaced ", "cn": "x", "sn": "x", "userPassword": ldaptest.Password} {
		add.Attribute(name, []string{value})
	}
	require.NoError(t, p.Manage(t, 0).Add(add))
	plain := p.Add(t, "plain", "", nil)
	named := p.Add(t, plain.DN, "", nil)
	connector := open(t, p.config())
	for dn, id := range map[string]string{
		add.DN: p.Value(t, 0, add.DN, "entryUUID"), "UID=Plain , " + p.Base: plain.ID, plain.DN: named.ID,
	} {
		account, err := connector.Lookup(t.Context(), connectors.UserRef{Username: dn})
		require.NoError(t, err, dn)
		require.Equal(t, id, account.ID, dn)
		_, err = connector.Unlock(t.Context(), account)
		require.NoError(t, err, dn)
	}
	for _, dn := range []string{directory.OpenLDAPService, "uid=nobody," + p.Base, "uid=plain,ou=people," + directory.OpenLDAPBase, "uid=plain", p.Base + ",dc=x"} {
		_, err := connector.Lookup(t.Context(), connectors.UserRef{Username: dn})
		require.Equal(t, connectors.NotFound, connectors.KindOf(err), dn)
	}
	other := newPeer(t).Add(t, "elsewhere", "", nil)
	_, err := connector.Lookup(t.Context(), other.Ref())
	require.Equal(t, connectors.NotFound, connectors.KindOf(err), "below another base")
}

// TestMoved: an entry that is renamed or moved after it was looked up is unlocked all the same,
// and never the one that has its name now.
func TestMoved(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	connector := open(t, p.config())
	unit := ldap.NewAddRequest("ou=moved,"+p.Base, nil)
	unit.Attribute("objectClass", []string{"organizationalUnit"})
	require.NoError(t, p.Manage(t, 0).Add(unit))
	for name, move := range map[string]func(ldaptest.Person) *ldap.ModifyDNRequest{
		"renamed": func(u ldaptest.Person) *ldap.ModifyDNRequest {
			return ldap.NewModifyDNRequest(u.DN, "uid=new+cn="+u.Username, true, "")
		},
		"moved": func(u ldaptest.Person) *ldap.ModifyDNRequest {
			return ldap.NewModifyDNRequest(u.DN, "uid="+u.Username, true, unit.DN)
		},
	} {
		user := p.Add(t, name, "", nil)
		p.lock(t, 0, user)
		account, err := connector.Lookup(t.Context(), connectors.UserRef{Username: name})
		require.NoError(t, err)
		require.NoError(t, p.Manage(t, 0).ModifyDN(move(user)))
		heir := p.Add(t, name, "", nil)
		p.lock(t, 0, heir)
		_, err = connector.Unlock(t.Context(), account)
		require.NoError(t, err)
		after, err := connector.Lookup(t.Context(), user.Ref())
		require.NoError(t, err)
		require.True(t, after.State.Clear())
		require.NotEmpty(t, p.Value(t, 0, heir.DN, "pwdAccountLockedTime"), "it is another's")
	}
	gone := p.Add(t, "", "", nil)
	require.NoError(t, p.Manage(t, 0).Del(ldap.NewDelRequest(gone.DN, nil)))
	_, err := connector.Unlock(t.Context(), &connectors.Account{ID: gone.ID})
	require.Equal(t, connectors.NotFound, connectors.KindOf(err))
}

// TestBaseThatIsNotThere: it is the connection's fault, and no account's absence.
func TestBaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	config := newPeer(t).config()
	config.BaseDN = "ou=nowhere," + directory.OpenLDAPBase
	connector := open(t, config)
	_, err := connector.Lookup(t.Context(), connectors.UserRef{Username: "anybody"})
	require.Equal(t, connectors.RejectedByProvider, connectors.KindOf(err))
	require.ErrorContains(t, err, "BASE_DN")
	_, err = connector.ListLocked(t.Context(), "", 10)
	require.Equal(t, connectors.RejectedByProvider, connectors.KindOf(err))
	_, err = connector.Unlock(t.Context(), &connectors.Account{ID: "4dddd15a-7e1b-1041-8978-8da7000cf0bf"})
	require.Equal(t, connectors.RejectedByProvider, connectors.KindOf(err))
}
