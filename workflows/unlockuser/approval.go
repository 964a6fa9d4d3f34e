package unlockuser

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// The decisions of an approval.
const (
	decisionApproved = "approved"
	decisionDenied   = "denied"
	decisionExpired  = "expired"
)

// approve waits for an approval and looks the account up again. It returns the account as
// it is then; nil when the run has ended, with its result.
func (r *unlockRun) approve(ctx workflow.Context, found *activities.LookupResult) (*activities.LookupResult, *workflows.Result, error) {
	began := workflow.Now(ctx)
	within := cmp.Or(r.in.Approval.Timeout, cmp.Or(found.Approval.Timeout, workflows.Duration(workflows.DefaultApprovalTimeout))).Std()
	r.account, r.approvers = found.Account, found.Approval.Approvers
	r.result.Approval = &workflows.ApprovalRecord{Cases: found.Approval.Cases, Until: began.Add(within).UTC()}
	if err := r.awaitApproval(ctx, within); err != nil {
		return nil, nil, err
	}
	// The time that people take does not count.
	r.deadline = r.deadline.Add(workflow.Now(ctx).Sub(began))
	switch record := r.result.Approval; record.Decision {
	case decisionApproved:
		return r.lookAgain(ctx, found)
	case decisionDenied:
		result, err := r.end(ctx, workflows.Denied, "an approver denied the unlock")
		return nil, result, err
	default:
		record.Decision = decisionExpired
		result, err := r.end(ctx, workflows.ApprovalExpired, "an approval was needed, and nobody answered within "+guard.Round(within))
		return nil, result, err
	}
}

// awaitApproval waits until somebody answers or the time is over.
func (r *unlockRun) awaitApproval(ctx workflow.Context, within time.Duration) error {
	r.at(ctx, workflows.StepApproval, r.result.Approval.Until)
	if err := r.Upsert(ctx, run.Set(workflows.AttributeAwaiting, workflows.AwaitingApproval)); err != nil {
		return err
	}
	if parent := workflow.GetInfo(ctx).ParentWorkflowExecution; parent != nil && r.in.Approval.TellParent {
		// A parent that is gone need not know.
		_ = workflow.SignalExternalWorkflow(ctx, parent.ID, parent.RunID, workflows.AwaitingApprovalSignal, workflow.GetInfo(ctx).WorkflowExecution.ID).Get(ctx, nil)
	}
	waited := run.WaitWithin(ctx, within, "Wait for an approval", func() bool { return r.result.Approval.Decision != "" })
	r.step = workflows.StepLookup // Nothing is waited for any more.
	if err := r.Unset(ctx, workflows.AttributeAwaiting); err != nil {
		return err
	}
	if temporal.IsCanceledError(waited) {
		return r.cancelled(ctx)
	}
	return waited
}

// lookAgain looks the account up after the approval: what was approved is unlocked, and
// nothing else.
func (r *unlockRun) lookAgain(ctx workflow.Context, found *activities.LookupResult) (*activities.LookupResult, *workflows.Result, error) {
	before := r.result.Before
	again, err := r.lookup(ctx, connectors.UserRef{ID: found.Account.ID})
	r.result.Before = before
	if err != nil {
		return nil, nil, err
	}
	if again.Verdict.Decision != guard.Unlock {
		result, err := r.decided(ctx, again.Verdict)
		return nil, result, err
	}
	return again, nil, nil
}

// takesAnswer says what an answer is.
const takesAnswer = ` It takes {"by": "who answers", "reason": "why"}.`

// handleApproval registers the updates that approve and deny.
func (r *unlockRun) handleApproval(ctx workflow.Context) error {
	for _, each := range []struct{ name, decision, description string }{
		{workflows.ApproveUpdate, decisionApproved, "Let the unlock go on, once the account is found as it was." + takesAnswer},
		{workflows.DenyUpdate, decisionDenied, "End the request, with nothing sent." + takesAnswer},
	} {
		if err := workflow.SetUpdateHandlerWithOptions(ctx, each.name, func(ctx workflow.Context, answer workflows.Answer) error {
			// Validators are not replayed, and handlers are: who may answer is asked there, and
			// enforced once more by the steps that follow.
			if err := r.waitsForAnswer(ctx); err != nil {
				return err // Another answer came in between.
			}
			if each.decision == decisionApproved {
				joined, _ := joinedShown(r.joined) // A step is handed no more than a payload carries.
				r.approved = &activities.Approved{State: r.account.State, By: answer.By, Joined: namesOf(joined)}
			}
			record := r.result.Approval
			record.Decision, record.By, record.Reason, record.At = each.decision, answer.By, answer.Reason, workflow.Now(ctx).UTC()
			r.auditAnswer(ctx, record)
			return nil
		}, workflow.UpdateHandlerOptions{Validator: r.mayAnswer, Description: each.description}); err != nil {
			return fmt.Errorf("register the update %s: %w", each.name, err)
		}
	}
	return nil
}

// waitsForAnswer refuses an answer that comes too early or too late.
func (r *unlockRun) waitsForAnswer(ctx workflow.Context) error {
	if r.step != workflows.StepApproval || r.result.Approval.Decision != "" || !workflow.Now(ctx).Before(r.result.Approval.Until) {
		return errors.New("this request waits for no approval")
	}
	return nil
}

// mayAnswer refuses whoever must not answer, before anything is written.
func (r *unlockRun) mayAnswer(ctx workflow.Context, answer workflows.Answer) error {
	if err := r.waitsForAnswer(ctx); err != nil {
		return err
	}
	if err := answer.Validate(); err != nil {
		return err
	}
	return guard.Answer{By: answer.By, RequestedBy: r.in.RequestedBy, Joined: namesOf(r.joined), Account: r.account,
		Connection: r.approvers, Request: r.in.Approval.Approvers}.Fault()
}

func (r *unlockRun) auditAnswer(ctx workflow.Context, record *workflows.ApprovalRecord) {
	run.Audit(ctx, activities.AuditEvent{
		Step:           activities.AuditApproval,
		Connection:     r.in.Connection,
		Provider:       r.result.Provider,
		UserID:         r.result.UserID,
		Decision:       record.Decision,
		RequestedBy:    r.in.RequestedBy,
		RequestReason:  r.in.RequestReason,
		Approver:       record.By,
		ApproverReason: record.Reason,
	})
}
