package readonly

import "time"

// SetCheckTimeout shortens what a test would otherwise wait for. Call it before any workflow runs.
func SetCheckTimeout(timeout time.Duration) { checkTimeout = timeout }
