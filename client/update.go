package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/workflows"
)

// answerTimeout bounds the wait for a worker that may not be there.
const answerTimeout = 30 * time.Second

// takes looks at a run that must be open and of a type; closed says what one does not do that
// is not open.
func (r *Run) takes(ctx context.Context, workflow, closed string) (*View, error) {
	view, err := r.Describe(ctx)
	if err != nil {
		return nil, err
	}
	if err := view.MustBe(workflow); err != nil {
		return nil, err
	}
	if !view.Open() {
		return nil, &Failure{Type: workflows.TypeRejected, WorkflowID: r.WorkflowID, RunID: view.RunID,
			Message: fmt.Sprintf("the run is %s and %s", view.Status, closed)}
	}
	return view, nil
}

// update sends the run an update and waits for its answer, for which a worker must be there.
func (r *Run) update(ctx context.Context, view *View, name string, argument, answer any) error {
	bounded, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	handle, err := r.client.Temporal.UpdateWorkflow(bounded, temporalclient.UpdateWorkflowOptions{
		WorkflowID:   r.WorkflowID,
		RunID:        r.RunID,
		UpdateName:   name,
		WaitForStage: temporalclient.WorkflowUpdateStageCompleted,
		Args:         []any{argument},
	})
	if err == nil {
		err = handle.Get(bounded, answer)
	}
	failure := &Failure{Type: workflows.TypeRejected, WorkflowID: r.WorkflowID, RunID: view.RunID}
	var application *temporal.ApplicationError
	var closed *serviceerror.NotFound
	switch {
	case err == nil:
		return nil
	case errors.As(err, &application):
		failure.Message = application.Message()
	case errors.As(err, &closed):
		failure.Message = "the run closed before it could answer"
	case bounded.Err() != nil && ctx.Err() == nil:
		failure.Type, failure.Message = workflows.TypeNoWorker, noAnswer
	default:
		return fmt.Errorf("send %s the update %s: %w", r.WorkflowID, name, err)
	}
	return failure
}
