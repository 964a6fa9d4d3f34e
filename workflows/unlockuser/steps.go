package unlockuser

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// attempts is the context of a step that is tried until `within` is over.
func (r *unlockRun) attempts(ctx workflow.Context, within time.Duration, summary string) workflow.Context {
	return run.WithAttempts(ctx, r.in.Connection, within, summary)
}

func (r *unlockRun) lookup(ctx workflow.Context, ref connectors.UserRef) (*activities.LookupResult, error) {
	r.at(ctx, workflows.StepLookup, r.deadline)
	found, err := run.Step(r.attempts(ctx, r.remaining(ctx), "Look the account up at "+r.in.Connection), run.Steps.Lookup,
		activities.LookupInput{Ref: ref, Demands: r.demands(), Emit: string(r.in.Emit), Approved: r.approved})
	if temporal.IsCanceledError(err) {
		return nil, r.cancelled(ctx)
	}
	if err != nil {
		failed := run.Understand(err, r.in.Connection)
		r.result.Attempts.Lookup = failed.Attempt
		failed.Sent = connectors.No
		return nil, r.fail(ctx, failed)
	}
	r.result.Attempts.Lookup = found.Attempt
	r.result.Provider = found.Provider
	r.result.UserID = found.Account.ID
	r.result.Before, r.result.Evidence = &found.Account.State, found.Account.Evidence
	r.read(found.Account)
	return found, r.identify(ctx, found)
}

// verify reads the account until it is seen unlocked or the time is over; once somebody
// cancels the run, for verifyGrace at most.
func (r *unlockRun) verify(ctx workflow.Context, unlockedAt time.Time, within time.Duration) (*activities.VerifyResult, error) {
	until := workflow.Now(ctx).Add(within)
	r.at(ctx, workflows.StepVerify, until)
	attempts, stop := workflow.WithCancel(r.attempts(ctx, within+run.AttemptTimeout, "Read the account again at "+r.in.Connection))
	step := workflow.ExecuteActivity(attempts, run.Steps.Verify, activities.VerifyInput{
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
	verified, err := run.Result[activities.VerifyResult](ctx, step)
	if err != nil {
		return nil, err
	}
	r.result.Attempts.Verify += verified.Attempt
	r.read(verified.Account)
	return verified, nil
}

func (r *unlockRun) watch(ctx workflow.Context, unlockedAt time.Time) (*activities.VerifyResult, error) {
	until := workflow.Now(ctx).Add(r.in.WatchFor.Std())
	r.at(ctx, workflows.StepWatch, until)
	within := r.in.WatchFor.Std() + verifyGrace + run.AttemptTimeout
	watched, err := run.Step(r.attempts(ctx, within, "Watch for a new lock for "+r.in.WatchFor.String()), run.Steps.Watch, activities.WatchInput{
		AccountID:  r.result.UserID,
		UnlockedAt: unlockedAt,
		Until:      until,
		For:        r.in.WatchFor.Std(),
	})
	if err != nil {
		return nil, err
	}
	r.read(watched.Account)
	return watched, nil
}

// read takes an account over as the last that was seen; nil changes nothing.
func (r *unlockRun) read(account *connectors.Account) {
	if account == nil {
		return
	}
	r.result.After = &account.State
	r.result.StillBlockedBy = account.State.StillBlockedBy()
	if r.in.Emit == workflows.EmitFull {
		r.result.User, r.result.UserOmitted = account.User, account.UserOmitted
	}
}

// remaining is the time that is left for the steps.
func (r *unlockRun) remaining(ctx workflow.Context) time.Duration {
	return r.deadline.Sub(workflow.Now(ctx))
}

// handle registers the query and the updates that a run answers.
func (r *unlockRun) handle(ctx workflow.Context) error {
	if err := workflow.SetQueryHandlerWithOptions(ctx, workflows.StatusQuery, func() (workflows.Status, error) {
		joined, more := joinedShown(r.joined)
		return workflows.Status{Step: r.step, Joined: joined, JoinedMore: more, Result: r.result}, nil
	}, workflow.QueryHandlerOptions{Description: "The step, who joined, and the result so far. It takes nothing."}); err != nil {
		return fmt.Errorf("register the query %s: %w", workflows.StatusQuery, err)
	}
	if err := r.handleJoin(ctx); err != nil {
		return err
	}
	return r.handleApproval(ctx)
}

// at notes which step is under way, and until when, for the query and the Temporal UI.
func (r *unlockRun) at(ctx workflow.Context, step workflows.Step, until time.Time) {
	r.step = step
	workflow.SetCurrentDetails(ctx, r.details(until))
}

// begin makes the run findable by its connection and, where its ID is known, by its account.
func (r *unlockRun) begin(ctx workflow.Context) error {
	if r.in.UserID == "" {
		return r.Begin(ctx, r.in.Connection)
	}
	return r.Begin(ctx, r.in.Connection, run.Set(workflows.AttributeUserID, r.in.UserID))
}

// identify makes the run findable by the ID of its account, as the provider spells it.
func (r *unlockRun) identify(ctx workflow.Context, found *activities.LookupResult) error {
	r.Later(run.Set(workflows.AttributeProvider, found.Provider))
	return r.Upsert(ctx, run.Set(workflows.AttributeUserID, found.Account.ID))
}

// end closes a run with an outcome.
func (r *unlockRun) end(ctx workflow.Context, outcome workflows.Outcome, explanation string) (*workflows.Result, error) {
	r.result.Outcome, r.result.Explanation = outcome, explanation
	r.finish(ctx, string(outcome))
	return &r.result, nil
}

// fail closes a run with a failure that carries the result so far.
func (r *unlockRun) fail(ctx workflow.Context, failed run.Failure) error {
	r.result.Explanation = failed.Message
	r.finish(ctx, failed.Kind)
	return run.Fail(failed.Kind, failed.Message, &r.result)
}

// cancelled closes a run that was cancelled; what it did stands in the details.
func (r *unlockRun) cancelled(ctx workflow.Context) error {
	if r.step != workflows.StepDone {
		r.result.Explanation = "cancelled before anything was sent"
		r.finish(ctx, workflows.OutcomeCancelled)
	}
	return temporal.NewCanceledError(&r.result)
}

// sent is by what an unlock that was, or may have been, sent is found and counted.
func (r *unlockRun) sent() []run.Attribute {
	if r.result.UnlockSent == connectors.No {
		return nil
	}
	return []run.Attribute{run.Set(workflows.AttributeUnlockSent, string(r.result.UnlockSent))}
}

// finish notes how the run ended, in the result, the search attributes and the audit log.
func (r *unlockRun) finish(ctx workflow.Context, outcome string) {
	r.step = workflows.StepDone
	r.result.FinishedAt = workflow.Now(ctx).UTC()
	workflow.SetCurrentDetails(ctx, run.EndDetails(outcome, r.result.Explanation))
	if err := r.Upsert(ctx, append(r.sent(), run.Set(workflows.AttributeOutcome, outcome))...); err != nil {
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
	run.Audit(ctx, event)
}
