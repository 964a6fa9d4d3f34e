package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/workflows"
)

// StartBulk starts a run over many users. It fails with a *Failure of type InvalidInput,
// NoWorker or AlreadyRunning when nothing was started.
func (c *Client) StartBulk(ctx context.Context, in workflows.BulkInput) (*Run, error) {
	if err := errors.Join(in.ValidateStart(), in.Normalise()); err != nil {
		return nil, invalid(err)
	}
	if err := c.CheckServed(ctx, in.Connection); err != nil {
		return nil, err
	}
	shown := workflows.ShownBulk(in.Connection)
	options := temporalclient.StartWorkflowOptions{
		ID:                                       in.RequestID,
		TaskQueue:                                workflows.TaskQueue,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            shown.Summary,
		StaticDetails:                            shown.Details,
		Priority:                                 temporal.Priority{PriorityKey: workflows.PriorityBulk},
	}
	if options.ID == "" {
		options.ID = workflows.BulkID(in.Connection, uuid.NewString())
	}
	started, err := c.Temporal.ExecuteWorkflow(ctx, options, workflows.UnlockLockedUsersName, in)
	var open *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &open) {
		return nil, &Failure{Type: workflows.TypeAlreadyRunning, WorkflowID: options.ID, RunID: open.RunId,
			Message: fmt.Sprintf("a workflow %s exists already; wait for it, or give another requestId", options.ID)}
	}
	if err != nil {
		return nil, fmt.Errorf("start the bulk run: %w", err)
	}
	return &Run{WorkflowID: started.GetID(), RunID: started.GetRunID(), client: c, workflow: workflows.UnlockLockedUsersName}, nil
}

// BulkResult waits for the end of a bulk run. One that ended without an outcome is a
// *Failure. The context bounds the wait and leaves the run alone.
func (r *Run) BulkResult(ctx context.Context) (*workflows.BulkResult, error) {
	var result workflows.BulkResult
	if err := r.wait(ctx, &result); err != nil {
		return nil, err
	}
	return &result, nil
}

// Progress asks how far a bulk run is.
func (r *Run) Progress(ctx context.Context) (*workflows.Progress, error) {
	answer, err := r.client.Temporal.QueryWorkflow(ctx, r.WorkflowID, "", workflows.ProgressQuery)
	if err != nil {
		return nil, fmt.Errorf("ask how far %s is: %w", r.WorkflowID, err)
	}
	var progress workflows.Progress
	if err := answer.Get(&progress); err != nil {
		return nil, fmt.Errorf("read how far %s is: %w", r.WorkflowID, err)
	}
	return &progress, nil
}

// Command has a bulk run do something: one of workflows.PauseUpdate, ResumeUpdate, ReleaseUpdate
// and AbortUpdate. A run that will not, or is closed, is a *Failure of type workflows.TypeRejected.
func (r *Run) Command(ctx context.Context, what string, command workflows.Command) (*workflows.Progress, error) {
	newest := r.client.Attach(r.WorkflowID, "") // A chain has gone on since.
	view, err := newest.takes(ctx, workflows.UnlockLockedUsersName, "takes no commands any more")
	if err != nil {
		return nil, err
	}
	var progress workflows.Progress
	if err := newest.update(ctx, view, what, command, &progress); err != nil {
		return nil, err
	}
	return &progress, nil
}

// Decisions hands each decision of a bulk run to take, from the first run of its chain to
// the last; those of a run that is open are not there yet. It needs no worker, only that the
// namespace retains the runs. It reads one run at a time.
func (r *Run) Decisions(ctx context.Context, take func(workflows.Decision) error) error {
	described, err := r.client.Temporal.DescribeWorkflowExecution(ctx, r.WorkflowID, r.RunID)
	if err != nil {
		return fmt.Errorf("find %s: %w", r.WorkflowID, err)
	}
	for runID := described.GetWorkflowExecutionInfo().GetFirstRunId(); runID != ""; {
		decisions, next, err := r.client.decisionsOf(ctx, r.WorkflowID, runID)
		if err != nil {
			return err
		}
		for _, decision := range decisions {
			if err := take(decision); err != nil {
				return err
			}
		}
		runID = next
	}
	return nil
}

// decisionsOf reads one run's decisions from its last event, and the ID of the next run.
func (c *Client) decisionsOf(ctx context.Context, workflowID, runID string) ([]workflows.Decision, string, error) {
	history := c.Temporal.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	if !history.HasNext() {
		return nil, "", nil
	}
	last, err := history.Next()
	if err != nil {
		return nil, "", fmt.Errorf("read the end of the run %s of %s, which the namespace may not keep any more: %w", runID, workflowID, err)
	}
	result, next, err := c.resultOf(last)
	if err != nil {
		return nil, "", fmt.Errorf("decode the end of the run %s of %s: %w", runID, workflowID, err)
	}
	if result == nil {
		return nil, next, nil
	}
	return result.Decisions, next, nil
}

// resultOf reads the result so far that a run left as it ended; nil when it left none.
func (c *Client) resultOf(last *historypb.HistoryEvent) (*workflows.BulkResult, string, error) {
	decoder := c.converter()
	result := &workflows.BulkResult{}
	switch {
	case last.GetWorkflowExecutionContinuedAsNewEventAttributes() != nil:
		continued := last.GetWorkflowExecutionContinuedAsNewEventAttributes()
		var in workflows.BulkInput
		if err := decoder.FromPayloads(continued.GetInput(), &in); err != nil {
			return nil, "", err
		}
		if in.Carried == nil {
			return nil, continued.GetNewExecutionRunId(), nil
		}
		return &in.Carried.Result, continued.GetNewExecutionRunId(), nil
	case last.GetWorkflowExecutionCompletedEventAttributes() != nil:
		return result, "", decoder.FromPayloads(last.GetWorkflowExecutionCompletedEventAttributes().GetResult(), result)
	case last.GetWorkflowExecutionFailedEventAttributes() != nil:
		details := last.GetWorkflowExecutionFailedEventAttributes().GetFailure().GetApplicationFailureInfo().GetDetails()
		if details == nil {
			return nil, "", nil
		}
		return result, "", decoder.FromPayloads(details, result)
	case last.GetWorkflowExecutionCanceledEventAttributes() != nil:
		details := last.GetWorkflowExecutionCanceledEventAttributes().GetDetails()
		if details == nil {
			return nil, "", nil
		}
		return result, "", decoder.FromPayloads(details, result)
	default:
		return nil, "", nil
	}
}
