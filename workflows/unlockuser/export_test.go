package unlockuser

import "time"

// SetGrace shortens what a test would otherwise wait for. Call it before any workflow runs.
func SetGrace(grace time.Duration) { verifyGrace, sendAgainAfter = grace, 2*grace }
