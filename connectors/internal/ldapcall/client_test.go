package ldapcall_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
	"github.com/latchkey-iam/latchkey/internal/directory"
	"github.com/latchkey-iam/latchkey/internal/directory/directorytest"
)

func settingsOf(url string) *ldapcall.Settings {
	return &ldapcall.Settings{
		URLS: url, Plaintext: "allowed", BaseDN: "ou=people," + directory.OpenLDAPBase,
		BindDN: directory.OpenLDAPAdmin, Password: directory.OpenLDAPPassword,
	}
}

func open(t testing.TB, from *ldapcall.Settings) *ldapcall.Client {
	t.Helper()
	var read settings.Reader
	parsed := from.Read(&read)
	require.NoError(t, read.Err())
	client := ldapcall.Open("test", parsed, connectors.Options{})[0]
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func start(t testing.TB, people int) *directory.OpenLDAP {
	t.Helper()
	directorytest.Skip(t)
	var ldif strings.Builder
	for i := range people {
		fmt.Fprintf(&ldif, "dn: uid=u%d,ou=people,%s\nobjectClass: inetOrgPerson\nuid: u%d\ncn: x\nsn: x\n\n", i, directory.OpenLDAPBase, i)
	}
	started, err := directory.StartOpenLDAP(t.Context(), directory.OpenLDAPOptions{Seed: strings.NewReader(ldif.String())})
	require.NoError(t, err)
	t.Cleanup(started.Close)
	return started
}

// TestPages: every entry is met once, and whoever takes a page may ask further questions.
func TestPages(t *testing.T) {
	t.Parallel()
	client := open(t, settingsOf(start(t, 250).Servers[0].URL))
	var group sync.WaitGroup
	for range 20 { // more walks than connections
		group.Go(func() {
			met, sizes := map[string]bool{}, []int{}
			for page, err := range client.Pages(t.Context(), "list", ldapcall.Search{Filter: "(uid=*)", Attributes: []string{"uid"}}, 100) {
				if err != nil {
					t.Error(err)
					return
				}
				sizes = append(sizes, len(page))
				for _, entry := range page {
					met[entry.DN] = true
				}
				if _, err := client.One(t.Context(), "look up", ldapcall.Search{Base: page[0].DN, Entry: true, Filter: "(uid=*)"}); err != nil {
					t.Error(err)
				}
			}
			if fmt.Sprint(sizes) != "[100 100 50]" || len(met) != 250 {
				t.Errorf("pages of %v held %d entries", sizes, len(met))
			}
		})
	}
	group.Wait()
}

// TestConnectionsAreFew: many calls at once share eight connections, which are kept.
func TestConnectionsAreFew(t *testing.T) {
	t.Parallel()
	started := start(t, 1)
	client := open(t, settingsOf(started.Servers[0].URL))
	for range 3 {
		var group sync.WaitGroup
		for range 60 {
			group.Go(func() {
				if _, _, err := client.Search(t.Context(), "look up", ldapcall.Search{Filter: "(uid=u0)", Limit: 1}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	require.LessOrEqual(t, strings.Count(started.Servers[0].Log(), `BIND dn="`+directory.OpenLDAPAdmin+`" method=128`), 8)
}

// TestModify: a change holds for the entry that is asserted alone, and tells what was before
// and after it.
func TestModify(t *testing.T) {
	t.Parallel()
	client := open(t, settingsOf(start(t, 1).Servers[0].URL))
	entry, err := client.One(t.Context(), "look up", ldapcall.Search{Filter: "(uid=u0)", Attributes: []string{"entryUUID"}})
	require.NoError(t, err)
	change := ldapcall.Modify{
		DN: entry.DN, Changes: []ldap.Change{ldapcall.Replace("description", "one", "two")},
		Assert: "(entryUUID=" + entry.GetAttributeValue("entryUUID") + ")", Before: []string{"sn", "description"}, After: []string{"description", "modifyTimestamp"},
	}
	before, after, err := client.Modify(t.Context(), ldapcall.Call{Operation: "unlock", Effect: true}, change)
	require.NoError(t, err)
	require.Equal(t, []string{"x"}, before.GetAttributeValues("sn"))
	require.Empty(t, before.GetAttributeValues("description"))
	require.Equal(t, []string{"one", "two"}, after.GetAttributeValues("description"))
	require.False(t, ldapcall.TimeOf(after, "modifyTimestamp").IsZero())

	change.Assert = "(entryUUID=ffffffff-ffff-ffff-ffff-ffffffffffff)"
	change.Changes = []ldap.Change{ldapcall.Delete("description")}
	_, _, err = client.Modify(t.Context(), ldapcall.Call{Operation: "unlock", Effect: true}, change)
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, connectors.Conflict, failure.Kind)
	require.Equal(t, connectors.No, failure.Sent)
	require.Equal(t, ldap.LDAPResultAssertionFailed, failure.Status)
}

// TestResults: every result code has a kind and advice, and those of a server that failed are
// tried again.
func TestResults(t *testing.T) {
	t.Parallel()
	for code := range uint16(5000) {
		result := ldapcall.ResultOf(code)
		require.Contains(t, connectors.Kinds(), result.Kind, code)
		require.NotEmpty(t, result.Advice, code)
	}
	for _, code := range []uint16{ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultOther, ldap.LDAPResultTimeLimitExceeded} {
		require.True(t, ldapcall.ResultOf(code).Kind.Retryable(), code)
	}
	for _, code := range []uint16{ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultReferral, ldap.LDAPResultUnwillingToPerform} {
		require.False(t, ldapcall.ResultOf(code).Kind.Retryable(), code)
	}
}

// TestForeignServers: what answers and is no directory is a failure, within the bounds.
func TestForeignServers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"nothing":            "",
		"a web server":       "HTTP/1.1 400 Bad Request\r\n\r\n",
		"a message too long": "\x30\x84\x7f\xff\xff\xff",
		"no message":         "\x30\x03\x02\x01\x01",
		"another message":    "\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { _ = listener.Close() })
			go func() {
				for {
					connection, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = connection.Read(make([]byte, 1024))
					_, _ = connection.Write([]byte(answer))
					_ = connection.Close()
				}
			}()
			for _, plaintext := range []string{"", "allowed"} {
				from := settingsOf("ldap://" + listener.Addr().String())
				from.Plaintext = plaintext
				_, _, err = open(t, from).Search(t.Context(), "look up", ldapcall.Search{Filter: "(uid=x)"})
				var failure *connectors.Error
				require.ErrorAs(t, err, &failure)
				require.Contains(t, []connectors.Kind{connectors.Unavailable, connectors.RejectedByProvider}, failure.Kind)
				require.NotContains(t, failure.Error(), directory.OpenLDAPPassword)
			}
		})
	}
}
