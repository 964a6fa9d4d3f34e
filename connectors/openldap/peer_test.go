package openldap_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall/ldaptest"
	"github.com/latchkey-iam/latchkey/connectors/openldap"
	"github.com/latchkey-iam/latchkey/internal/directory"
	"github.com/latchkey-iam/latchkey/internal/directory/directorytest"
)

const (
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
	*ldaptest.Part
}

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
	servers := ldaptest.Directory{
		Admin: directory.OpenLDAPAdmin, AdminPassword: directory.OpenLDAPPassword, People: "ou=people," + directory.OpenLDAPBase,
		ID: "entryUUID", Shown: []string{"*", "+"}, Patience: patience,
	}
	for _, server := range started.Servers {
		servers.URLs = append(servers.URLs, server.URL)
	}
	return &peer{OpenLDAP: started, Part: servers.Part(t)}
}

// signIn tries a password at a server.
func (p *peer) signIn(t testing.TB, server int, dn, secret string) bool {
	t.Helper()
	code := p.Bind(t, server, dn, secret)
	require.Contains(t, []uint16{ldap.LDAPResultSuccess, ldap.LDAPResultInvalidCredentials}, code)
	return code == ldap.LDAPResultSuccess
}

// lock enters wrong passwords at a server until the account is locked.
func (p *peer) lock(t testing.TB, server int, user ldaptest.Person) {
	t.Helper()
	for range 3 {
		require.False(t, p.signIn(t, server, user.DN, "wrong"))
	}
	require.NotEmpty(t, p.Value(t, server, user.DN, "pwdAccountLockedTime"))
}

// awaitLocks waits until every server has the lock.
func (p *peer) awaitLocks(t testing.TB, dn string) {
	t.Helper()
	for server := range p.Servers {
		require.Eventually(t, func() bool { return p.Value(t, server, dn, "pwdAccountLockedTime") != "" }, patience, tick)
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
	config.BaseDN, config.BindDN, config.Password = p.Base, directory.OpenLDAPService, directory.OpenLDAPServicePassword
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
