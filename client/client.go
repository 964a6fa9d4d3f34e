// Package client holds every use case of a caller at a Temporal namespace. It starts or joins
// unlocks and runs over many users, shows them and waits for their end, answers approvals, keeps
// schedules, lists who is locked, checks connections and sets the namespace up. A program that
// is not a workflow uses it, as the command line does; a workflow runs UnlockUser as a child.
package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Client asks for unlocks at one Temporal namespace.
type Client struct {
	Temporal temporalclient.Client
	// Namespace is that of Temporal; empty is the SDK's default.
	Namespace string
	// Converter must be the one that Temporal was made with; nil is the SDK's default.
	Converter converter.DataConverter
}

func (c *Client) namespace() string { return cmp.Or(c.Namespace, temporalclient.DefaultNamespace) }

// converter decodes whatever is read beside the SDK, which decodes what it reads itself.
func (c *Client) converter() converter.DataConverter {
	if c.Converter == nil {
		return converter.GetDefaultDataConverter()
	}
	return c.Converter
}

// Run is one execution of a workflow that somebody waits for.
type Run struct {
	WorkflowID string
	RunID      string
	// Joined says that the run was open already and would do the same.
	Joined bool

	client *Client
	// workflow is the type of the workflow; empty when it is not known.
	workflow string
}

// joinFor bounds the race with runs that close while they are being joined, and with a
// server that is late. In a crowd that asks for one user, somebody may lose many times in
// a row; the server answers ten at a time.
const joinFor = 2 * time.Minute

// Start starts an unlock, or joins a run that is open for the same user if that would do
// the same. It fails with a *Failure of type InvalidInput, NoWorker or AlreadyRunning
// when nothing was started.
func (c *Client) Start(ctx context.Context, in workflows.Input) (*Run, error) {
	if err := in.Normalise(); err != nil {
		return nil, invalid(err)
	}
	if err := c.CheckServed(ctx, in.Connection); err != nil {
		return nil, err
	}
	options := startOptions(&in)
	join := uuid.NewString()
	for began := time.Now(); time.Since(began) < joinFor; {
		started, err := c.Temporal.ExecuteWorkflow(ctx, options, workflows.UnlockUserName, in)
		if err == nil {
			return &Run{WorkflowID: started.GetID(), RunID: started.GetRunID(), client: c, workflow: workflows.UnlockUserName}, nil
		}
		if refused := (*serviceerror.InvalidArgument)(nil); errors.As(err, &refused) && options.TypedSearchAttributes.Size() > 0 {
			options.TypedSearchAttributes = temporal.SearchAttributes{}
			continue // The namespace does not have them; any other fault is said again.
		}
		if timedOut(err) && ctx.Err() == nil {
			continue // If it was started all the same, it is open, and is joined.
		}
		var open *serviceerror.WorkflowExecutionAlreadyStarted
		if !errors.As(err, &open) {
			return nil, fmt.Errorf("start the unlock: %w", err)
		}
		run, err := c.join(ctx, &Run{WorkflowID: options.ID, RunID: open.RunId, Joined: true, client: c, workflow: workflows.UnlockUserName}, &in, join)
		if !errors.Is(err, errNotJoined) {
			return run, err
		}
	}
	return nil, &Failure{Type: workflows.TypeAlreadyRunning, WorkflowID: options.ID,
		Message: "other requests for this user kept opening and closing; ask again"}
}

func startOptions(in *workflows.Input) temporalclient.StartWorkflowOptions {
	shown := workflows.ShownUnlock(in.Connection)
	options := temporalclient.StartWorkflowOptions{
		ID:                       in.WorkflowID(uuid.NewString),
		TaskQueue:                workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		// With the conflict policy FAIL this is how an open run is noticed.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            shown.Summary,
		StaticDetails:                            shown.Details,
		Priority:                                 temporal.Priority{PriorityKey: workflows.PriorityInteractive},
		TypedSearchAttributes:                    in.StartAttributes(),
	}
	if in.RequestID != "" {
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
	}
	return options
}

// errNotJoined says that a run closed, or the server was late, before it could be joined.
var errNotJoined = errors.New("the run could not be joined")

// timedOut reports whether the server did not answer in its time.
func timedOut(err error) bool {
	code := serviceerror.ToStatus(err).Code()
	return code == codes.DeadlineExceeded || code == codes.Canceled || errors.Is(err, context.DeadlineExceeded)
}

// join waits with a run if it would do the same. The ID keeps one that is tried again
// from being recorded twice.
func (c *Client) join(ctx context.Context, run *Run, in *workflows.Input, id string) (*Run, error) {
	theirs, err := c.input(ctx, run)
	if err != nil {
		return nil, err
	}
	if theirs == nil || !same(theirs, in) {
		return nil, &Failure{Type: workflows.TypeAlreadyRunning, WorkflowID: run.WorkflowID, RunID: run.RunID,
			Message: fmt.Sprintf("the workflow %s exists already and does something else; wait for it", run.WorkflowID)}
	}
	if in.RequestID != "" && guard.SameName(in.RequestedBy, theirs.RequestedBy) {
		return run, nil // The same request, asked again: open or closed, its answer is the answer.
	}
	handle, err := c.Temporal.UpdateWorkflow(ctx, temporalclient.UpdateWorkflowOptions{
		WorkflowID:   run.WorkflowID,
		RunID:        run.RunID,
		UpdateID:     id,
		UpdateName:   workflows.JoinUpdate,
		WaitForStage: temporalclient.WorkflowUpdateStageCompleted,
		Args:         []any{workflows.Join{RequestedBy: in.RequestedBy, RequestReason: in.RequestReason}},
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	if err := joined(ctx, run, in, err); err != nil {
		return nil, err
	}
	return run, nil
}

// joined reads what a run answered to a request to join it: nil where its answer is the
// request's too.
func joined(ctx context.Context, run *Run, in *workflows.Input, err error) error {
	var gone *serviceerror.NotFound
	var application *temporal.ApplicationError
	isGone, refused := errors.As(err, &gone), errors.As(err, &application)
	switch {
	case err == nil:
		return nil
	case isGone && in.RequestID != "":
		return nil // It has closed, and is not asked a second time: its answer is the answer.
	case refused && (application.Type() == workflows.TypeJoinedBefore || application.Type() == workflows.TypeJoinsFull):
		return nil // It need not know of this request, whose answer is the run's all the same.
	case refused && application.Type() == workflows.TypeInvalidInput:
		return &Failure{Type: workflows.TypeInvalidInput, WorkflowID: run.WorkflowID, RunID: run.RunID, Message: application.Message()}
	case isGone || refused || timedOut(err) && ctx.Err() == nil:
		return errNotJoined
	default:
		return fmt.Errorf("join the open unlock %s: %w", run.WorkflowID, err)
	}
}

// input reads what a run was started with; nil when it is no unlock's input.
func (c *Client) input(ctx context.Context, run *Run) (*workflows.Input, error) {
	history := c.Temporal.GetWorkflowHistory(ctx, run.WorkflowID, run.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	first, err := history.Next()
	if err != nil {
		return nil, fmt.Errorf("read the input of %s: %w", run.WorkflowID, err)
	}
	started := first.GetWorkflowExecutionStartedEventAttributes()
	payloads := started.GetInput().GetPayloads()
	if started.GetWorkflowType().GetName() != workflows.UnlockUserName || len(payloads) != 1 {
		return nil, nil
	}
	var raw converter.RawValue
	if err := c.converter().FromPayload(payloads[0], &raw); err != nil {
		return nil, fmt.Errorf("decode the input of %s: %w", run.WorkflowID, err)
	}
	in, err := workflows.DecodeInput(raw)
	if err != nil {
		return nil, nil //nolint:nilerr // Whatever it does, it is no unlock that could be joined.
	}
	return in, nil
}

// same reports whether two requests would do the same and be answered the same.
func same(one, other *workflows.Input) bool {
	return reflect.DeepEqual(essence(*one), essence(*other))
}

// essence leaves out who asks and how long they are ready to wait.
func essence(in workflows.Input) workflows.Input {
	in.RequestedBy, in.RequestReason, in.RequestID = "", "", ""
	in.Timeout = 0
	in.Approval.TellParent = false
	in.Approval.Approvers = slices.Compact(slices.Sorted(slices.Values(in.Approval.Approvers)))
	in.Override = slices.Compact(slices.Sorted(slices.Values(in.Override)))
	in.Guard.OnlyReasons = slices.Compact(slices.Sorted(slices.Values(in.Guard.OnlyReasons)))
	return in
}
