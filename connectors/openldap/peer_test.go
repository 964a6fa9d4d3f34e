package openldap_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
	"github.com/latchkey-iam/latchkey/connectors/openldap"
	"github.com/latchkey-iam/latchkey/internal/directory"
	"github.com/latchkey-iam/latchkey/internal/directory/directorytest"
)

const (
	password = "the-user's-right-password"
	patience = 10 * time.Second
	tick     = 10 * time.Millisecond
)

// shared is one server for all tests that neither stop nor change it.
var shared struct {
	sync.Once
	*directory.OpenLDAP
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.OpenLDAP != nil {
		shared.Close()
	}
	os.Exit(code)
}

// peer is a part of a directory that no other test sees.
type peer struct {
	*directory.OpenLDAP
	base string
}

var units, names atomic.Int64

// newPeer returns a part of the shared server.
func newPeer(t testing.TB) *peer {
	t.Helper()
	directorytest.Skip(t)
	shared.Do(func() {
		shared.OpenLDAP, shared.err = directory.StartOpenLDAP(context.Background(), directory.OpenLDAPOptions{})
	})
	require.NoError(t, shared.err)
	return partOf(t, shared.OpenLDAP)
}

// startPeer starts servers of the test's own.
func startPeer(t testing.TB, options directory.OpenLDAPOptions) *peer {
	t.Helper()
	directorytest.Skip(t)
	started, err := directory.StartOpenLDAP(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(started.Close)
	return partOf(t, started)
}

func partOf(t testing.TB, started *directory.OpenLDAP) *peer {
	t.Helper()
	name := fmt.Sprintf("unit%d", units.Add(1))
	p := &peer{OpenLDAP: started, base: "ou=" + name + ",ou=people," + directory.OpenLDAPBase}
	add := ldap.NewAddRequest(p.base, nil)
	add.Attribute("objectClass", []string{"organizationalUnit"})
	add.Attribute("ou", []string{name})
	require.NoError(t, p.admin(t, 0).Add(add))
	return p
}

// admin is a connection to a server that may do everything.
func (p *peer) admin(t testing.TB, server int) *ldap.Conn {
	t.Helper()
	connection, err := ldap.DialURL(p.Servers[server].URL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.Bind(directory.OpenLDAPAdmin, directory.OpenLDAPPassword))
	return connection
}

// person is a user with the name of its entry.
type person struct {
	conformance.User
	dn string
}

// add makes a person, and waits until every server has it.
func (p *peer) add(t testing.TB, username, email string, more map[string][]string) person {
	t.Helper()
	number := names.Add(1)
	if username == "" {
		username = fmt.Sprintf("user%d", number)
	}
	if email == "" {
		email = fmt.Sprintf("user%d@example.com", number)
	}
	user := person{User: conformance.User{Username: username, Email: email}, dn: "uid=" + ldap.EscapeDN(username) + "," + p.base}
	add := ldap.NewAddRequest(user.dn, nil)
	attributes := map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {username}, "cn": {"A person"}, "sn": {"Person"}, "mail": {email}, "userPassword": {password}}
	for name, values := range more {
		attributes[name] = values
	}
	for name, values := range attributes {
		if len(values) > 0 {
			add.Attribute(name, values)
		}
	}
	require.NoError(t, p.admin(t, 0).Add(add))
	user.ID = p.value(t, 0, user.dn, "entryUUID")
	for server := range p.Servers {
		require.Eventually(t, func() bool { return p.entry(t, server, user.dn) != nil }, patience, tick)
	}
	return user
}

// entry is as a server shows it; nil where it does not have it.
func (p *peer) entry(t testing.TB, server int, dn string) *ldap.Entry {
	t.Helper()
	search := ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"*", "+"}, nil)
	found, err := p.admin(t, server).Search(search)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return nil
	}
	require.NoError(t, err)
	return found.Entries[0]
}

func (p *peer) value(t testing.TB, server int, dn, attribute string) string {
	t.Helper()
	return p.entry(t, server, dn).GetAttributeValue(attribute)
}

// set sets an attribute of an entry at the provider; without values it removes it.
func (p *peer) set(t testing.TB, dn, attribute string, values ...string) {
	t.Helper()
	change := ldap.NewModifyRequest(dn, nil)
	change.Replace(attribute, values)
	require.NoError(t, p.admin(t, 0).Modify(change))
}

// signIn tries a password at a server.
func (p *peer) signIn(t testing.TB, server int, dn, secret string) bool {
	t.Helper()
	connection, err := ldap.DialURL(p.Servers[server].URL)
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	err = connection.Bind(dn, secret)
	if err != nil {
		require.True(t, ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials), err)
	}
	return err == nil
}

// lock enters wrong passwords at a server until the account is locked.
func (p *peer) lock(t testing.TB, server int, user person) {
	t.Helper()
	for range 3 {
		require.False(t, p.signIn(t, server, user.dn, "wrong"))
	}
	require.NotEmpty(t, p.value(t, server, user.dn, "pwdAccountLockedTime"))
}

// awaitLocks waits until every server has the lock.
func (p *peer) awaitLocks(t testing.TB, dn string) {
	t.Helper()
	for server := range p.Servers {
		require.Eventually(t, func() bool { return p.value(t, server, dn, "pwdAccountLockedTime") != "" }, patience, tick)
	}
}

// config is for the service account, at every server by LDAPS.
func (p *peer) config() *openldap.Config {
	config := openldap.NewConfig()
	for _, server := range p.Servers {
		if config.URLS != "" {
			config.URLS += ","
		}
		config.URLS += server.TLSURL
	}
	config.BaseDN, config.BindDN, config.Password = p.base, directory.OpenLDAPService, directory.OpenLDAPServicePassword
	config.CAFile, config.DefaultPolicyDN = p.Authority.File, directory.OpenLDAPPolicy
	return config
}

func open(t testing.TB, config connectors.Config) *connectors.Connector {
	t.Helper()
	connector, err := connectors.Open(openldap.Provider(), config, connectors.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connector.Close()) })
	return connector
}
