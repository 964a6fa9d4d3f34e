package openldap_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/openldap"
	"github.com/latchkey-iam/latchkey/internal/directory"
)

var rule = regexp.MustCompile(`olcAccess: \{0\}(to .* by \* break)`)

// TestMissingRights: a call about nobody proves the right to make it, or prints the rule that is
// missing, and with that rule in place the right is there. Nothing is changed by asking.
func TestMissingRights(t *testing.T) {
	t.Parallel()
	nobody := openldap.Provider().ID.Absent
	for name, test := range map[string]struct {
		bind string
		// reads and unlocks: without any rule more.
		reads, unlocks bool
	}{
		"service account": {directory.OpenLDAPService, true, true},
		"reader":          {directory.OpenLDAPReader, true, false},
		"blind":           {directory.OpenLDAPBlind, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := ""
			for _, complete := range []bool{false, true} {
				p := startPeer(t, directory.OpenLDAPOptions{Access: rules})
				user := p.Add(t, "", "", nil)
				p.lock(t, 0, user)
				before := p.Entry(t, 0, user.DN).Attributes
				config := p.config()
				config.BaseDN, config.BindDN = "ou=people,"+directory.OpenLDAPBase, test.bind
				connector := open(t, config)
				_, reading := connector.Lookup(t.Context(), connectors.UserRef{ID: nobody})
				_, unlocking := connector.Unlock(t.Context(), &connectors.Account{ID: nobody})
				require.Equal(t, connectors.No, failureOf(t, unlocking).Sent)
				for _, each := range []struct {
					err     error
					granted bool
				}{{reading, test.reads || complete}, {unlocking, test.unlocks || complete}} {
					if each.granted {
						require.Equal(t, connectors.NotFound, connectors.KindOf(each.err), "%v", each.err)
						continue
					}
					require.Equal(t, connectors.PermissionDenied, connectors.KindOf(each.err), "%v", each.err)
					found := rule.FindStringSubmatch(each.err.Error())
					require.NotNil(t, found, each.err)
					// What may be written may be read: the rule for writing comes first.
					rules = "access " + strings.ReplaceAll(found[1], "\n", " ") + "\n" + rules
				}
				require.Equal(t, before, p.Entry(t, 0, user.DN).Attributes)
				if complete {
					for step, call := range steps(connector, user) {
						require.NoError(t, call(t.Context()), step)
					}
				}
			}
		})
	}
}

// TestRightsAtReplicas: a replica takes no change, and says nothing of the right.
func TestRightsAtReplicas(t *testing.T) {
	t.Parallel()
	p := startPeer(t, directory.OpenLDAPOptions{Consumers: 1, UpdateRef: true})
	p.Add(t, "", "", nil)
	config := p.config()
	config.URLS = p.Servers[1].TLSURL + "," + p.Servers[0].TLSURL
	nobody := &connectors.Account{ID: openldap.Provider().ID.Absent}
	_, err := open(t, config).Unlock(t.Context(), nobody)
	require.Equal(t, connectors.NotFound, connectors.KindOf(err))
	p.Servers[0].Stop()
	_, err = open(t, config).Unlock(t.Context(), nobody)
	require.Equal(t, connectors.Unavailable, connectors.KindOf(err), "and is not why the other did not")
}
