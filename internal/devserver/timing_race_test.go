//go:build race

package devserver

import "time"

// The race detector slows everything tenfold, and on a busy machine a notice
// that did arrive takes seconds to be read. The bound stays well below the 20 s
// that a lost notice costs at Temporal's default settings.
const (
	timedWorkflows = 30
	latestResult   = 10 * time.Second
)
