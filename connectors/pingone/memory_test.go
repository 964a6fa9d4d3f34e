package pingone_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// mostKept bounds what a scan leaves behind beside its page, in bytes.
const mostKept = 2 << 20

func TestScanKeepsOnlyItsPage(t *testing.T) { //nolint:paralleltest // it measures the whole process
	scan(t, 1_000, 20)
}

func BenchmarkScanFiveThousand(b *testing.B) {
	for b.Loop() {
		scan(b, 5_000, 20)
	}
}

// scan lists the few who are locked among many.
func scan(t testing.TB, count, locked int) {
	harness := newHarness(t, asIs)
	_, err := harness.tenant.Populate(kit.Populate{Count: count, Locked: locked})
	require.NoError(t, err)
	lister := harness.Connector()
	began := conformance.LiveHeap(harness.tenant.Server)
	page, err := lister.ListLocked(t.Context(), "", locked/2)
	require.NoError(t, err)
	require.Equal(t, count, page.Read)
	require.Len(t, page.Accounts, locked/2)
	require.NotEmpty(t, page.Next)
	require.Less(t, conformance.LiveHeap(harness.tenant.Server)-began, int64(mostKept))
	runtime.KeepAlive(page)
}
