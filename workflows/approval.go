package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// The updates by which a request is approved or denied; each takes an Answer.
const (
	ApproveUpdate = "approve"
	DenyUpdate    = "deny"
)

// AwaitingApproval is the search attribute's word for a request that waits for an approval.
const AwaitingApproval = "approval"

// AwaitingApprovalSignal tells a parent that its child waits for an approval; it carries
// the child's workflow ID.
const AwaitingApprovalSignal = "awaiting-approval"

// DefaultApprovalTimeout is how long an approval is waited for when neither the request nor
// the connection says.
const DefaultApprovalTimeout = time.Hour

// CaseRequested is the case of an approval that the caller asked for.
const CaseRequested = guard.ApprovalRequested

// Answer says who approves or denies, and why. Names are claims, unless an authenticating
// proxy or Temporal's own authorization stands in front.
type Answer struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// ApprovalRecord is what became of an approval.
type ApprovalRecord struct {
	// Cases say why one was needed: requested, always, privileged, admin_locks.
	Cases []string `json:"cases"`
	// Decision is approved, denied or expired; empty while it is waited for until Until.
	Decision string    `json:"decision,omitempty"`
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at,omitzero"`
	Until    time.Time `json:"until"`
}

// The decisions of an approval.
const (
	decisionApproved = "approved"
	decisionDenied   = "denied"
	decisionExpired  = "expired"
)

// approve waits for an approval and looks the account up again. It returns the account as
// it is then; nil when the run has ended, with its result.
func (r *unlockRun) approve(ctx workflow.Context, found *activities.LookupResult) (*activities.LookupResult, *Result, error) {
	began := workflow.Now(ctx)
	within := orZero(r.in.Approval.Timeout, orZero(found.Approval.Timeout, Duration(DefaultApprovalTimeout))).Std()
	r.account, r.approvers = found.Account, found.Approval.Approvers
	r.result.Approval = &ApprovalRecord{Cases: found.Approval.Cases, Until: began.Add(within).UTC()}
	if err := r.awaitApproval(ctx, within); err != nil {
		return nil, nil, err
	}
	// The time that people take does not count.
	r.deadline = r.deadline.Add(workflow.Now(ctx).Sub(began))
	switch record := r.result.Approval; record.Decision {
	case decisionApproved:
		return r.lookAgain(ctx, found)
	case decisionDenied:
		result, err := r.end(ctx, Denied, "an approver denied the unlock")
		return nil, result, err
	default:
		record.Decision = decisionExpired
		result, err := r.end(ctx, ApprovalExpired, "an approval was needed, and nobody answered within "+guard.Round(within))
		return nil, result, err
	}
}

// awaitApproval waits until somebody answers or the time is over.
func (r *unlockRun) awaitApproval(ctx workflow.Context, within time.Duration) error {
	r.at(ctx, StepApproval, r.result.Approval.Until)
	if err := r.upsert(ctx, attribute{AttributeAwaiting, AwaitingApproval}); err != nil {
		return err
	}
	if parent := workflow.GetInfo(ctx).ParentWorkflowExecution; parent != nil && r.in.Approval.TellParent {
		// A parent that is gone need not know.
		_ = workflow.SignalExternalWorkflow(ctx, parent.ID, parent.RunID, AwaitingApprovalSignal, workflow.GetInfo(ctx).WorkflowExecution.ID).Get(ctx, nil)
	}
	waited := waitWithin(ctx, within, "Wait for an approval", func() bool { return r.result.Approval.Decision != "" })
	r.step = StepLookup // Nothing is waited for any more.
	if err := r.unset(ctx, AttributeAwaiting); err != nil {
		return err
	}
	if temporal.IsCanceledError(waited) {
		return r.cancelled(ctx)
	}
	return waited
}

// lookAgain looks the account up after the approval: what was approved is unlocked, and
// nothing else.
func (r *unlockRun) lookAgain(ctx workflow.Context, found *activities.LookupResult) (*activities.LookupResult, *Result, error) {
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
		{ApproveUpdate, decisionApproved, "Let the unlock go on, once the account is found as it was." + takesAnswer},
		{DenyUpdate, decisionDenied, "End the request, with nothing sent." + takesAnswer},
	} {
		if err := workflow.SetUpdateHandlerWithOptions(ctx, each.name, func(ctx workflow.Context, answer Answer) error {
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
	if r.step != StepApproval || r.result.Approval.Decision != "" || !workflow.Now(ctx).Before(r.result.Approval.Until) {
		return errors.New("this request waits for no approval")
	}
	return nil
}

// mayAnswer refuses whoever must not answer, before anything is written.
func (r *unlockRun) mayAnswer(ctx workflow.Context, answer Answer) error {
	if err := r.waitsForAnswer(ctx); err != nil {
		return err
	}
	if len(answer.By) > maxText || len(answer.Reason) > maxText {
		return fmt.Errorf("by and reason may be %d bytes long at most", maxText)
	}
	return guard.Answer{By: answer.By, RequestedBy: r.in.RequestedBy, Joined: namesOf(r.joined), Account: r.account,
		Connection: r.approvers, Request: r.in.Approval.Approvers}.Fault()
}

func (r *unlockRun) auditAnswer(ctx workflow.Context, record *ApprovalRecord) {
	audit(ctx, activities.AuditEvent{
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
