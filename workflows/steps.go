package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// activity runs one step on the connection's own queue, retried until `within` is over.
func (r *unlockRun) activity(ctx workflow.Context, name string, within time.Duration, summary string, in, out any) error {
	return workflow.ExecuteActivity(r.options(ctx, within, summary), name, in).Get(ctx, out)
}

func (r *unlockRun) options(ctx workflow.Context, within time.Duration, summary string) workflow.Context {
	policy := retries
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.Queue(r.in.Connection),
		ScheduleToCloseTimeout: max(within, time.Millisecond),
		StartToCloseTimeout:    attemptTimeout,
		RetryPolicy:            &policy,
		Summary:                summary,
	})
}

func (r *unlockRun) lookup(ctx workflow.Context, ref connectors.UserRef) (*activities.LookupResult, error) {
	r.at(ctx, StepLookup, r.deadline)
	var found activities.LookupResult
	err := r.activity(ctx, activities.LookupName, r.remaining(ctx), "Look the account up at "+r.in.Connection,
		activities.LookupInput{Ref: ref, Demands: r.demands(), Emit: string(r.in.Emit), Approved: r.approved}, &found)
	if temporal.IsCanceledError(err) {
		return nil, r.cancelled(ctx)
	}
	if err != nil {
		failed := understand(err, r.in.Connection)
		r.result.Attempts.Lookup = failed.attempt
		failed.sent = connectors.No
		return nil, r.fail(ctx, failed)
	}
	r.result.Attempts.Lookup = found.Attempt
	r.result.Provider = found.Provider
	r.result.UserID = found.Account.ID
	r.result.Before = &found.Account.State
	r.read(found.Account)
	return &found, r.identify(ctx, &found)
}

// verify reads the account until it is seen unlocked or the time is over; once somebody
// cancels the run, for verifyGrace at most.
func (r *unlockRun) verify(ctx workflow.Context, unlockedAt time.Time, within time.Duration) (*activities.VerifyResult, error) {
	until := workflow.Now(ctx).Add(within)
	r.at(ctx, StepVerify, until)
	attempts, stop := workflow.WithCancel(r.options(ctx, within+attemptTimeout, "Read the account again at "+r.in.Connection))
	step := workflow.ExecuteActivity(attempts, activities.VerifyName, activities.VerifyInput{
		AccountID:  r.result.UserID,
		UnlockedAt: unlockedAt,
		Deadline:   until,
	})
	stopped := false
	r.onCancel(ctx, step, func() {
		if until.After(workflow.Now(ctx).Add(verifyGrace)) {
			stop()
			stopped = true
		}
	})
	if stopped {
		return r.verify(ctx, unlockedAt, verifyGrace)
	}
	var verified activities.VerifyResult
	if err := step.Get(ctx, &verified); err != nil {
		return nil, err
	}
	r.result.Attempts.Verify += verified.Attempt
	r.read(verified.Account)
	return &verified, nil
}

func (r *unlockRun) watch(ctx workflow.Context, unlockedAt time.Time) (*activities.VerifyResult, error) {
	until := workflow.Now(ctx).Add(r.in.WatchFor.Std())
	r.at(ctx, StepWatch, until)
	var watched activities.VerifyResult
	err := r.activity(ctx, activities.WatchName, r.in.WatchFor.Std()+verifyGrace+attemptTimeout, "Watch for a new lock for "+r.in.WatchFor.String(),
		activities.WatchInput{
			AccountID:  r.result.UserID,
			UnlockedAt: unlockedAt,
			Until:      until,
			For:        r.in.WatchFor.Std(),
		}, &watched)
	if err != nil {
		return nil, err
	}
	r.read(watched.Account)
	return &watched, nil
}

// read takes an account over as the last that was seen; nil changes nothing.
func (r *unlockRun) read(account *connectors.Account) {
	if account == nil {
		return
	}
	r.result.After = &account.State
	r.result.StillBlockedBy = account.State.StillBlockedBy()
	if r.in.Emit == EmitFull {
		r.result.User, r.result.UserOmitted = account.User, account.UserOmitted
	}
}

// remaining is the time that is left for the steps.
func (r *unlockRun) remaining(ctx workflow.Context) time.Duration {
	return r.deadline.Sub(workflow.Now(ctx))
}

// handle registers the query and the updates that a run answers.
func (r *unlockRun) handle(ctx workflow.Context) error {
	if err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, func() (Status, error) {
		joined, more := joinedShown(r.joined)
		return Status{Step: r.step, Joined: joined, JoinedMore: more, Result: r.result}, nil
	}, workflow.QueryHandlerOptions{Description: "The step, who joined, and the result so far. It takes nothing."}); err != nil {
		return fmt.Errorf("register the query %s: %w", StatusQuery, err)
	}
	if err := r.handleJoin(ctx); err != nil {
		return err
	}
	return r.handleApproval(ctx)
}

// at notes which step is under way, and until when, for the query and the Temporal UI.
func (r *unlockRun) at(ctx workflow.Context, step Step, until time.Time) {
	r.step = step
	workflow.SetCurrentDetails(ctx, r.details(until))
}

// identify makes the run findable by its connection and account.
func (r *unlockRun) identify(ctx workflow.Context, found *activities.LookupResult) error {
	return r.upsert(ctx,
		attribute{AttributeConnection, r.in.Connection},
		attribute{AttributeProvider, found.Provider},
		attribute{AttributeUserID, found.Account.ID})
}

// outcomeCancelled is the search attribute's word for a run that was cancelled.
const outcomeCancelled = "cancelled"

// end closes a run with an outcome.
func (r *unlockRun) end(ctx workflow.Context, outcome Outcome, explanation string) (*Result, error) {
	r.result.Outcome, r.result.Explanation = outcome, explanation
	r.finish(ctx, string(outcome))
	return &r.result, nil
}

// fail closes a run with a failure that carries the result so far.
func (r *unlockRun) fail(ctx workflow.Context, failed failure) error {
	r.result.Explanation = failed.message
	r.finish(ctx, failed.kind)
	return fail(failed.kind, failed.message, &r.result)
}

// cancelled closes a run that was cancelled; what it did stands in the details.
func (r *unlockRun) cancelled(ctx workflow.Context) error {
	if r.step != StepDone {
		r.result.Explanation = "cancelled before anything was sent"
		r.finish(ctx, outcomeCancelled)
	}
	return temporal.NewCanceledError(&r.result)
}

// sent is by what an unlock that was, or may have been, sent is found and counted.
func (r *unlockRun) sent() []attribute {
	if r.result.UnlockSent == connectors.No {
		return nil
	}
	return []attribute{{AttributeUnlockSent, string(r.result.UnlockSent)}}
}

// finish notes how the run ended, in the result, the search attributes and the audit log.
func (r *unlockRun) finish(ctx workflow.Context, outcome string) {
	r.step = StepDone
	r.result.FinishedAt = workflow.Now(ctx).UTC()
	workflow.SetCurrentDetails(ctx, endDetails(outcome, r.result.Explanation))
	if err := r.upsert(ctx, append(r.sent(), attribute{AttributeOutcome, outcome})...); err != nil {
		workflow.GetLogger(ctx).Error("the outcome could not be set as a search attribute", "error", err)
	}
	code := ""
	if r.result.Refusal != nil {
		code = string(r.result.Refusal.Code)
	}
	event := activities.AuditEvent{
		Step:              activities.AuditResult,
		Connection:        r.in.Connection,
		Provider:          r.result.Provider,
		UserID:            r.result.UserID,
		Decision:          outcome,
		Code:              code,
		Explanation:       r.result.Explanation,
		UnlockSent:        string(r.result.UnlockSent),
		ProviderRequestID: r.result.ProviderRequestID,
		RequestedBy:       r.in.RequestedBy,
		RequestReason:     r.in.RequestReason,
	}
	if r.result.Approval != nil {
		event.Approver, event.ApproverReason = r.result.Approval.By, r.result.Approval.Reason
	}
	audit(ctx, event)
}

// audit writes an event of the run to the audit log.
func audit(ctx workflow.Context, event activities.AuditEvent) {
	execution := workflow.GetInfo(ctx).WorkflowExecution
	event.WorkflowID, event.RunID = execution.ID, execution.RunID
	event.Write(workflow.GetLogger(ctx).Info)
}

// close waits for updates that are still being answered.
func (r *unlockRun) close(ctx workflow.Context) {
	finishing, _ := workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(finishing, func() bool { return workflow.AllHandlersFinished(finishing) })
}
