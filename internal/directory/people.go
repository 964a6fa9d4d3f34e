package directory

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// What a person does at a directory, for trying. Each finds the server's people by username.

const openLDAPPeople = "ou=people," + OpenLDAPBase

func personDN(username string) string { return "uid=" + ldap.EscapeDN(username) + "," + openLDAPPeople }

// Settings are the variables of a connection to the servers, without the connection's prefix.
func (d *OpenLDAP) Settings() map[string]string {
	urls := make([]string, len(d.Servers))
	for i, server := range d.Servers {
		urls[i] = server.TLSURL
	}
	return map[string]string{
		"URLS": strings.Join(urls, ","), "BASE_DN": openLDAPPeople, "BIND_DN": OpenLDAPService, "PASSWORD": OpenLDAPServicePassword,
		"CA_FILE": d.Authority.File, "DEFAULT_POLICY_DN": OpenLDAPPolicy,
	}
}

// URL is where the first server answers.
func (d *OpenLDAP) URL() string { return d.Servers[0].TLSURL }

// AddPerson makes somebody who can sign in, with an address at example.com, and returns the ID.
func (d *OpenLDAP) AddPerson(username, first, last, title, password string) (id string, err error) {
	add := ldap.NewAddRequest(personDN(username), nil)
	for name, value := range map[string]string{
		"objectClass": "inetOrgPerson", "uid": username, "mail": username + "@example.com", "givenName": first, "sn": last,
		"cn": first + " " + last, "displayName": first + " " + last, "title": title, "userPassword": password,
	} {
		add.Attribute(name, []string{value})
	}
	err = d.asAdmin(func(connection *ldap.Conn) error {
		if err := connection.Add(add); err != nil {
			return err
		}
		found, err := connection.Search(ldap.NewSearchRequest(add.DN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{"entryUUID"}, nil))
		if err != nil {
			return err
		}
		id = found.Entries[0].GetAttributeValue("entryUUID")
		return nil
	})
	return id, err
}

// mostFailures is beyond every policy here.
const mostFailures = 10

// FailSignIns enters wrong passwords until the account is locked.
func (d *OpenLDAP) FailSignIns(username string) error {
	for range mostFailures {
		if d.SignIn(username, "wrong") {
			return errors.New("a wrong password was let in")
		}
	}
	return nil
}

// LockAsAdministrator locks the account for ever.
func (d *OpenLDAP) LockAsAdministrator(username string) error {
	change := ldap.NewModifyRequest(personDN(username), nil)
	change.Replace("pwdAccountLockedTime", []string{"000001010000Z"})
	return d.asAdmin(func(connection *ldap.Conn) error { return connection.Modify(change) })
}

// SignIn reports whether the password lets in.
func (d *OpenLDAP) SignIn(username, password string) bool {
	connection, err := ldap.DialURL(d.Servers[0].URL)
	if err != nil {
		return false
	}
	defer func() { _ = connection.Close() }()
	return connection.Bind(personDN(username), password) == nil
}

func (d *OpenLDAP) asAdmin(act func(*ldap.Conn) error) error {
	connection, err := ldap.DialURL(d.Servers[0].URL)
	if err == nil {
		defer func() { _ = connection.Close() }()
		err = connection.Bind(OpenLDAPAdmin, OpenLDAPPassword)
	}
	if err == nil {
		err = act(connection)
	}
	if err != nil {
		return fmt.Errorf("OpenLDAP: %w", err)
	}
	return nil
}
