package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// Ceiling bounds the unlocks of a connection within an hour, over all workers.
type Ceiling interface {
	// Admit reports whether the run may send its unlock now. What is admitted counts, whether
	// it is sent or not; a further attempt of the same run is not counted again.
	Admit(ctx context.Context, run string) (bool, error)
}

// admit takes a place under the connection's ceiling of unlocks an hour, or turns the
// verdict into a refusal.
func (a *Activities) admit(ctx context.Context, result *UnlockResult) error {
	if a.Ceiling == nil {
		return nil
	}
	admitted, err := a.Ceiling.Admit(ctx, activity.GetInfo(ctx).WorkflowExecution.RunID)
	if err != nil {
		return &connectors.Error{Kind: connectors.Unavailable, Provider: a.Provider, Operation: "unlock",
			Message: "the connection has a ceiling of unlocks an hour, and what counts them did not answer; a worker must serve the workflows"}
	}
	if !admitted {
		result.Verdict = guard.Refusal(guard.CodeUnlockCeiling, "the connection's ceiling of %d unlocks an hour is reached", a.Rules.MaxUnlocksPerHour)
	}
	return nil
}
