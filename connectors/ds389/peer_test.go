package ds389_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/ds389"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall/ldaptest"
	"github.com/latchkey-iam/latchkey/internal/directory"
	"github.com/latchkey-iam/latchkey/internal/directory/directorytest"
)

// patience is for a change to arrive at the other server, which takes long on a busy machine. Only a
// test that fails waits so long.
const patience = 2 * time.Minute

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
	*ldaptest.Part
}

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
	servers := ldaptest.Directory{
		Admin: directory.DS389Admin, AdminPassword: directory.DS389Password, People: directory.DS389People, ID: "nsUniqueId",
		Shown:    []string{"*", "nsUniqueId", "accountUnlockTime", "passwordRetryCount", "retryCountResetTime", "nsAccountLock", "passwordExpirationTime"},
		Patience: patience,
	}
	for _, server := range started.Servers {
		servers.URLs = append(servers.URLs, server.URL)
	}
	return &peer{DS389: started, Part: servers.Part(t)}
}

// signIn tries a password at a server. A disabled account is refused otherwise than a locked one.
func (p *peer) signIn(t testing.TB, server int, dn, secret string) bool {
	t.Helper()
	code := p.Bind(t, server, dn, secret)
	require.Contains(t, []uint16{ldap.LDAPResultSuccess, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultConstraintViolation, ldap.LDAPResultUnwillingToPerform}, code)
	return code == ldap.LDAPResultSuccess
}

// lock enters wrong passwords at a server until the account is locked. Three do it, unless the
// server loses count of one, as it does now and then when it is busy.
func (p *peer) lock(t testing.TB, server int, user ldaptest.Person) {
	t.Helper()
	const failures, mostLost = 3, 7
	for range failures {
		require.False(t, p.signIn(t, server, user.DN, "wrong"))
	}
	for range mostLost {
		if p.Value(t, server, user.DN, "accountUnlockTime") != "" {
			return
		}
		require.False(t, p.signIn(t, server, user.DN, "wrong"))
	}
	require.NotEmpty(t, p.Value(t, server, user.DN, "accountUnlockTime"))
}

// await waits until a server has the value of the attribute, or has none where it is empty.
func (p *peer) await(t testing.TB, server int, dn, attribute, value string) {
	t.Helper()
	p.Eventually(t, func() bool { return p.Value(t, server, dn, attribute) == value })
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
	config.BaseDN, config.BindDN, config.Password = p.Base, directory.DS389Service, directory.DS389ServicePassword
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

func lookup(t testing.TB, config connectors.Config, user ldaptest.Person) *connectors.Account {
	t.Helper()
	account, err := open(t, config).Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	return account
}
