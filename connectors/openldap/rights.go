package openldap

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
)

// nobody is the failure of a call about an account that is not there. It proves the right to
// make the call: where the bind account lacks that, lacking is the failure.
func (d *driver) nobody(operation string, lacking error) error {
	if lacking != nil {
		return lacking
	}
	return d.Fail(operation, connectors.NotFound, "no entry below BASE_DN has this entryUUID, or none that the bind account may see")
}

// mayRead fails where the bind account may not read what tells a lock: what it may not read
// looks absent, and its list of who is locked would be empty.
func (d *driver) mayRead(ctx context.Context, operation string) error {
	entries, _, err := d.Search(ctx, operation, ldapcall.Search{
		Filter: "(&" + d.Anybody() + readable + ")", Attributes: []string{"1.1"}, Limit: 1,
	})
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return d.lacking(operation, fmt.Sprintf("sees nobody below BASE_DN, or may not read entryUUID, %s and %s there", lockedTime, policySubentry),
			d.Base, strings.Join(append([]string{"entry", "entryUUID", d.config.UsernameAttribute, d.config.EmailAttribute, "cn", "displayName"}, lockAttributes...), ","), "read")
	}
	if _, err = d.policyOf(ctx, operation, ldap.NewEntry("", nil)); connectors.KindOf(err) == connectors.PermissionDenied {
		return d.lacking(operation, "may not read the policy of DEFAULT_POLICY_DN", d.config.DefaultPolicyDN, "", "read")
	}
	return err
}

// mayUnlock fails where the bind account may not write a lock. It asks to remove a value that
// no entry holds: the server looks at the rights first, and changes nothing.
func (d *driver) mayUnlock(ctx context.Context) error {
	entries, _, err := d.Search(ctx, connectors.OperationUnlock, ldapcall.Search{
		Filter: "(&" + d.Anybody() + ")", Attributes: []string{"1.1"}, Limit: 1,
	})
	if err != nil || len(entries) == 0 {
		return err
	}
	_, _, err = d.Modify(ctx, ldapcall.Call{Operation: connectors.OperationUnlock, Results: unlockResults}, ldapcall.Modify{
		DN: entries[0].DN, Changes: []ldap.Change{ldapcall.Delete(lockedTime, "19000101000000Z")},
	})
	switch connectors.KindOf(err) {
	case connectors.Conflict: // There is no such value, or no such entry any more.
		return nil
	case connectors.PermissionDenied:
		return d.lacking(connectors.OperationUnlock, "may not write "+lockedTime, d.Base, lockedTime, "write")
	default:
		return err
	}
}

// lacking says which right to grant, as the rule to put before those that there are.
func (d *driver) lacking(operation, what, base, attributes, right string) error {
	if attributes != "" {
		attributes = " attrs=" + attributes
	}
	return d.Fail(operation, connectors.PermissionDenied, fmt.Sprintf(
		`%s: the bind account %s; grant it: olcAccess: {0}to dn.subtree="%s"%s by dn.exact="%s" %s by * break`,
		d.Name, what, base, attributes, cmp.Or(d.BindDN(), "the entry of the client certificate"), right))
}
