package unlockmany

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// decideAll decides upon each of the users and waits for their unlocks.
func (r *bulkRun) decideAll(ctx workflow.Context, batch []candidate) error {
	r.at(ctx, workflows.StateUnlocking)
	unlocks, err := r.countUnlocks(ctx, batch)
	if err != nil {
		return err
	}
	for i := range batch {
		each := &batch[i]
		if decision := r.decided(each, unlocks); decision != nil {
			r.note(*decision)
			continue
		}
		r.done[each.UserID] = true
		if !r.ready(ctx) {
			r.note(*r.stopped(each))
			continue
		}
		r.inFlight++
		workflow.Go(ctx, func(ctx workflow.Context) {
			r.note(r.unlock(ctx, each))
			r.inFlight--
		})
	}
	finishing, _ := workflow.NewDisconnectedContext(ctx)
	return workflow.Await(finishing, func() bool { return r.inFlight == 0 })
}

// countUnlocks counts how often those who may be unlocked were unlocked lately.
func (r *bulkRun) countUnlocks(ctx workflow.Context, batch []candidate) (map[string]int, error) {
	within := r.in.Policy.LookBack()
	if within == 0 || r.Stop != "" {
		return nil, nil
	}
	in := activities.CountUnlocksInput{Since: workflow.Now(ctx).Add(-within).UTC()}
	for i := range batch {
		if batch[i].Code == "" && batch[i].failed == nil {
			in.UserIDs = append(in.UserIDs, batch[i].UserID)
		}
	}
	if len(in.UserIDs) == 0 {
		return nil, nil
	}
	counted, err := run.Step(run.WithAttempts(ctx, r.in.Connection, r.in.Timeout.Std(), "Count how often each was unlocked"), run.Steps.CountUnlocks, in)
	if err != nil {
		return nil, err
	}
	return counted.Unlocks, nil
}

// decided is what is known without an unlock; nil when the user is to be unlocked.
func (r *bulkRun) decided(each *candidate, unlocks map[string]int) *workflows.Decision {
	switch most := r.in.Policy.MaxPerUser; {
	case r.Given && r.done[each.UserID]:
		return each.decision(workflows.Skipped, workflows.CodeDuplicate, "the list names this account more than once")
	case each.failed != nil:
		return each.decision(workflows.FailedUser, string(each.failed.Kind), each.failed.Message)
	case each.Code != "":
		return each.decision(workflows.Skipped, string(each.Code), each.Explanation)
	case r.Stop != "":
		return r.stopped(each)
	case most.Unlocks > 0 && unlocks[each.UserID] >= most.Unlocks:
		return each.decision(workflows.Skipped, workflows.CodeMaxPerUser, fmt.Sprintf("unlocked %d times within %s already, the policy allows %d", unlocks[each.UserID], most.Within, most.Unlocks))
	default:
		return nil
	}
}

func (c *candidate) decision(decided workflows.Decided, code, explanation string) *workflows.Decision {
	return &workflows.Decision{UserID: c.UserID, Reference: c.reference, Decision: decided, Code: code, Explanation: explanation}
}

// stopped leaves a user alone since nobody else is to be unlocked.
func (r *bulkRun) stopped(each *candidate) *workflows.Decision {
	explanation := map[string]string{
		workflows.CodeMaxPerRun:    "the policy's maxPerRun was reached before",
		workflows.CodeAborted:      "an operator stopped the run before",
		workflows.CodeHeld:         "the run held, and nobody released it",
		workflows.OutcomeCancelled: "the run was cancelled before",
	}[r.Stop]
	return each.decision(workflows.Skipped, r.Stop, explanation)
}

// ready waits until another unlock may begin, and reports whether it may.
func (r *bulkRun) ready(ctx workflow.Context) bool {
	most := *r.in.Policy.MaxPerRun
	err := workflow.Await(ctx, func() bool {
		if r.Stop != "" || most > 0 && r.Sent >= most {
			return true
		}
		return !r.Paused && r.inFlight < r.in.Policy.Concurrency && (most == 0 || r.Sent+r.inFlight < most)
	})
	switch {
	case err != nil || ctx.Err() != nil: // The wait does not notice a cancellation when it need not wait.
		r.cancelled, r.Stop = true, workflows.OutcomeCancelled
	case r.Stop == "" && most > 0 && r.Sent >= most:
		r.Stop = workflows.CodeMaxPerRun
	}
	return r.Stop == ""
}

// unlock runs a child and reads what became of the user. A child goes on whatever becomes
// of its parent.
func (r *bulkRun) unlock(ctx workflow.Context, each *candidate) workflows.Decision {
	demands := r.demands()
	demands.SeenSince = each.seenSince
	id := workflows.UnlockID(r.in.Connection, each.UserID)
	if r.in.Policy.DryRun {
		id = workflows.UnlockID(r.in.Connection, "dry-run/"+r.Result.FirstRunID+"/"+each.UserID)
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	options := workflows.ChildOptions(r.in.Connection, id)
	options.Priority.PriorityKey = workflows.PriorityBulk
	options.TypedSearchAttributes = temporal.NewSearchAttributes(r.Updates(ctx, // Set at the start, they need no event of their own.
		run.Set(workflows.AttributeConnection, r.in.Connection),
		run.Set(workflows.AttributeProvider, r.Prepared.Provider),
		run.Set(workflows.AttributeUserID, each.UserID))...)
	r.awaiting[id] = false
	defer delete(r.awaiting, id)
	var result workflows.Result
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), workflows.UnlockUserName, workflows.Input{
		Connection:    r.in.Connection,
		UserID:        each.UserID,
		RequestReason: r.in.RequestReason,
		RequestedBy:   r.in.RequestedBy,
		Guard:         demands,
		DryRun:        r.in.Policy.DryRun,
		Timeout:       r.in.Timeout,
		Emit:          workflows.EmitSummary,
		Approval:      workflows.Approval{TellParent: true},
	})
	if err := workflow.Await(ctx, func() bool { return child.IsReady() || r.awaiting[id] }); err != nil {
		return r.unlockFailed(each, err, id)
	}
	if !child.IsReady() {
		decision := each.decision(workflows.AwaitsApproval, "", "somebody must approve the unlock of this user, which waits for that by itself: "+id)
		decision.WorkflowID = id
		return *decision
	}
	if err := child.Get(ctx, &result); err != nil {
		return r.unlockFailed(each, err, id)
	}
	return r.unlocked(each, &result)
}

// hear notes which children wait for an approval: they are reported so, and not waited for.
func (r *bulkRun) hear(ctx workflow.Context) {
	signals := workflow.GetSignalChannel(ctx, workflows.AwaitingApprovalSignal)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var id string
			if !signals.Receive(ctx, &id) || ctx.Err() != nil {
				return
			}
			if _, asked := r.awaiting[id]; asked { // Anybody who may signal the run can name anything.
				r.awaiting[id] = true
			}
		}
	})
}

// unlocked reads a child's result.
func (r *bulkRun) unlocked(each *candidate, result *workflows.Result) workflows.Decision {
	decision := each.decision(workflows.Decided(result.Outcome), "", result.Explanation)
	decision.UnlockSent = result.UnlockSent
	switch result.Outcome { //nolint:exhaustive // the others are told as they are
	case workflows.Refused:
		decision.Decision, decision.Code = workflows.Skipped, string(result.Refusal.Code)
	case workflows.AlreadyUnlocked:
		r.sightings.forget(each.UserID)
	case workflows.WouldUnlock:
		r.Sent++
	}
	r.sent(each, result.UnlockSent)
	return *decision
}

// sent counts an unlock that was, or may have been, sent. A lock that is seen later is
// another one.
func (r *bulkRun) sent(each *candidate, sent connectors.Answer) {
	if sent == connectors.No {
		return
	}
	r.Sent++
	r.sightings.forget(each.UserID)
}

// unlockFailed reads why a child did not end with a result.
func (r *bulkRun) unlockFailed(each *candidate, err error, workflowID string) workflows.Decision {
	var open *temporal.ChildWorkflowExecutionAlreadyStartedError
	var application *temporal.ApplicationError
	var terminated *temporal.TerminatedError
	var cancelled *temporal.CanceledError
	switch {
	case errors.As(err, &open):
		decision := each.decision(workflows.OpenAlready, "", "an unlock of this user was open already: "+workflowID)
		decision.WorkflowID = workflowID
		return *decision
	case errors.As(err, &application):
		return r.failedUser(each, application.Type(), application.Message(), sentOf(application, connectors.No))
	case errors.As(err, &terminated):
		return r.failedUser(each, workflows.TypeTerminated, "the unlock of this user was terminated: "+workflowID, connectors.Unknown)
	case errors.As(err, &cancelled):
		return r.failedUser(each, workflows.TypeCancelled, "the unlock of this user was cancelled: "+workflowID, sentOf(cancelled, connectors.Unknown))
	default:
		return r.failedUser(each, workflows.TypeInternal, fmt.Sprintf("the unlock of this user failed in an unforeseen way: %T", err), connectors.Unknown)
	}
}

// failedUser is the decision on a user whose unlock failed, and who may be unlocked all the same.
func (r *bulkRun) failedUser(each *candidate, code, explanation string, sent connectors.Answer) workflows.Decision {
	decision := each.decision(workflows.FailedUser, code, explanation)
	decision.UnlockSent = sent
	r.sent(each, sent)
	return *decision
}

// sentOf reads from a child's last word whether an unlock was sent.
func sentOf(from workflows.Details, otherwise connectors.Answer) connectors.Answer {
	var result workflows.Result
	if !from.HasDetails() || from.Details(&result) != nil || result.UnlockSent == "" {
		return otherwise
	}
	return result.UnlockSent
}
