package workflows

import (
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// SetTimes shortens what a test would otherwise wait for. Call it before any workflow runs.
func SetTimes(attempt, grace, check time.Duration) {
	attemptTimeout, verifyGrace, checkTimeout = attempt, grace, check
}

// Understood is what understand reads out of an error.
type Understood struct {
	Kind, Message string
	Sent          connectors.Answer
	Attempt       int
}

// Understand reads why an activity failed.
func Understand(err error) Understood {
	failed := understand(err, "c-1")
	return Understood{Kind: failed.kind, Message: failed.message, Sent: failed.sent, Attempt: failed.attempt}
}
