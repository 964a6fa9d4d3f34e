package devserver

import (
	"runtime"
	"time"
)

// waitFor asks until the condition holds or patience ends, without a goroutine
// of its own, so that it can wait for goroutines to end.
func waitFor(condition func() bool) bool {
	deadline := time.After(patience)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-deadline:
			return false
		case <-ticker.C:
		}
	}
	return true
}

func stacks() string {
	buffer := make([]byte, 1<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}
