package openldap_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall/ldaptest"
	"github.com/latchkey-iam/latchkey/connectors/openldap"
	"github.com/latchkey-iam/latchkey/internal/directory"
)

// steps are the calls of a connector, each on an account that is there.
func steps(connector *connectors.Connector, user ldaptest.Person) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"look up": func(ctx context.Context) error { _, err := connector.Lookup(ctx, user.Ref()); return err },
		"find": func(ctx context.Context) error {
			_, err := connector.Lookup(ctx, connectors.UserRef{Username: user.Username})
			return err
		},
		"unlock": func(ctx context.Context) error {
			_, err := connector.Unlock(ctx, &connectors.Account{ID: user.ID})
			return err
		},
		"list": func(ctx context.Context) error { _, err := connector.ListLocked(ctx, "", 10); return err },
	}
}

func failureOf(t testing.TB, err error) *connectors.Error {
	t.Helper()
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	return failure
}

// TestWaysToConnect: LDAPS, StartTLS, plain LDAP when asked for by name, and a client certificate.
func TestWaysToConnect(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	user := p.Add(t, "", "", nil)
	folder := t.TempDir()
	certificate, key := filepath.Join(folder, "client.pem"), filepath.Join(folder, "client.key")
	require.NoError(t, p.Authority.Issue(directory.Certificate{Subject: "latchkey", SelfSigned: false}, certificate, key))
	for name, change := range map[string]func(*openldap.Config){
		"LDAPS":     func(*openldap.Config) {},
		"StartTLS":  func(c *openldap.Config) { c.URLS = p.Servers[0].URL },
		"plain":     func(c *openldap.Config) { c.URLS, c.CAFile, c.Plaintext = p.Servers[0].URL, "", "allowed" },
		"localhost": func(c *openldap.Config) { c.ServerName = "localhost" },
		"a client certificate": func(c *openldap.Config) {
			c.BindDN, c.Password, c.ClientCertFile, c.ClientKeyFile = "", "", certificate, key
		},
		"a client certificate by StartTLS": func(c *openldap.Config) {
			c.URLS, c.BindDN, c.Password, c.ClientCertFile, c.ClientKeyFile = p.Servers[0].URL, "", "", certificate, key
		},
	} {
		config := p.config()
		change(config)
		connector := open(t, config)
		p.lock(t, 0, user)
		for step, call := range steps(connector, user) {
			require.NoError(t, call(t.Context()), "%s: %s", name, step)
		}
		require.True(t, p.signIn(t, 0, user.DN, ldaptest.Password), name)
	}
}

// TestCertificates: a server that is not to be trusted is said to be so, plainly and for good,
// and is sent nothing.
func TestCertificates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		certificate *directory.Certificate
		change      func(*openldap.Config)
		message     string
	}{
		"unknown":     {change: func(c *openldap.Config) { c.CAFile = "" }, message: "its certificate is of an authority that is not known here; name the authority in CA_FILE, or check URLS"},
		"self-signed": {certificate: &directory.Certificate{Subject: "x", Hosts: []string{"localhost"}, SelfSigned: true}, change: func(c *openldap.Config) { c.ServerName = "localhost" }, message: "authority that is not known here"},
		"expired":     {certificate: &directory.Certificate{Subject: "x", Hosts: []string{"localhost"}, NotAfter: time.Now().Add(-time.Hour)}, change: func(c *openldap.Config) { c.ServerName = "localhost" }, message: "its certificate has expired or is not valid yet"},
		"another":     {certificate: &directory.Certificate{Subject: "x", Hosts: []string{"other.example.com"}}, change: func(*openldap.Config) {}, message: "its certificate is another host's; check URLS, or name the host that it is for in SERVER_NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, directory.OpenLDAPOptions{Certificate: test.certificate})
			user := p.Add(t, "", "", nil)
			for _, url := range []string{p.Servers[0].TLSURL, p.Servers[0].URL} {
				config := p.config()
				config.URLS = url
				test.change(config)
				for step, call := range steps(open(t, config), user) {
					failure := failureOf(t, call(t.Context()))
					require.Equal(t, connectors.Untrusted, failure.Kind, step)
					require.Contains(t, failure.Message, test.message, step)
					require.False(t, failure.Retryable())
					require.Contains(t, []connectors.Answer{"", connectors.No}, failure.Sent)
				}
			}
			require.NotContains(t, p.Servers[0].Log(), `BIND dn="`+directory.OpenLDAPService)
		})
	}
}

// TestServerThatStops: at each step a server that is gone is unavailable and was sent nothing,
// also where a connection to it was kept; it is found again when it is back.
func TestServerThatStops(t *testing.T) {
	t.Parallel()
	p := startPeer(t, directory.OpenLDAPOptions{})
	user := p.Add(t, "", "", nil)
	p.lock(t, 0, user)
	connector := open(t, p.config())
	for name, call := range steps(connector, user) {
		require.NoError(t, call(t.Context()), name)
	}
	for range 2 {
		p.Servers[0].Stop()
		for name, call := range steps(connector, user) {
			failure := failureOf(t, call(t.Context()))
			require.Equal(t, connectors.Unavailable, failure.Kind, name)
			require.Contains(t, []connectors.Answer{"", connectors.No}, failure.Sent, name)
		}
		require.NoError(t, p.Servers[0].Start(t.Context()))
		for name, call := range steps(connector, user) {
			require.NoError(t, call(t.Context()), name)
		}
	}
}

// TestServerThatHangs: whoever waits for an answer stops waiting, and does not know whether the
// change was made; here it is.
func TestServerThatHangs(t *testing.T) {
	t.Parallel()
	p := startPeer(t, directory.OpenLDAPOptions{})
	user := p.Add(t, "", "", nil)
	p.lock(t, 0, user)
	relay := newRelay(t, strings.TrimPrefix(p.Servers[0].URL, "ldap://"))
	config := p.config()
	config.URLS, config.Plaintext = "ldap://"+relay.address, "allowed"
	connector := open(t, config)
	_, err := connector.Lookup(t.Context(), user.Ref())
	require.NoError(t, err)

	// It hangs at the search: nothing was sent.
	require.NoError(t, p.Servers[0].Pause())
	for name, call := range steps(connector, user) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		failure := failureOf(t, call(ctx))
		cancel()
		require.Equal(t, connectors.Unavailable, failure.Kind, name)
		require.ErrorIs(t, failure, context.DeadlineExceeded, name)
		require.Contains(t, []connectors.Answer{"", connectors.No}, failure.Sent, name)
	}
	require.NoError(t, p.Servers[0].Continue())

	// It hangs at the change, which it makes when it goes on.
	relay.before(modifyRequest, func() { require.NoError(t, p.Servers[0].Pause()) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = connector.Unlock(ctx, &connectors.Account{ID: user.ID})
	failure := failureOf(t, err)
	require.Equal(t, connectors.Unavailable, failure.Kind)
	require.Equal(t, connectors.Unknown, failure.Sent)
	require.NoError(t, p.Servers[0].Continue())
	require.Eventually(t, func() bool { return p.signIn(t, 0, user.DN, ldaptest.Password) }, patience, tick)

	// It is killed at the change.
	p.lock(t, 0, user)
	relay.before(modifyRequest, p.Servers[0].Stop)
	_, err = connector.Unlock(t.Context(), &connectors.Account{ID: user.ID})
	require.Equal(t, connectors.Unavailable, failureOf(t, err).Kind)
	require.Equal(t, connectors.Unknown, failureOf(t, err).Sent)
}

// modifyRequest is the first byte of a change within its message.
const modifyRequest = 0x66

// relay passes bytes on, and does something before a request.
type relay struct {
	address string
	request atomic.Pointer[func([]byte)]
}

func newRelay(t testing.TB, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	r := &relay{address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			go r.pass(client, server, true)
			go r.pass(server, client, false)
		}
	}()
	return r
}

func (r *relay) pass(from, to net.Conn, requests bool) {
	defer func() { _, _ = from.Close(), to.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if act := r.request.Load(); act != nil && requests {
			(*act)(buffer[:n])
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// before calls act once, before the next request of the kind is passed on: its tag stands
// behind the message's length and number.
func (r *relay) before(tag byte, act func()) {
	check := func(message []byte) {
		if strings.IndexByte(string(message[:min(len(message), 12)]), tag) > 0 {
			r.request.Store(nil)
			act()
		}
	}
	r.request.Store(&check)
}

// TestRefusedPassword: it is sent to one server, once, whatever is called how often; a file that
// holds another is read again.
func TestRefusedPassword(t *testing.T) {
	t.Parallel()
	p := startPeer(t, directory.OpenLDAPOptions{Consumers: 1})
	user := p.Add(t, "", "", nil)
	binds := func() (count int) {
		for _, server := range p.Servers {
			count += strings.Count(server.Log(), `BIND dn="`+directory.OpenLDAPService+`" method=128`)
		}
		return count
	}
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("wrong\n"), 0o600))
	for _, inFile := range []bool{false, true} {
		config := p.config()
		config.Password = "wrong"
		if inFile {
			config.Password, config.PasswordFile = "", file
		}
		before := binds()
		connector := open(t, config)
		for range 3 {
			for name, call := range steps(connector, user) {
				failure := failureOf(t, call(t.Context()))
				require.Equal(t, connectors.Unauthenticated, failure.Kind, name)
				require.Equal(t, inFile, failure.RetryAnyway, name)
				require.NotContains(t, failure.Error(), "wrong\n")
			}
		}
		require.Equal(t, before+1, binds())
		if inFile {
			require.NoError(t, os.WriteFile(file, []byte(directory.OpenLDAPServicePassword), 0o600))
			for name, call := range steps(connector, user) {
				require.NoError(t, call(t.Context()), name)
			}
		}
	}
}

// TestLimiter: each operation asks the connection's limiter, binds and searches too.
func TestLimiter(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	user := p.Add(t, "", "", nil)
	limiter := &counter{}
	connector, err := connectors.Open(openldap.Provider(), p.config(), connectors.Options{Limiter: limiter})
	require.NoError(t, err)
	t.Cleanup(func() { _ = connector.Close() })
	_, err = connector.Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	require.EqualValues(t, 3, limiter.Load(), "a bind, a search and the policy")
	_, err = connector.Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	require.EqualValues(t, 4, limiter.Load())
	_, err = connector.Unlock(t.Context(), &connectors.Account{ID: user.ID})
	require.NoError(t, err)
	require.EqualValues(t, 6, limiter.Load(), "a search and a change")
	limiter.closed.Store(true)
	_, err = connector.Unlock(t.Context(), &connectors.Account{ID: user.ID})
	require.Equal(t, connectors.RateLimited, failureOf(t, err).Kind)
	require.Equal(t, connectors.No, failureOf(t, err).Sent)
}

type counter struct {
	atomic.Int64
	closed atomic.Bool
}

// Wait implements connectors.Limiter.
func (c *counter) Wait(context.Context) error {
	if c.closed.Load() {
		return context.DeadlineExceeded
	}
	c.Add(1)
	return nil
}

// TestReferralsAreIgnored: an entry that stands for another server hides nobody.
func TestReferralsAreIgnored(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	add := ldap.NewAddRequest("ou=elsewhere,"+p.Base, []ldap.Control{ldap.NewControlManageDsaIT(true)})
	add.Attribute("objectClass", []string{"referral", "extensibleObject"})
	add.Attribute("ref", []string{"ldap://127.0.0.1:1/ou=elsewhere"})
	require.NoError(t, p.Manage(t, 0).Add(add))
	user := p.Add(t, "", "", nil)
	p.lock(t, 0, user)
	for name, call := range steps(open(t, p.config()), user) {
		require.NoError(t, call(t.Context()), name)
	}
}

// TestConfig: every fault is named at once, by its variable.
func TestConfig(t *testing.T) {
	t.Parallel()
	good := openldap.NewConfig()
	good.URLS, good.BaseDN, good.BindDN, good.Password = "ldaps://one.example.com,ldap://[::1]:3389", "dc=example,dc=com", "cn=latchkey,dc=example,dc=com", "secret"
	servers, err := good.Open(connectors.Options{})
	require.NoError(t, err)
	require.Equal(t, "one.example.com", servers[0].Name)
	require.Equal(t, "[::1]:3389", servers[1].Name)
	for want, change := range map[string]func(*openldap.Config){
		"URLS must be addresses":                             func(c *openldap.Config) { c.URLS = "https://example.com" },
		"URLS must name each server once":                    func(c *openldap.Config) { c.URLS = "ldaps://a,ldaps://A:636" },
		"BASE_DN must be":                                    func(c *openldap.Config) { c.BaseDN = "example" },
		"BIND_DN must be":                                    func(c *openldap.Config) { c.BindDN = "latchkey" },
		"PASSWORD or PASSWORD_FILE must be set":              func(c *openldap.Config) { c.Password = "" },
		"BIND_DN with PASSWORD or PASSWORD_FILE, or":         func(c *openldap.Config) { c.BindDN, c.Password = "", "" },
		"must not both be set":                               func(c *openldap.Config) { c.ClientCertFile, c.ClientKeyFile = "a", "b" },
		"CLIENT_CERT_FILE and CLIENT_KEY_FILE must name":     func(c *openldap.Config) { c.BindDN, c.Password, c.ClientCertFile = "", "", "a" },
		"CA_FILE names a file that cannot be read":           func(c *openldap.Config) { c.CAFile = "/nowhere" },
		"PLAINTEXT must be":                                  func(c *openldap.Config) { c.Plaintext = "yes" },
		"USERNAME_ATTRIBUTE must be":                         func(c *openldap.Config) { c.UsernameAttribute = "uid)(x" },
		"EMAIL_ATTRIBUTE must be":                            func(c *openldap.Config) { c.EmailAttribute = "" },
		"DEFAULT_POLICY_DN must be":                          func(c *openldap.Config) { c.DefaultPolicyDN = "default" },
		"PRIVILEGED_GROUPS must be":                          func(c *openldap.Config) { c.PrivilegedGroups = "cn=admins,dc=x;admins" },
		"URLS must be addresses such as ldaps://directory.e": func(c *openldap.Config) { c.URLS = "" },
	} {
		config := *good
		change(&config)
		_, err := config.Open(connectors.Options{})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err = openldap.NewConfig().Open(connectors.Options{})
	for _, name := range []string{"URLS", "BASE_DN", "BIND_DN"} {
		require.ErrorContains(t, err, name)
	}
}
