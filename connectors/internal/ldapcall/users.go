package ldapcall

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

// UserSettings say how the users of a directory stand in it.
type UserSettings struct {
	UsernameAttribute string `split_words:"true" default:"uid" desc:"the attribute that holds the username"`
	EmailAttribute    string `split_words:"true" default:"mail" desc:"the attribute that holds the email address"`
	PrivilegedGroups  string `split_words:"true" desc:"the groups whose members, nested ones too, are privileged: distinguished names, separated by semicolons"`
}

// DefaultUserSettings are those of most directories.
func DefaultUserSettings() UserSettings {
	return UserSettings{UsernameAttribute: "uid", EmailAttribute: "mail"}
}

// Read notes what is wrong with the settings, and returns the privileged groups.
func (s *UserSettings) Read(read *settings.Reader) []*ldap.DN {
	ReadAttribute(read, "USERNAME_ATTRIBUTE", s.UsernameAttribute)
	ReadAttribute(read, "EMAIL_ATTRIBUTE", s.EmailAttribute)
	return ReadDNList(read, "PRIVILEGED_GROUPS", s.PrivilegedGroups)
}

// Users are the users of one server.
type Users struct {
	*Client
	// Privileged are those with administrative rights.
	Privileged *Groups

	settings UserSettings
	base     *ldap.DN
	// id is the attribute that identifies an entry.
	id string
}

// NewUsers returns the users as a server knows them; id is the attribute that identifies an entry.
func NewUsers(client *Client, from UserSettings, privileged []*ldap.DN, id string) *Users {
	return &Users{Client: client, settings: from, base: client.settings.Base, id: id, Privileged: NewGroups(client, privileged, from.UsernameAttribute)}
}

// ByID is the filter of the entry with the ID.
func (u *Users) ByID(id string) string { return "(" + u.id + "=" + Escape(id) + ")" }

// Anybody is the filter of entries that are users.
func (u *Users) Anybody() string { return "(" + u.settings.UsernameAttribute + "=*)(" + u.id + "=*)" }

// NameAttributes are what Named reads.
func (u *Users) NameAttributes() []string {
	return []string{u.id, u.settings.UsernameAttribute, u.settings.EmailAttribute, "displayName", "cn"}
}

// IDOf is the entry's ID.
func (u *Users) IDOf(entry *ldap.Entry) string {
	return strings.ToLower(entry.GetEqualFoldAttributeValue(u.id))
}

// Named is an account without its state.
func (u *Users) Named(entry *ldap.Entry) *connectors.Account {
	return &connectors.Account{
		ID:          u.IDOf(entry),
		DisplayName: cmp.Or(entry.GetEqualFoldAttributeValue("displayName"), entry.GetEqualFoldAttributeValue("cn")),
		Username:    entry.GetEqualFoldAttributeValue(u.settings.UsernameAttribute), Email: entry.GetEqualFoldAttributeValue(u.settings.EmailAttribute),
	}
}

// Entry finds an entry by its ID; nil for none. readable is a filter that holds of entries of
// which the bind account may read what tells a lock; hidden says that it may not read that of
// this one.
func (u *Users) Entry(ctx context.Context, operation, id, readable string, attributes []string) (entry *ldap.Entry, hidden bool, err error) {
	search := Search{Filter: "(&" + u.ByID(id) + readable + ")", Attributes: attributes}
	entry, err = u.One(ctx, operation, search)
	if err == nil && entry == nil {
		search.Filter, hidden = u.ByID(id), true
		entry, err = u.One(ctx, operation, search)
	}
	return entry, hidden, err
}

// findLimit is enough to see that a name is not unique.
const findLimit = 10

// Find looks for a name, and for a username that is a distinguished name below the base.
// The server takes more spellings for the same than a name may have: those are another's.
func (u *Users) Find(ctx context.Context, field connectors.NameField, value string) ([]connectors.Match, bool, error) {
	attribute := u.settings.UsernameAttribute
	if field == connectors.FindEmail {
		attribute = u.settings.EmailAttribute
	}
	search := Search{Filter: "(" + attribute + "=" + Escape(value) + ")", Attributes: u.NameAttributes(), Limit: findLimit}
	entries, more, err := u.Search(ctx, connectors.OperationLookup, search)
	if err != nil {
		return nil, false, err
	}
	var matches []connectors.Match
	for _, entry := range entries {
		if slices.ContainsFunc(entry.GetEqualFoldAttributeValues(attribute), func(name string) bool { return connectors.SameName(name, value) }) {
			matches = append(matches, connectors.Match{Account: u.Named(entry), Name: value})
		}
	}
	if len(matches) > 0 || field != connectors.FindUsername || !IsBelow(u.base, value) {
		return matches, more, nil
	}
	entry, err := u.One(ctx, connectors.OperationLookup, Search{Base: value, Entry: true, Filter: "(" + u.id + "=*)", Attributes: u.NameAttributes()})
	switch {
	case connectors.KindOf(err) == connectors.NotFound || err == nil && entry == nil:
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	return []connectors.Match{{Account: u.Named(entry), Name: value}}, false, nil
}
