package workflows

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// UnlockFailure is an unlock that ended without an outcome, or that did not begin.
type UnlockFailure struct {
	// Type is one that a playbook branches on: one of FailureTypes, or TypeAlreadyRunning,
	// TypeCancelled, TypeTerminated or TypeTimedOut.
	Type    string
	Message string
	// WorkflowID names the child, or for AlreadyRunning the run that is in the way; it is
	// empty for an input that began none.
	WorkflowID string
	// Result is what was done so far; nil when nothing is known of that. Its UnlockSent says
	// whether the provider may have been asked.
	Result *Result

	cause error
}

// Error implements error.
func (f *UnlockFailure) Error() string { return f.Type + ": " + f.Message }

// Unwrap returns Temporal's own error, so that temporal.IsCanceledError and its like see it.
func (f *UnlockFailure) Unwrap() error { return f.cause }

// Unlock runs UnlockUser as a child of the calling workflow and waits for its end. Every
// error that it returns is an *UnlockFailure.
//
// A child that has begun goes on when its parent fails, times out or is terminated: half an
// unlock helps nobody. When the parent is cancelled so is the child, which is waited for,
// since it ends only once it knows what became of an unlock that may have been sent.
//
// Two unlocks of one userId, spelt alike, have one workflow ID: while one is open the other fails as
// AlreadyRunning.
func Unlock(ctx workflow.Context, in Input) (*Result, error) {
	if err := in.Normalise(); err != nil {
		return nil, &UnlockFailure{Type: TypeInvalidInput, Message: err.Error(), cause: err}
	}
	id := in.WorkflowID(func() string { return random(ctx) })
	options := ChildOptions(in.Connection, id)
	options.WaitForCancellation = true
	if in.RequestID != "" {
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
	}
	var result Result
	if err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), UnlockUserName, in).Get(ctx, &result); err != nil {
		return nil, unlockFailure(err, id)
	}
	return &result, nil
}

// ChildOptions are those of a child that unlocks one user; it goes on whatever becomes of its
// parent.
func ChildOptions(connection, id string) workflow.ChildWorkflowOptions {
	shown := ShownUnlock(connection)
	return workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		TaskQueue:             TaskQueue,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         shown.Summary,
		StaticDetails:         shown.Details,
		Priority:              temporal.Priority{PriorityKey: PriorityInteractive},
	}
}

// random asks once: a replay finds the same answer in the history.
func random(ctx workflow.Context) (unique string) {
	if err := workflow.SideEffect(ctx, func(workflow.Context) any { return uuid.NewString() }).Get(&unique); err != nil {
		panic(err) // The history is not this workflow's: the task fails, and the run stays.
	}
	return unique
}

// WorkflowID is the request's own ID, or the user's as it is spelt, so that two requests for
// one user meet. A name or an address never stands in it, and a dry run meets nobody: random
// makes those unique.
func (in *Input) WorkflowID(random func() string) string {
	switch {
	case in.RequestID != "":
		return in.RequestID
	case in.DryRun:
		return UnlockID(in.Connection, "dry-run/"+random())
	case in.UserID != "":
		return UnlockID(in.Connection, in.UserID)
	default:
		return UnlockID(in.Connection, "by-name/"+random())
	}
}

// EndOf reads why a run that was waited for did not end with a result: the type, a sentence,
// and the details, which may be nil. It knows none of it when the type is empty.
func EndOf(err error) (kind, message string, details Details) {
	var application *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	var terminated *temporal.TerminatedError
	var timeout *temporal.TimeoutError
	switch {
	case errors.As(err, &application):
		return application.Type(), application.Message(), application
	case errors.As(err, &cancelled):
		return TypeCancelled, "the run was cancelled", cancelled
	case errors.As(err, &terminated):
		return TypeTerminated, "the run was terminated; what it did is in its history", nil
	case errors.As(err, &timeout):
		return TypeTimedOut, "the run exceeded a time-out of its starter's; what it did is in its history", nil
	default:
		return "", "", nil
	}
}

// Details is what a failure or a cancellation carries.
type Details interface {
	HasDetails() bool
	Details(into ...any) error
}

// unlockFailure reads why a child did not end with a result.
func unlockFailure(err error, id string) *UnlockFailure {
	failed := &UnlockFailure{Type: TypeInternal, Message: fmt.Sprintf("the unlock failed in an unforeseen way: %T", err), WorkflowID: id, cause: err}
	var open *temporal.ChildWorkflowExecutionAlreadyStartedError
	if errors.As(err, &open) {
		failed.Type, failed.Message = TypeAlreadyRunning, "a run "+id+" exists already; wait for it, or look at it"
		return failed
	}
	kind, message, details := EndOf(err)
	if kind != "" {
		failed.Type, failed.Message = kind, message
	}
	var result Result
	if details != nil && details.HasDetails() && details.Details(&result) == nil {
		failed.Result = &result
	}
	return failed
}
