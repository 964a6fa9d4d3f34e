package ds389

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
)

// controlEffectiveRights asks what somebody may do to what is found; for oneself that needs no
// right: https://docs.oracle.com/cd/E19693-01/819-0995/bcaoj/index.html
const controlEffectiveRights = "1.3.6.1.4.1.42.2.27.9.5.2"

// absent is the failure of whoever is not there: also of those who are not seen, so that it is
// said where the bind account lacks the rights, such as "rsc" to read, search and compare.
func (d *driver) absent(ctx context.Context, operation, rights string) error {
	if err := d.mayOnLocks(ctx, operation, rights); err != nil {
		return err
	}
	return d.Fail(operation, connectors.NotFound, "no entry below BASE_DN has this nsUniqueId, or none that the bind account may see")
}

// mayOnLocks fails where the bind account lacks rights on the attributes that lock. A client
// certificate's name is not known: then the server's own refusal tells.
func (d *driver) mayOnLocks(ctx context.Context, operation, rights string) error {
	if d.BindDN() == "" {
		return nil
	}
	entries, _, err := d.Search(ctx, operation, ldapcall.Search{
		Filter: "(&" + d.Anybody() + ")", Attributes: locks, Limit: 1,
		Controls: []ldap.Control{ldap.NewControlString(controlEffectiveRights, true, "dn:"+d.BindDN())},
	})
	switch {
	case err != nil:
		return err
	case len(entries) == 0:
		return d.Fail(operation, connectors.PermissionDenied, d.Name+": the bind account sees nobody below BASE_DN; "+d.advice("rsc"))
	}
	granted := map[string]string{}
	for each := range strings.SplitSeq(entries[0].GetEqualFoldAttributeValue("attributeLevelRights"), ",") {
		name, letters, _ := strings.Cut(strings.TrimSpace(each), ":")
		granted[strings.ToLower(name)] = letters
	}
	for _, attribute := range locks {
		if letters := granted[strings.ToLower(attribute)]; letters == "none" || missing(letters, rights) {
			return d.Fail(operation, connectors.PermissionDenied, fmt.Sprintf("%s: the bind account lacks rights on %s; %s", d.Name, attribute, d.advice(rights)))
		}
	}
	return nil
}

func missing(granted, wanted string) bool {
	for _, letter := range wanted {
		if !strings.ContainsRune(granted, letter) {
			return true
		}
	}
	return false
}

// advice is the rule to add. It names each operational attribute, which * does not cover. The
// base and the bind account are for whoever reads it to fill in: errors are stored.
func (d *driver) advice(rights string) string {
	attributes, right := locks, "write"
	if rights != "w" {
		attributes, right = append([]string{d.config.UsernameAttribute, d.config.EmailAttribute, "nsUniqueId", accountLock, expirationTime}, locks...), "read, search, compare"
	}
	return fmt.Sprintf(`add to the entry BASE_DN: aci: (targetattr="%s")(version 3.0; acl "latchkey"; allow (%s) userdn="ldap:///BIND_DN";)`, strings.Join(attributes, " || "), right)
}

// readsLocks fails where the bind account may not read what tells a lock: its list would be empty.
func (d *driver) readsLocks(ctx context.Context) error {
	entries, _, err := d.Search(ctx, connectors.OperationList, ldapcall.Search{
		Filter: "(&" + d.Anybody() + readable + ")", Attributes: []string{"1.1"}, Limit: 1,
	})
	if err == nil && len(entries) == 0 {
		return d.Fail(connectors.OperationList, connectors.PermissionDenied, d.Name+": the bind account sees nobody below BASE_DN, or nothing of their locks; "+d.advice("rsc"))
	}
	return err
}
