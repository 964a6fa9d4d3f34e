package unlockuser

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/workflows"
)

const (
	// maxJoins bounds the joins of a run. A server takes 2,000 updates in all, and an answer
	// to an approval must still be among them; one that is refused does not count.
	maxJoins = 500
	// maxJoinedBytes bounds what a query tells of them.
	maxJoinedBytes = 256 << 10
)

// handleJoin registers the update by which another request waits for the run.
func (r *unlockRun) handleJoin(ctx workflow.Context) error {
	if err := workflow.SetUpdateHandlerWithOptions(ctx, workflows.JoinUpdate, func(_ workflow.Context, join workflows.Join) error {
		r.joined = append(r.joined, join)
		r.waiting.Add(join.RequestedBy)
		return nil
	}, workflow.UpdateHandlerOptions{Validator: r.mayJoin, Description: `Another request waits for this run. It takes {"requestedBy": "who", "requestReason": "why"}.`}); err != nil {
		return fmt.Errorf("register the update %s: %w", workflows.JoinUpdate, err)
	}
	return nil
}

// mayJoin refuses what could not be answered or kept. Whoever is beyond maxJoins is not
// remembered, and may answer an approval like anybody else who did not ask for the unlock.
func (r *unlockRun) mayJoin(join workflows.Join) error {
	if r.step == workflows.StepDone {
		return errors.New("the run is ending already")
	}
	if err := join.Validate(r.step == workflows.StepApproval); err != nil {
		return temporal.NewApplicationError(err.Error(), workflows.TypeInvalidInput)
	}
	switch {
	case r.waiting.Has(join.RequestedBy):
		return temporal.NewApplicationError("this name waits for the run already", workflows.TypeJoinedBefore)
	case len(r.joined) >= maxJoins:
		return temporal.NewApplicationError(fmt.Sprintf("%d others have joined already; wait for the run without joining it", maxJoins), workflows.TypeJoinsFull)
	default:
		return nil
	}
}

// namesOf are the names of those who joined.
func namesOf(joined []workflows.Join) []string {
	names := make([]string, len(joined))
	for i, join := range joined {
		names[i] = join.RequestedBy
	}
	return names
}

// joinedShown returns the first of those who joined, as many as an answer carries, and how
// many are left out.
func joinedShown(joined []workflows.Join) (shown []workflows.Join, more int) {
	size := 0
	for i, join := range joined {
		encoded, err := json.Marshal(join)
		if size += len(encoded); err != nil || size > maxJoinedBytes {
			return joined[:i], len(joined) - i
		}
	}
	return joined, 0
}
