package ds389_test

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
	"github.com/latchkey-iam/latchkey/connectors/ds389"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
	"github.com/latchkey-iam/latchkey/internal/directory"
	"github.com/latchkey-iam/latchkey/internal/directory/directorytest"
)

const (
	password = "the-user's-right-password"
	patience = 20 * time.Second
)

// shared is what is started once for all tests that neither stop nor change it.
type shared struct {
	sync.Once
	options directory.DS389Options
	*directory.DS389
	err error
}

// One server, two with locks of their own, and two that share the locks.
var (
	one  = shared{options: directory.DS389Options{}}
	two  = shared{options: directory.DS389Options{Suppliers: 2}}
	same = shared{options: directory.DS389Options{Suppliers: 2, GlobalPolicy: true}}
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, each := range []*shared{&one, &two, &same} {
		if each.DS389 != nil {
			each.Close()
		}
	}
	os.Exit(code)
}

// peer is a part of a directory that no other test sees.
type peer struct {
	*directory.DS389
	base string
}

var units, names atomic.Int64

// part returns a part of the servers.
func (s *shared) part(t testing.TB) *peer {
	t.Helper()
	directorytest.SkipWithoutRoot(t, directory.HasDS389())
	s.Do(func() { s.DS389, s.err = directory.StartDS389(context.Background(), s.options) })
	require.NoError(t, s.err)
	return partOf(t, s.DS389)
}

// startPeer starts servers of the test's own.
func startPeer(t testing.TB, options directory.DS389Options) *peer {
	t.Helper()
	directorytest.SkipWithoutRoot(t, directory.HasDS389())
	started, err := directory.StartDS389(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(started.Close)
	return partOf(t, started)
}

func partOf(t testing.TB, started *directory.DS389) *peer {
	t.Helper()
	name := fmt.Sprintf("unit%d", units.Add(1))
	p := &peer{DS389: started, base: "ou=" + name + "," + directory.DS389People}
	p.make(t, p.base, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {name}})
	return p
}

// admin is a connection to a server that may do everything.
func (p *peer) admin(t testing.TB, server int) *ldap.Conn {
	t.Helper()
	connection, err := p.Servers[server].Manage()
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// make adds an entry, and waits until every server has it.
func (p *peer) make(t testing.TB, dn string, attributes map[string][]string) {
	t.Helper()
	add := ldap.NewAddRequest(dn, nil)
	for name, values := range attributes {
		if len(values) > 0 {
			add.Attribute(name, values)
		}
	}
	require.NoError(t, p.admin(t, 0).Add(add))
	for server := range p.Servers {
		eventually(t, func() bool { return p.entry(t, server, dn) != nil })
	}
}

// person is a user with the name of its entry.
type person struct {
	conformance.User
	dn string
}

// add makes a person at every server.
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
	attributes := map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {username}, "cn": {"A person"}, "sn": {"Person"}, "mail": {email}, "userPassword": {password}}
	for name, values := range more {
		attributes[name] = values
	}
	p.make(t, user.dn, attributes)
	user.ID = p.value(t, 0, user.dn, "nsUniqueId")
	return user
}

// entry is as a server shows it; nil where it does not have it.
func (p *peer) entry(t testing.TB, server int, dn string) *ldap.Entry {
	t.Helper()
	search := ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)",
		[]string{"*", "nsUniqueId", "accountUnlockTime", "passwordRetryCount", "retryCountResetTime", "nsAccountLock", "passwordExpirationTime"}, nil)
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

// set sets an attribute of an entry at a server; without values it removes it.
func (p *peer) set(t testing.TB, server int, dn, attribute string, values ...string) {
	t.Helper()
	change := ldap.NewModifyRequest(dn, nil)
	change.Replace(attribute, values)
	require.NoError(t, p.admin(t, server).Modify(change))
}

// bind tries a password at a server, and returns the server's result code.
func (p *peer) bind(t testing.TB, server int, dn, secret string) uint16 {
	t.Helper()
	connection, err := ldap.DialURL(p.Servers[server].URL)
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	if err = connection.Bind(dn, secret); err == nil {
		return ldap.LDAPResultSuccess
	}
	var failure *ldap.Error
	require.ErrorAs(t, err, &failure)
	return failure.ResultCode
}

// signIn tries a password at a server. A disabled account is refused otherwise than a locked one.
func (p *peer) signIn(t testing.TB, server int, dn, secret string) bool {
	t.Helper()
	code := p.bind(t, server, dn, secret)
	require.Contains(t, []uint16{ldap.LDAPResultSuccess, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultConstraintViolation, ldap.LDAPResultUnwillingToPerform}, code)
	return code == ldap.LDAPResultSuccess
}

// lock enters wrong passwords at a server until the account is locked.
func (p *peer) lock(t testing.TB, server int, user person) {
	t.Helper()
	for range 3 {
		require.False(t, p.signIn(t, server, user.dn, "wrong"))
	}
	require.NotEmpty(t, p.value(t, server, user.dn, "accountUnlockTime"))
}

// await waits until a server has the value of the attribute, or has none where it is empty.
func (p *peer) await(t testing.TB, server int, dn, attribute, value string) {
	t.Helper()
	eventually(t, func() bool { return p.value(t, server, dn, attribute) == value })
}

// eventually returns when it holds.
func eventually(t testing.TB, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(patience); !holds(); <-ticker.C {
		require.True(t, time.Now().Before(end), "it never holds")
	}
}

// names are those of the servers in locks and results.
func (p *peer) names() (names []string) {
	for _, server := range p.Servers {
		names = append(names, server.Host+":3636")
	}
	return names
}

// config is for the service account, at every server by LDAPS.
func (p *peer) config() *ds389.Config {
	config := ds389.NewConfig()
	for _, server := range p.Servers {
		if config.URLS != "" {
			config.URLS += ","
		}
		config.URLS += server.TLSURL
	}
	config.BaseDN, config.BindDN, config.Password = p.base, directory.DS389Service, directory.DS389ServicePassword
	config.CAFile, config.ServerName = p.Servers[0].Authority, directory.DS389Name
	return config
}

// as is for another account.
func (p *peer) as(bindDN string) *ds389.Config {
	config := p.config()
	config.BindDN = bindDN
	return config
}

func open(t testing.TB, config connectors.Config) *connectors.Connector {
	t.Helper()
	connector, err := connectors.Open(ds389.Provider(), config, connectors.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connector.Close()) })
	return connector
}

func lookup(t testing.TB, config connectors.Config, user person) *connectors.Account {
	t.Helper()
	account, err := open(t, config).Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	return account
}
