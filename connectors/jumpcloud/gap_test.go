package jumpcloud

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// TestListAtASimulatedGap: whoever stands before and behind a gap of a simulated
// organization's list is met, and the list says what it could not read.
func TestListAtASimulatedGap(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		gap     simulator.Gap
		limit   int
		missing int
	}{
		"none":                       {limit: 100},
		"short pages":                {limit: 7},
		"null rows":                  {gap: simulator.Gap{At: 99, Count: 3, Null: true}, limit: 100, missing: 3},
		"rows that are left out":     {gap: simulator.Gap{At: 120, Count: 30}, limit: 100, missing: 30},
		"a page that is left out":    {gap: simulator.Gap{At: 99, Count: 200}, limit: 100, missing: 200},
		"null rows before everybody": {gap: simulator.Gap{Count: 150, Null: true}, limit: 100, missing: 150},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := simulator.New(simulator.Options{APIKey: testKey})
			_, err := tenant.Populate(kit.Populate{Count: 230, Locked: 230, LockedBy: kit.CauseAdmin})
			require.NoError(t, err)
			require.NoError(t, tenant.Configure(func(s *simulator.Settings) { s.Gap, s.PageLimit = test.gap, test.limit }))
			server := httptest.NewServer(tenant)
			t.Cleanup(server.Close)
			page, err := openAt(t, simulator.APIURL(server.URL)).ListLocked(t.Context(), "", 1000)
			require.NoError(t, err)
			require.Len(t, page.Accounts, 230)
			require.Equal(t, connectors.Missing{Rows: test.missing}, page.Missing)
		})
	}
}
