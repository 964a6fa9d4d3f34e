package conformance

import (
	"runtime"

	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// LiveHeap is what is live after a collection, in bytes. The simulator's log of calls is
// left out.
func LiveHeap(provider *simulator.Server) int64 {
	provider.Calls.Clear()
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
