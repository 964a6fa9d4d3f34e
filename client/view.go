package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/plainjson"
	"github.com/latchkey-iam/latchkey/workflows"
)

// View is what can be seen of a run, open or closed: of an unlock, or of a run over many users.
type View struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	// Type is the workflow's type. Of another than UnlockUser and UnlockLockedUsers only what
	// Temporal knows can be seen.
	Type      string     `json:"type"`
	Status    Status     `json:"status"`
	StartedAt time.Time  `json:"startedAt"`
	ClosedAt  *time.Time `json:"closedAt"`
	// Step is what an open unlock is doing; Joined and JoinedMore are those who joined it.
	Step       workflows.Step   `json:"step,omitempty"`
	Joined     []workflows.Join `json:"joined,omitempty"`
	JoinedMore int              `json:"joinedMore,omitempty"`
	// Progress is how far an open run over many users is.
	Progress *workflows.Progress `json:"progress,omitempty"`
	// Unknown says why an open run says nothing of itself: no worker answered.
	Unknown string    `json:"unknown,omitempty"`
	Pending []Pending `json:"pending,omitempty"`
	// Failure is why a closed run has no outcome.
	Failure *Failure `json:"failure,omitempty"`
	// Result is that of a closed run, and what an open unlock has done so far.
	Result Result `json:"result"`
}

// Open reports whether the run has not ended.
func (v *View) Open() bool { return v.Status == StatusRunning }

// MustBe returns a failure of type NotFound for a run of a workflow of none of these types.
func (v *View) MustBe(types ...string) error {
	if slices.Contains(types, v.Type) {
		return nil
	}
	return &Failure{Type: string(connectors.NotFound), WorkflowID: v.WorkflowID,
		Message: fmt.Sprintf("%s is a workflow of type %s, and must be one of type %s", v.WorkflowID, v.Type, strings.Join(types, " or "))}
}

// Status is Temporal's word for the state of a run.
type Status string

// The states of a run.
const (
	StatusRunning    Status = "running"
	StatusCompleted  Status = "completed"
	StatusFailed     Status = "failed"
	StatusCanceled   Status = "canceled"
	StatusTerminated Status = "terminated"
	StatusTimedOut   Status = "timed_out"
)

func statusOf(status enumspb.WorkflowExecutionStatus) Status {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return StatusRunning
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return StatusCompleted
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return StatusFailed
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return StatusCanceled
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return StatusTerminated
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return StatusTimedOut
	default:
		return Status(status.String())
	}
}

// Pending is an activity that has not ended.
type Pending struct {
	Activity string       `json:"activity"`
	State    PendingState `json:"state"`
	Attempt  int32        `json:"attempt"`
	// NextAttemptAt is null while an attempt is under way.
	NextAttemptAt *time.Time `json:"nextAttemptAt"`
	LastFailure   *Failure   `json:"lastFailure"`
}

// PendingState is the state of a pending activity.
type PendingState string

// The states of a pending activity: it waits for a worker or for its next attempt, or an
// attempt is under way.
const (
	PendingScheduled PendingState = "scheduled"
	PendingStarted   PendingState = "started"
)

// Expected reports whether the last attempt failed only to be made again: the account is
// read until a lock is gone, or until a watch is over.
func (p *Pending) Expected() bool {
	return p.LastFailure != nil && (p.LastFailure.Type == activities.TypeWatching || p.LastFailure.Type == activities.TypeStillLocked)
}

// Result is the result of a run, or what it has done so far. At most one of both is there.
type Result struct {
	Unlock *workflows.Result
	Bulk   *workflows.BulkResult
}

// MarshalJSON writes the one that is there, or null.
func (r Result) MarshalJSON() ([]byte, error) {
	if r.Bulk != nil {
		return plainjson.Marshal(r.Bulk)
	}
	return plainjson.Marshal(r.Unlock)
}

// Word is the word of workflows.Catalogue that says how the run ended, and empty when it has
// not. A run over many users that left none of them alone ended with the worst that became of
// a user.
func (r Result) Word() string {
	switch {
	case r.Unlock != nil:
		return string(r.Unlock.Outcome)
	case r.Bulk == nil:
		return ""
	case r.Bulk.Outcome == workflows.Held || r.Bulk.Outcome == workflows.Aborted:
		return string(r.Bulk.Outcome)
	}
	for _, word := range workflows.DecisionWords() {
		if word.Class == workflows.ClassLocked && r.Bulk.Counts[word.Word] > 0 {
			return word.Word
		}
	}
	return string(r.Bulk.Outcome)
}

// Describe returns what Temporal itself knows of the run. It needs no worker.
func (r *Run) Describe(ctx context.Context) (*View, error) {
	described, err := r.client.Temporal.DescribeWorkflowExecution(ctx, r.WorkflowID, r.RunID)
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil, &Failure{Type: string(connectors.NotFound), WorkflowID: r.WorkflowID, RunID: r.RunID,
			Message: fmt.Sprintf("there is no workflow %s in the namespace %s, or it closed so long ago that Temporal does not keep it any more", r.WorkflowID, r.client.namespace())}
	}
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", r.WorkflowID, err)
	}
	info := described.GetWorkflowExecutionInfo()
	view := &View{
		WorkflowID: info.GetExecution().GetWorkflowId(),
		RunID:      info.GetExecution().GetRunId(),
		Type:       info.GetType().GetName(),
		Status:     statusOf(info.GetStatus()),
		StartedAt:  info.GetStartTime().AsTime(),
		ClosedAt:   timeOf(info.GetCloseTime()),
	}
	for _, pending := range described.GetPendingActivities() {
		view.Pending = append(view.Pending, r.client.pending(pending))
	}
	return view, nil
}

// View returns what can be seen of the run now: what it says of itself while it is open, which
// needs a worker, and how it ended once it is closed.
func (r *Run) View(ctx context.Context) (*View, error) {
	view, err := r.Describe(ctx)
	if err != nil {
		return nil, err
	}
	run := &Run{WorkflowID: view.WorkflowID, RunID: view.RunID, client: r.client, workflow: view.Type}
	switch {
	case view.Type != workflows.UnlockUserName && view.Type != workflows.UnlockLockedUsersName:
	case view.Open():
		run.ask(ctx, view)
	default:
		var failure *Failure
		if view.Result, err = run.Wait(ctx); errors.As(err, &failure) {
			view.Failure, view.Result, err = failure, failure.SoFar(), nil
		}
	}
	return view, err
}

// ask adds what an open run says of itself.
func (r *Run) ask(ctx context.Context, view *View) {
	var err error
	if view.Type == workflows.UnlockLockedUsersName {
		bounded, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		view.Progress, err = r.Progress(bounded)
	} else {
		var status *workflows.Status
		if status, err = r.Status(ctx); err == nil {
			view.Step, view.Joined, view.JoinedMore, view.Result.Unlock = status.Step, status.Joined, status.JoinedMore, &status.Result
		}
	}
	if err != nil {
		view.Unknown = noAnswer
	}
}

// pending reads an activity that has not ended.
func (c *Client) pending(info *workflowpb.PendingActivityInfo) Pending {
	pending := Pending{
		Activity:    info.GetActivityType().GetName(),
		State:       PendingScheduled,
		Attempt:     info.GetAttempt(),
		LastFailure: c.lastFailure(info.GetLastFailure()),
	}
	if info.GetState() != enumspb.PENDING_ACTIVITY_STATE_SCHEDULED {
		pending.State = PendingStarted
	} else if info.GetAttempt() > 1 {
		pending.NextAttemptAt = timeOf(info.GetNextAttemptScheduleTime())
	}
	return pending
}

// lastFailure reads why an attempt failed, with the converter, which may have encoded it.
func (c *Client) lastFailure(last *failurepb.Failure) *Failure {
	if last == nil {
		return nil
	}
	options := temporal.DefaultFailureConverterOptions{DataConverter: c.converter()}
	err := temporal.NewDefaultFailureConverter(options).FailureToError(last)
	var application *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	switch {
	case errors.As(err, &timeout):
		return &Failure{Type: workflows.TypeTimedOut, Message: timeout.Message()}
	case errors.As(err, &application):
		return &Failure{Type: application.Type(), Message: application.Message()}
	default:
		return &Failure{Message: err.Error()}
	}
}

func timeOf(stamp *timestamppb.Timestamp) *time.Time {
	if stamp == nil {
		return nil
	}
	at := stamp.AsTime()
	return &at
}
