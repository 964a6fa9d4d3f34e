package openldap

import (
	"context"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
)

// members are those of the privileged groups: distinguished names in one spelling, and
// usernames in lower case behind a colon, which no name holds there.
type members map[string]bool

// mostGroups bounds the groups that are read to know who is privileged.
const mostGroups = 1000

// isPrivileged says whether the entry is a member of a privileged group, or of one within.
func (d *driver) isPrivileged(ctx context.Context, operation string, entry *ldap.Entry) connectors.Answer {
	if len(d.privilegedGroups) == 0 {
		return connectors.Unknown
	}
	members, err := d.privileged.Get("", func() (members, error) { return d.readMembers(ctx, operation) })
	dn, wrong := ldap.ParseDN(entry.DN)
	if err != nil || wrong != nil {
		return connectors.Unknown
	}
	for _, name := range entry.GetEqualFoldAttributeValues(d.config.UsernameAttribute) {
		if members[":"+strings.ToLower(name)] {
			return connectors.Yes
		}
	}
	return connectors.AnswerOf(members[ldapcall.Fold(dn)])
}

// readMembers reads the privileged groups, and those among their members.
func (d *driver) readMembers(ctx context.Context, operation string) (members, error) {
	found, seen := members{}, map[string]bool{}
	open := append([]*ldap.DN(nil), d.privilegedGroups...)
	for len(open) > 0 {
		group := open[0]
		open = open[1:]
		if seen[ldapcall.Fold(group)] {
			continue
		}
		seen[ldapcall.Fold(group)] = true
		if len(seen) > mostGroups {
			return nil, d.Fail(operation, connectors.Unsupported, "PRIVILEGED_GROUPS hold too many groups")
		}
		entry, err := d.One(ctx, operation, ldapcall.Search{
			Base: group.String(), Entry: true, Filter: "(objectClass=*)", Attributes: []string{"objectClass", "member", "uniqueMember", "memberUid"},
		})
		if err == nil && entry == nil {
			err = d.Fail(operation, connectors.PermissionDenied, "the bind account may not read a group of PRIVILEGED_GROUPS; grant it")
		}
		configured := len(seen) <= len(d.privilegedGroups)
		absent := connectors.KindOf(err) == connectors.NotFound || connectors.KindOf(err) == connectors.PermissionDenied
		if err != nil && (configured || !absent) {
			return nil, err
		}
		open = append(open, found.add(entry, d.config.UsernameAttribute)...)
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
		m[ldapcall.Fold(dn)] = true
		if !strings.EqualFold(dn.RDNs[0].Attributes[0].Type, username) {
			nested = append(nested, dn)
		}
	}
	return nested
}
