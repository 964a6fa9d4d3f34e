package openldap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall/ldaptest"
	"github.com/latchkey-iam/latchkey/internal/directory"
)

// TestReplicas: the provider's unlock reaches its consumers, also a lock of their own. One that
// follows the log of changes keeps its own failures, of which it can still tell; a consumer
// alone takes no change.
func TestReplicas(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options directory.OpenLDAPOptions
		// keeps says that a consumer's own failures outlive the unlock at the provider.
		keeps bool
	}{
		"plain":                  {options: directory.OpenLDAPOptions{Consumers: 1, UpdateRef: true}},
		"plain without referral": {options: directory.OpenLDAPOptions{Consumers: 1}},
		"delta":                  {options: directory.OpenLDAPOptions{Consumers: 1, Delta: true, UpdateRef: true}, keeps: true},
		"delta without referral": {options: directory.OpenLDAPOptions{Consumers: 1, Delta: true}, keeps: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, test.options)
			connector := open(t, p.config())
			there, everywhere := p.Add(t, "", "", nil), p.Add(t, "", "", nil)
			p.lock(t, 1, there)
			p.lock(t, 0, everywhere)
			p.awaitLocks(t, everywhere.DN)
			for _, user := range []ldaptest.Person{there, everywhere} {
				account, err := connector.Lookup(t.Context(), user.Ref())
				require.NoError(t, err)
				require.True(t, account.State.Locked())
				unlocked, err := connector.Unlock(t.Context(), account)
				require.NoError(t, err)
				require.Empty(t, unlocked.Refused)
			}
			cleared := func(user ldaptest.Person) func() bool {
				return func() bool {
					account, err := connector.Lookup(t.Context(), user.Ref())
					return err == nil && account.State.Clear()
				}
			}
			require.Eventually(t, cleared(everywhere), patience, tick)
			require.Eventually(t, cleared(there), patience, tick)
			account, err := connector.Lookup(t.Context(), there.Ref())
			require.NoError(t, err)
			if test.keeps {
				require.Len(t, account.Evidence, 1)
				require.Equal(t, p.Servers[1].Host+":3636", account.Evidence[0].Server)
			} else {
				require.Empty(t, account.Evidence)
			}
			config := p.config()
			config.URLS = p.Servers[1].TLSURL
			_, err = open(t, config).Unlock(t.Context(), &connectors.Account{ID: there.ID})
			require.Equal(t, connectors.Unsupported, failureOf(t, err).Kind)
			require.Equal(t, connectors.No, failureOf(t, err).Sent)
		})
	}
}

// TestMirrors: two providers that follow each other share locks and unlocks.
func TestMirrors(t *testing.T) {
	t.Parallel()
	p := startPeer(t, directory.OpenLDAPOptions{Mirrors: true})
	user := p.Add(t, "", "", nil)
	p.lock(t, 1, user)
	p.awaitLocks(t, user.DN)
	connector := open(t, p.config())
	account, err := connector.Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	require.Len(t, account.State.Locks, 2)
	unlocked, err := connector.Unlock(t.Context(), account)
	require.NoError(t, err)
	require.Empty(t, unlocked.Refused)
	require.Eventually(t, func() bool {
		return p.signIn(t, 0, user.DN, ldaptest.Password) && p.signIn(t, 1, user.DN, ldaptest.Password)
	}, patience, tick)
}
