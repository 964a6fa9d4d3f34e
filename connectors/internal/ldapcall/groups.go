package ldapcall

import (
	"context"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Groups are privileged groups, and who is in them, or in those within. They are read rarely.
type Groups struct {
	client *Client
	groups []*ldap.DN
	// username is the attribute by which POSIX groups name their members.
	username string
	kept     Cache[members]
}

// NewGroups returns the groups as a server knows them.
func NewGroups(client *Client, groups []*ldap.DN, username string) *Groups {
	return &Groups{client: client, groups: groups, username: username}
}

// members are those of the privileged groups: distinguished names in one spelling, and
// usernames in lower case behind a colon, which no name holds there.
type members map[string]bool

// mostGroups bounds the groups that are read to know who is privileged.
const mostGroups = 1000

// Hold says whether the entry is a member: unknown where there are no groups, or where they
// cannot be read.
func (g *Groups) Hold(ctx context.Context, operation string, entry *ldap.Entry) connectors.Answer {
	if len(g.groups) == 0 {
		return connectors.Unknown
	}
	members, err := g.kept.Get("", func() (members, error) { return g.read(ctx, operation) })
	dn, wrong := ldap.ParseDN(entry.DN)
	if err != nil || wrong != nil {
		return connectors.Unknown
	}
	for _, name := range entry.GetEqualFoldAttributeValues(g.username) {
		if members[":"+strings.ToLower(name)] {
			return connectors.Yes
		}
	}
	return connectors.AnswerOf(members[Fold(dn)])
}

// read reads the privileged groups, and those among their members.
func (g *Groups) read(ctx context.Context, operation string) (members, error) {
	found, seen := members{}, map[string]bool{}
	open := append([]*ldap.DN(nil), g.groups...)
	for len(open) > 0 {
		group := open[0]
		open = open[1:]
		if seen[Fold(group)] {
			continue
		}
		seen[Fold(group)] = true
		if len(seen) > mostGroups {
			return nil, g.client.Fail(operation, connectors.Unsupported, "PRIVILEGED_GROUPS hold too many groups")
		}
		entry, err := g.client.One(ctx, operation, Search{
			Base: group.String(), Entry: true, Filter: "(objectClass=*)", Attributes: []string{"objectClass", "member", "uniqueMember", "memberUid"},
		})
		if err == nil && entry == nil {
			err = g.client.Fail(operation, connectors.PermissionDenied, "the bind account may not read a group of PRIVILEGED_GROUPS; grant it")
		}
		configured := len(seen) <= len(g.groups)
		absent := connectors.KindOf(err) == connectors.NotFound || connectors.KindOf(err) == connectors.PermissionDenied
		if err != nil && (configured || !absent) {
			return nil, err
		}
		open = append(open, found.add(entry, g.username)...)
	}
	return found, nil
}

// add adds the members of a group, and returns those that may be groups themselves: a name
// that begins with a username is a person's.
func (m members) add(group *ldap.Entry, username string) []*ldap.DN {
	if group == nil {
		return nil
	}
	var nested []*ldap.DN
	for _, name := range group.GetEqualFoldAttributeValues("memberUid") {
		m[":"+strings.ToLower(name)] = true
	}
	names := append(group.GetEqualFoldAttributeValues("member"), group.GetEqualFoldAttributeValues("uniqueMember")...)
	for _, name := range names {
		dn, err := ldap.ParseDN(name)
		if err != nil || len(dn.RDNs) == 0 {
			continue
		}
		m[Fold(dn)] = true
		if !strings.EqualFold(dn.RDNs[0].Attributes[0].Type, username) {
			nested = append(nested, dn)
		}
	}
	return nested
}
