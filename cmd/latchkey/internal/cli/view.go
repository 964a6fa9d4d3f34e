package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// runView is what can be seen of a run, open or closed.
type runView struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	// Status is Temporal's word: running, completed, failed, canceled, terminated, timed_out.
	Status    string     `json:"status"`
	StartedAt time.Time  `json:"startedAt"`
	ClosedAt  *time.Time `json:"closedAt"`
	// Step is what an open run is doing; empty with a StepUnknown that says why when no
	// worker answered.
	Step        workflows.Step   `json:"step,omitempty"`
	StepUnknown string           `json:"stepUnknown,omitempty"`
	Joined      []workflows.Join `json:"joined,omitempty"`
	JoinedMore  int              `json:"joinedMore,omitempty"`
	Pending     []pendingView    `json:"pending,omitempty"`
	Failure     *failureView     `json:"failure,omitempty"`
	// Result is the result of a closed run, and the result so far of an open one.
	Result *workflows.Result `json:"result"`

	failed error
}

// pendingView is an activity that has not ended.
type pendingView struct {
	Activity string `json:"activity"`
	// State is scheduled (waiting for a worker or for its next attempt) or started.
	State   string `json:"state"`
	Attempt int32  `json:"attempt"`
	// NextAttemptAt is null while an attempt is under way.
	NextAttemptAt *time.Time   `json:"nextAttemptAt"`
	LastFailure   *failureView `json:"lastFailure"`
}

// expected reports whether the last attempt failed only to be made again: the account is
// read until a lock is gone, or until a watch is over.
func (v *pendingView) expected() bool {
	if v.LastFailure == nil {
		return false
	}
	return v.LastFailure.Type == activities.TypeWatching || v.LastFailure.Type == activities.TypeStillLocked
}

// The words of runView.Status and pendingView.State that are used here.
const (
	statusRunning  = "running"
	stateScheduled = "scheduled"
	stateStarted   = "started"
)

func (v *runView) open() bool { return v.Status == statusRunning }

// look reads what can be seen of the run now. A closed run's result is not read.
func (s *session) look(ctx context.Context, workflowID, runID string) (*runView, error) {
	described, err := s.describe(ctx, workflowID, runID)
	if err != nil {
		return nil, err
	}
	info := described.GetWorkflowExecutionInfo()
	if kind := info.GetType().GetName(); kind != workflows.UnlockUserName {
		return nil, usagef("%s is a workflow of type %s; latchkey status shows those of type %s", workflowID, kind, workflows.UnlockUserName)
	}
	view := &runView{
		WorkflowID: info.GetExecution().GetWorkflowId(),
		RunID:      info.GetExecution().GetRunId(),
		Status:     statusWord(info.GetStatus()),
		StartedAt:  info.GetStartTime().AsTime(),
		ClosedAt:   timeOf(info.GetCloseTime()),
	}
	for _, pending := range described.GetPendingActivities() {
		view.Pending = append(view.Pending, viewPending(pending))
	}
	if view.open() {
		s.ask(ctx, view)
	}
	return view, nil
}

// describe asks what Temporal knows of a run.
func (s *session) describe(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	described, err := s.temporal.DescribeWorkflowExecution(ctx, workflowID, runID)
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil, &client.Failure{Type: string(connectors.NotFound), WorkflowID: workflowID, RunID: runID,
			Message: fmt.Sprintf("there is no workflow %s at %s (namespace %s), or it is so long closed that Temporal has forgotten it",
				workflowID, s.options.Address, s.options.Namespace)}
	}
	return described, s.located(err)
}

// ask adds what the run says of itself; without a worker there is no answer.
func (s *session) ask(ctx context.Context, view *runView) {
	status, err := s.latchkey.Attach(view.WorkflowID, view.RunID).Status(ctx)
	if err != nil {
		view.StepUnknown = client.NoAnswer
		return
	}
	view.Step, view.Joined, view.JoinedMore, view.Result = status.Step, status.Joined, status.JoinedMore, &status.Result
}

// conclude adds how a closed run ended.
func (s *session) conclude(ctx context.Context, view *runView) error {
	result, err := s.latchkey.Attach(view.WorkflowID, view.RunID).Result(ctx)
	return s.concluded(view, result, err)
}

func (s *session) concluded(view *runView, result *workflows.Result, err error) error {
	var failure *client.Failure
	if err != nil && !errors.As(err, &failure) {
		return s.located(err)
	}
	if failure == nil {
		view.Result = result
		return nil
	}
	view.failed = failure
	view.Failure = &failureView{Type: failure.Type, Message: failure.Message}
	view.Result = failure.Result
	return nil
}

func viewPending(pending *workflowpb.PendingActivityInfo) pendingView {
	view := pendingView{
		Activity:    pending.GetActivityType().GetName(),
		State:       stateScheduled,
		Attempt:     pending.GetAttempt(),
		LastFailure: viewLastFailure(pending.GetLastFailure()),
	}
	if pending.GetState() != enumspb.PENDING_ACTIVITY_STATE_SCHEDULED {
		view.State = stateStarted
	} else if pending.GetAttempt() > 1 {
		view.NextAttemptAt = timeOf(pending.GetNextAttemptScheduleTime())
	}
	return view
}

func viewLastFailure(last *failurepb.Failure) *failureView {
	if last == nil {
		return nil
	}
	kind := last.GetApplicationFailureInfo().GetType()
	if last.GetTimeoutFailureInfo() != nil {
		kind = workflows.TypeTimedOut
	}
	return &failureView{Type: kind, Message: last.GetMessage()}
}

func timeOf(stamp *timestamppb.Timestamp) *time.Time {
	if stamp == nil {
		return nil
	}
	at := stamp.AsTime()
	return &at
}

func statusWord(status enumspb.WorkflowExecutionStatus) string {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return statusRunning
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return "completed"
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return "failed"
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return "canceled"
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return "terminated"
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return "timed_out"
	default:
		return status.String()
	}
}
