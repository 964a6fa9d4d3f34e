package conformance

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// mostAllocated bounds what one call may allocate, in bytes, the simulated peer's own
// part included.
const mostAllocated = 48 << 20

// RunBounds runs what must stay bounded in memory. It measures the whole process, so
// nothing else may run beside it: call it from a test that is not parallel.
func RunBounds(t *testing.T, newHarness func(t testing.TB) HTTPHarness) {
	b := newBench(t, newHarness(t))
	faults := unbounded()
	measured := map[string]bool{}
	for _, step := range b.Steps() {
		if measured[step.Operation] {
			continue // the same request in another action
		}
		measured[step.Operation] = true
		for name, fault := range faults {
			allocated := b.allocated(step, fault)
			require.Less(t, allocated, uint64(mostAllocated), "%s: %s allocates %d MiB", step, name, allocated>>20)
		}
	}
}

// unbounded are answers that are large, or become so.
func unbounded() map[string]simulator.Fault {
	return map[string]simulator.Fault{
		"a bomb":                {Kind: simulator.KindGzipBomb},
		"a bomb in a refusal":   {Kind: simulator.KindGzipBomb, Status: 403},
		"no end":                {Kind: simulator.KindEndless},
		"no end in a failure":   {Kind: simulator.KindEndless, Status: 503},
		"over-deep":             {Kind: simulator.KindDeepJSON, Depth: 200_000},
		"much white space":      answering(strings.Repeat(" ", 5<<20)),
		"a list of small items": answering(listOf("0", 2<<20)),
		"many keys":             answering(`{` + keys(60_000) + `"a":1}`),
	}
}

// allocated measures what one action allocates while a step is answered by the fault.
func (b *bench) allocated(step Step, fault simulator.Fault) uint64 {
	connector := b.open()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	withdraw := b.order(step, fault)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := b.act(ctx, connector, step.Action)
	runtime.ReadMemStats(&after)
	withdraw()
	require.NoError(b.t, ctx.Err(), "it took too long")
	require.True(b.t, got.err != nil || !step.reads() || step.Unread != "" || step.Groups, "it was taken for an answer")
	b.settle()
	return after.TotalAlloc - before.TotalAlloc
}

// listOf is a page in the providers' envelopes that holds many items.
func listOf(item string, size int) string {
	items := strings.Repeat(item+",", size/(len(item)+1)/2) + item
	return `{"results":[` + items + `],"_embedded":{"users":[` + items + `]}}`
}

func keys(count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, `"k%d":0,`, i)
	}
	return text.String()
}
