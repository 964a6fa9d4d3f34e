package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"

	temporaldial "github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Failure is a run that ended without an outcome, or a request that started none.
type Failure struct {
	// Type is one that a caller branches on: a kind of connectors.Error, or one of package
	// workflows' types. workflows.Catalogue explains each.
	Type    string `json:"type"`
	Message string `json:"message"`
	// Faults are what is wrong with the input, field by field, for InvalidInput.
	Faults []workflows.Fault `json:"-"`
	// Result is what was done so far; nil when nothing began. Bulk is that of a bulk run.
	Result *workflows.Result     `json:"-"`
	Bulk   *workflows.BulkResult `json:"-"`
	// WorkflowID and RunID name the run; for AlreadyRunning the one that is in the way.
	WorkflowID string `json:"workflowId,omitempty"`
	RunID      string `json:"runId,omitempty"`
}

// SoFar is what was done before the failure.
func (f *Failure) SoFar() Result { return Result{Unlock: f.Result, Bulk: f.Bulk} }

// TypeOf returns the type of an error of this package, which workflows.Catalogue explains.
func TypeOf(err error) string {
	var failure *Failure
	var unreachable *temporaldial.UnreachableError
	var answer serviceerror.ServiceError
	switch {
	case errors.As(err, &failure):
		return failure.Type
	case errors.As(err, &unreachable), errors.As(err, &answer), errors.Is(err, context.DeadlineExceeded):
		return workflows.TypeTemporalUnavailable
	case errors.Is(err, context.Canceled):
		return workflows.TypeInterrupted
	default:
		return workflows.TypeInternal
	}
}

// ClassOf returns what an error of this package comes down to for whoever asked.
func ClassOf(err error) workflows.Class {
	word, _ := workflows.Ending(TypeOf(err))
	return word.Class
}

// invalid is the failure of an input that was refused before anything was started.
func invalid(err error) *Failure {
	return &Failure{Type: workflows.TypeInvalidInput, Message: err.Error(), Faults: workflows.Faults(err)}
}

// Error implements error.
func (f *Failure) Error() string { return f.Type + ": " + f.Message }

// waitSlice bounds one long poll: a server may drop the notification that a run has
// closed, and a result must not wait for the end of a poll of its length.
const waitSlice = time.Second

// longPollBuffer is more than a server keeps back of a caller's deadline for its answer, which
// is a second. A long poll with less time than that is answered at once, and the SDK asks again
// at once: it would ask hundreds of times a second.
const longPollBuffer = 2 * time.Second

// Attach returns the run with the ID; an empty runID is the newest one.
func (c *Client) Attach(workflowID, runID string) *Run {
	return &Run{WorkflowID: workflowID, RunID: runID, client: c}
}

// Result waits for the end of the run. A run that ended without an outcome is a *Failure.
// The context bounds the wait and leaves the run alone.
func (r *Run) Result(ctx context.Context) (*workflows.Result, error) {
	var result workflows.Result
	if err := r.wait(ctx, &result); err != nil {
		return nil, err
	}
	return &result, nil
}

// Wait waits for the end of a run of either type, as Result and BulkResult do.
func (r *Run) Wait(ctx context.Context) (Result, error) {
	if r.workflow == "" {
		view, err := r.Describe(ctx)
		if err != nil {
			return Result{}, err
		}
		r.workflow = view.Type
	}
	var result Result
	var err error
	if r.workflow == workflows.UnlockLockedUsersName {
		result.Bulk, err = r.BulkResult(ctx)
	} else {
		result.Unlock, err = r.Result(ctx)
	}
	return result, err
}

// wait waits for the end of a run of any type.
func (r *Run) wait(ctx context.Context, result any) error {
	for {
		err := r.poll(ctx, result)
		switch {
		case err == nil:
			return nil
		case ended(err):
			return r.explain(err, result)
		case ctx.Err() != nil:
			return fmt.Errorf("stopped waiting for %s, which goes on: %w", r.WorkflowID, ctx.Err())
		case !temporary(err):
			return fmt.Errorf("wait for %s: %w", r.WorkflowID, err)
		}
	}
}

// poll waits for one slice. When it fails before the slice is over, it sits the rest out.
func (r *Run) poll(ctx context.Context, result any) error {
	slice, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitSlice+longPollBuffer)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	defer time.AfterFunc(waitSlice, cancel).Stop()
	err := r.client.Temporal.GetWorkflow(slice, r.WorkflowID, r.RunID).Get(slice, result)
	if err != nil && temporary(err) {
		<-slice.Done()
	}
	return err
}

// temporary reports whether the same question may be answered when it is asked again: the
// slice was over, or the server is away for a while.
func temporary(err error) bool {
	if ended(err) {
		return false
	}
	switch serviceerror.ToStatus(err).Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted:
		return true
	default:
		return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	}
}

func ended(err error) bool {
	var execution *temporal.WorkflowExecutionError
	return errors.As(err, &execution)
}

// explain turns the SDK's error into a Failure with the result so far, of the type that
// was waited for.
func (r *Run) explain(err error, want any) error {
	failure := &Failure{WorkflowID: r.WorkflowID, RunID: r.RunID, Type: workflows.TypeInternal, Message: err.Error()}
	kind, message, details := workflows.EndOf(err)
	if kind != "" {
		failure.Type, failure.Message = kind, message
	}
	if details != nil && details.HasDetails() {
		failure.read(details, want)
	}
	return failure
}

// read takes the result so far out of a failure's details.
func (f *Failure) read(from workflows.Details, want any) {
	switch want.(type) {
	case *workflows.Result:
		f.Result = &workflows.Result{}
		if from.Details(f.Result) != nil {
			f.Result = nil
		}
	case *workflows.BulkResult:
		f.Bulk = &workflows.BulkResult{}
		if from.Details(f.Bulk) != nil {
			f.Bulk = nil
		}
	}
}
