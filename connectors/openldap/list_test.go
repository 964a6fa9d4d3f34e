package openldap_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/directory"
)

// crowd is LDIF of people, of whom every nth is locked; the others among the first thousand
// hold a lock that has run out.
func crowd(people, nth int) *strings.Reader {
	var ldif strings.Builder
	for i := range people {
		fmt.Fprintf(&ldif, "dn: uid=crowd%d,ou=people,%s\nobjectClass: inetOrgPerson\nuid: crowd%d\ncn: Crowd\nsn: Crowd\nmail: crowd%d@example.com\n", i, directory.OpenLDAPBase, i, i)
		switch {
		case i%nth == 0:
			fmt.Fprintf(&ldif, "pwdAccountLockedTime: 000001010000Z\npwdFailureTime: 20260101000000.000001Z\n")
		case i < 1000:
			fmt.Fprintf(&ldif, "pwdAccountLockedTime: 20260101000000Z\n")
		}
		ldif.WriteString("\n")
	}
	return strings.NewReader(ldif.String())
}

// listAll lists everybody who is locked.
func listAll(t testing.TB, connector *connectors.Connector, limit int) []*connectors.Account {
	t.Helper()
	var all []*connectors.Account
	for after := ""; ; {
		page, err := connector.ListLocked(t.Context(), after, limit)
		require.NoError(t, err)
		require.False(t, page.Missing.Any())
		all = append(all, page.Accounts...)
		if after = page.Next; after == "" {
			return all
		}
	}
}

// TestListBeyondTheSizeLimit: a server's limit ends no list, and one that lets but few through
// neither, whoever asks.
func TestListBeyondTheSizeLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 7} {
		p := startPeer(t, directory.OpenLDAPOptions{SizeLimit: limit, Limits: "# none is given", Seed: crowd(1200, 1)})
		config := p.config()
		config.BaseDN = "ou=people," + directory.OpenLDAPBase
		require.Len(t, listAll(t, open(t, config), 5000), 1200)
		config.BindDN = directory.OpenLDAPReader
		require.Len(t, listAll(t, open(t, config), 500), 1200)
	}
}

// TestThousandOfHundredThousand: 1,000 locked people among 100,000 are listed and unlocked with
// three operations each beside those of the list, and nobody else is; memory is bounded.
func TestThousandOfHundredThousand(t *testing.T) { //nolint:paralleltest // it measures the whole process
	p := startPeer(t, directory.OpenLDAPOptions{Seed: crowd(100_000, 100)})
	config := p.config()
	config.BaseDN = "ou=people," + directory.OpenLDAPBase
	connector := open(t, config)
	heap := func() int64 {
		runtime.GC()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return int64(memory.HeapAlloc)
	}
	began := heap()
	operations := func() int {
		log := p.Servers[0].Log()
		return strings.Count(log, " SRCH base=") + strings.Count(log, " MOD dn=") + strings.Count(log, " BIND dn=")
	}
	before := operations()
	locked := listAll(t, connector, 250)
	require.Len(t, locked, 1000)
	require.Less(t, heap()-began, int64(8<<20))
	listing := operations() - before
	require.Less(t, listing, 100)
	for _, account := range locked {
		require.Zero(t, mustNumber(t, account.Username)%100)
		_, err := connector.Unlock(t.Context(), account)
		require.NoError(t, err)
		after, err := connector.Lookup(t.Context(), connectors.UserRef{ID: account.ID})
		require.NoError(t, err)
		require.True(t, after.State.Clear())
	}
	require.LessOrEqual(t, operations()-before-listing, 3*1000+5)
	require.Empty(t, listAll(t, connector, 250))
}

func mustNumber(t testing.TB, username string) (number int) {
	t.Helper()
	_, err := fmt.Sscanf(username, "crowd%d", &number)
	require.NoError(t, err)
	return number
}
