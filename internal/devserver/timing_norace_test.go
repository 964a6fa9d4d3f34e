//go:build !race

package devserver

import "time"

const (
	// timedWorkflows is how many results are timed.
	timedWorkflows = 300
	// latestResult is how late a result may come after its workflow has closed.
	latestResult = 2 * time.Second
)
