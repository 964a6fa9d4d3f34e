package workflows

import "github.com/latchkey-iam/latchkey/activities"

// The types of failures beside the kinds of connectors.Error; Catalogue explains them.
const (
	TypeInvalidInput = "InvalidInput"
	TypeStillLocked  = activities.TypeStillLocked
	TypeNoWorker     = "NoWorker"
	TypeInternal     = activities.TypeInternal

	// These are said of requests, and no run ends with them by itself.
	TypeAlreadyRunning      = "AlreadyRunning"
	TypeCancelled           = "Cancelled"
	TypeTerminated          = "Terminated"
	TypeTimedOut            = "TimedOut"
	TypeRejected            = "Rejected"
	TypeNotSetUp            = "NotSetUp"
	TypeTemporalUnavailable = "TemporalUnavailable"
	TypeScheduleExists      = "ScheduleExists"
	TypeInterrupted         = "Interrupted"
)

// FailureTypes lists every type with which UnlockUser can fail.
func FailureTypes() []string {
	var types []string
	for _, word := range Words(OfFailures) {
		types = append(types, word.Word)
	}
	return types
}
