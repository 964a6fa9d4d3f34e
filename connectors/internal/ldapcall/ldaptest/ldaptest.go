// Package ldaptest is what the tests of directory drivers have in common: a part of live servers
// that no other test sees, and the people in it.
package ldaptest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
)

// Password is the right one of everybody.
const Password = "the-user's-right-password"

// Directory is live servers that hold the same entries.
type Directory struct {
	// URLs are the servers', without TLS. Changes are made at the first.
	URLs []string
	// Admin and AdminPassword may do everything.
	Admin, AdminPassword string
	// People is the entry below which parts are made.
	People string
	// ID is the attribute that identifies an entry, Shown are those that Entry asks for.
	ID    string
	Shown []string
	// Patience bounds the wait for a change to arrive at the other servers.
	Patience time.Duration
}

// Part is a part of the servers that no other test sees.
type Part struct {
	Directory
	Base string
}

var units, names atomic.Int64

// Part makes one.
func (d Directory) Part(t testing.TB) *Part {
	t.Helper()
	name := fmt.Sprintf("unit%d", units.Add(1))
	p := &Part{Directory: d, Base: "ou=" + name + "," + d.People}
	p.Make(t, p.Base, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {name}})
	return p
}

// Manage returns a connection to a server that may do everything.
func (p *Part) Manage(t testing.TB, server int) *ldap.Conn {
	t.Helper()
	connection, err := ldap.DialURL(p.URLs[server])
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.Bind(p.Admin, p.AdminPassword))
	return connection
}

// Make adds an entry, and waits until every server has it. Attributes without values are left out.
func (p *Part) Make(t testing.TB, dn string, attributes map[string][]string) {
	t.Helper()
	add := ldap.NewAddRequest(dn, nil)
	for name, values := range attributes {
		if len(values) > 0 {
			add.Attribute(name, values)
		}
	}
	require.NoError(t, p.Manage(t, 0).Add(add))
	for server := range p.URLs {
		p.Eventually(t, func() bool { return p.Entry(t, server, dn) != nil })
	}
}

// Eventually returns when it holds.
func (p *Part) Eventually(t testing.TB, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(p.Patience); !holds(); <-ticker.C {
		require.True(t, time.Now().Before(end), "it never holds")
	}
}

// Person is a user with the name of its entry.
type Person struct {
	conformance.User
	DN string
}

// Add makes a person at every server. An empty username or email is chosen, unique.
func (p *Part) Add(t testing.TB, username, email string, more map[string][]string) Person {
	t.Helper()
	number := names.Add(1)
	if username == "" {
		username = fmt.Sprintf("user%d", number)
	}
	if email == "" {
		email = fmt.Sprintf("user%d@example.com", number)
	}
	user := Person{User: conformance.User{Username: username, Email: email}, DN: "uid=" + ldap.EscapeDN(username) + "," + p.Base}
	attributes := map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {username}, "cn": {"A person"}, "sn": {"Person"}, "mail": {email}, "userPassword": {Password}}
	for name, values := range more {
		attributes[name] = values
	}
	p.Make(t, user.DN, attributes)
	user.ID = p.Value(t, 0, user.DN, p.ID)
	return user
}

// Entry is as a server shows it; nil where it does not have it.
func (p *Part) Entry(t testing.TB, server int, dn string) *ldap.Entry {
	t.Helper()
	search := ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", p.Shown, nil)
	found, err := p.Manage(t, server).Search(search)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return nil
	}
	require.NoError(t, err)
	return found.Entries[0]
}

// Value is that of an entry's attribute at a server.
func (p *Part) Value(t testing.TB, server int, dn, attribute string) string {
	t.Helper()
	return p.Entry(t, server, dn).GetAttributeValue(attribute)
}

// Set sets an attribute of an entry at a server; without values it removes it.
func (p *Part) Set(t testing.TB, server int, dn, attribute string, values ...string) {
	t.Helper()
	change := ldap.NewModifyRequest(dn, nil)
	change.Replace(attribute, values)
	require.NoError(t, p.Manage(t, server).Modify(change))
}

// Bind tries a password at a server, and returns the server's result code.
func (p *Part) Bind(t testing.TB, server int, dn, secret string) uint16 {
	t.Helper()
	connection, err := ldap.DialURL(p.URLs[server])
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	if err = connection.Bind(dn, secret); err == nil {
		return ldap.LDAPResultSuccess
	}
	var failure *ldap.Error
	require.ErrorAs(t, err, &failure)
	return failure.ResultCode
}
