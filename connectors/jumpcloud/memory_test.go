package jumpcloud_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// mostKept bounds what a walk keeps beside its page, in bytes: a page of 500 accounts
// takes less than one of them, and the whole objects of 1,500 more than four.
const mostKept = 2 << 20

func TestListKeepsNoMoreThanAPage(t *testing.T) { //nolint:paralleltest // it measures the whole process
	listAll(t, 1_500, 500)
}

func BenchmarkListFiftyThousand(b *testing.B) {
	for b.Loop() {
		listAll(b, 50_000, 1_000)
	}
}

// listAll lists locked users who stay locked: in few requests, and without keeping more
// than a page.
func listAll(t testing.TB, locked, limit int) {
	harness := newHarness(t, false)
	_, err := harness.tenant.Populate(kit.Populate{Count: locked, Locked: locked, LockedBy: kit.CauseAdmin})
	require.NoError(t, err)
	lister := harness.Connector()
	next, met, requests, began := "", 0, 0, conformance.LiveHeap(harness.tenant.Server)
	for met == 0 || next != "" {
		page, err := lister.ListLocked(t.Context(), next, limit)
		require.NoError(t, err)
		met, next = met+len(page.Accounts), page.Next
		requests += harness.tenant.Calls.Count(simulator.OpList)
		require.Less(t, conformance.LiveHeap(harness.tenant.Server)-began, int64(mostKept), "after %d accounts", met)
		runtime.KeepAlive(page)
	}
	require.Equal(t, locked, met)
	most := 0
	for read := limit; read <= locked; read += limit {
		most += read/99 + 2 // Each page of the list is read from the first, in pages of 100 that overlap by a row.
	}
	require.LessOrEqual(t, requests, most)
}
