package ceiling

import (
	"time"

	"github.com/latchkey-iam/latchkey/workflows"
)

// SetCeiling shortens an hour and the runs of a ceiling. Call it before any workflow runs.
func SetCeiling(hour time.Duration, asks int) { window, asksPerRun = hour, asks }

// Counted is what a ceiling has counted.
type Counted struct{ ceiling }

// Admit counts those that find a place.
func (c *Counted) Admit(now time.Time, limit int, runs ...string) []bool {
	return c.admit(now, workflows.AdmitRequest{Limit: limit, Runs: runs}).Admitted
}
