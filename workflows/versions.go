package workflows

import "go.temporal.io/sdk/workflow"

// The changes of what workflows command. A run that got beyond one before it was made goes
// on as it began.
const (
	// connectionFromTheStart: runs carry LatchkeyConnection before their first step has
	// ended, since the first step of a run that needs to be found may never end.
	connectionFromTheStart = "connection-from-the-start"
	// cancelStopsAttempts: a cancelled run makes no further attempt to unlock.
	cancelStopsAttempts = "cancel-stops-attempts"
	// cancelShortensVerify: a cancelled run verifies for verifyGrace, whatever time is left.
	cancelShortensVerify = "cancel-shortens-verify"
	// timersEndWithTheWait: an answer ends the timer that bounds the wait for it.
	timersEndWithTheWait = "timers-end-with-the-wait"
	// questionsHaveAnOutcome: runs that only ask carry LatchkeyOutcome too.
	questionsHaveAnOutcome = "questions-have-an-outcome"
)

// since reports whether the run does as is done since the change.
func since(ctx workflow.Context, change string) bool {
	return workflow.GetVersion(ctx, change, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}
