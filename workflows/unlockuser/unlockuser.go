// Package unlockuser holds the workflow that unlocks one user.
package unlockuser

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

var (
	// verifyGrace is what verify gets when an unlock used up all the time: a request that
	// may have been sent is looked at before the run ends.
	verifyGrace = 30 * time.Second

	// answeredGrace is the same where the provider did answer the last attempt, with a failure:
	// nothing is under way any more, so that the run ends soon after its time.
	answeredGrace = 2 * time.Second

	// sendAgainAfter is how long a lock may stand after an unlock that was accepted before it is
	// sent once more: by then a read that lags behind has caught up.
	sendAgainAfter = time.Minute
)

// UnlockUser looks one user up, decides whether it may be unlocked, unlocks it and proves
// it. It takes an Input as JSON and decodes it itself, so that a wrong input is a failure
// of type InvalidInput that names the field.
func (w unlocker) UnlockUser(ctx workflow.Context, raw converter.RawValue) (*workflows.Result, error) {
	attributes := run.NewAttributes(w.has)
	in, err := workflows.DecodeInput(raw)
	if err == nil {
		err = in.MayRunAs(workflow.GetInfo(ctx).WorkflowExecution.ID)
	}
	if err != nil {
		return nil, attributes.WrongInput(ctx, err)
	}
	r := newUnlockRun(ctx, in, attributes)
	if err := r.handle(ctx); err != nil {
		return nil, err
	}
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	result, err := r.execute(ctx)
	run.WaitForHandlers(ctx)
	return result, err
}

// unlocker is the workflow as a worker serves it: has returns those of Latchkey's search
// attributes that the namespace has now.
type unlocker struct{ has func() []string }

// Register registers the workflow by its name.
func Register(with workflows.Registry, has func() []string) {
	with.RegisterWorkflowWithOptions(unlocker{has}.UnlockUser, workflow.RegisterOptions{Name: workflows.UnlockUserName})
}

// unlockRun is the state of one run.
type unlockRun struct {
	*run.Attributes
	in     *workflows.Input
	result workflows.Result
	step   workflows.Step
	joined []workflows.Join
	// waiting are who asked for the run or joined it.
	waiting  *guard.Names
	deadline time.Time
	// account is the one that an approval is waited for, approvers who may give it by the
	// connection's rules, and approved what was approved; nil while nothing was.
	account   *connectors.Account
	approvers []string
	approved  *activities.Approved
	// caller ends when somebody cancels the run. Unlock and verify run in a context of
	// their own; the watch, which may take days, ends with this one.
	caller workflow.Context
}

func newUnlockRun(ctx workflow.Context, in *workflows.Input, attributes *run.Attributes) *unlockRun {
	now := workflow.Now(ctx).UTC()
	return &unlockRun{
		Attributes: attributes,
		in:         in,
		waiting:    guard.NamesOf(in.RequestedBy),
		deadline:   now.Add(in.Timeout.Std()),
		result: workflows.Result{
			Connection:     in.Connection,
			UserID:         in.UserID,
			StillBlockedBy: []string{},
			UnlockSent:     connectors.No,
			StartedAt:      now,
			RequestReason:  in.RequestReason,
			RequestedBy:    in.RequestedBy,
		},
	}
}

// execute takes the steps.
func (r *unlockRun) execute(ctx workflow.Context) (*workflows.Result, error) {
	found, err := r.lookup(ctx, r.in.Ref())
	if err != nil {
		return nil, err
	}
	switch {
	case found.Verdict.Decision != guard.Unlock:
		return r.decided(ctx, found.Verdict)
	case r.in.DryRun && found.Approval != nil:
		return r.end(ctx, workflows.WouldUnlock, "the account would be unlocked once somebody has approved it; this was a dry run, and nothing was sent")
	case r.in.DryRun:
		return r.end(ctx, workflows.WouldUnlock, "the account would be unlocked; this was a dry run, and nothing was sent")
	case found.Approval != nil:
		var result *workflows.Result
		if found, result, err = r.approve(ctx, found); found == nil {
			return result, err
		}
	}
	if ctx.Err() != nil {
		return nil, r.cancelled(ctx)
	}
	r.caller = ctx
	// Once begun, unlock and verify end in a known state, whatever the caller cancels.
	finishing, _ := workflow.NewDisconnectedContext(ctx)
	result, err := r.unlock(finishing, found)
	if ctx.Err() != nil {
		return nil, r.cancelled(ctx)
	}
	return result, err
}

// demands are what the request demands of the unlock.
func (r *unlockRun) demands() activities.Demands {
	return activities.Demands{
		Guard:            r.in.Guard,
		Override:         r.in.Override,
		EvenIfUnlocked:   r.in.EvenIfUnlocked,
		DryRun:           r.in.DryRun,
		RequestedBy:      r.in.RequestedBy,
		ApprovalRequired: r.in.Approval.Required,
		Approvers:        r.in.Approval.Approvers,
	}
}

// decided ends a run that sends nothing further.
func (r *unlockRun) decided(ctx workflow.Context, verdict guard.Verdict) (*workflows.Result, error) {
	if verdict.Refused() {
		r.result.Refusal = &workflows.Refusal{Code: verdict.Code}
		return r.end(ctx, workflows.Refused, verdict.Explanation)
	}
	return r.end(ctx, workflows.AlreadyUnlocked, verdict.Explanation)
}

// unlock sends the unlock and proves it.
func (r *unlockRun) unlock(ctx workflow.Context, found *activities.LookupResult) (*workflows.Result, error) {
	r.at(ctx, workflows.StepUnlock, r.deadline)
	if r.remaining(ctx) <= 0 {
		return nil, r.fail(ctx, run.Failure{Kind: string(connectors.Unavailable), Sent: connectors.No,
			Message: "connection " + r.in.Connection + ": time ran out before the unlock could be sent; the look-up took all of it"})
	}
	in := activities.UnlockInput{
		Account:       found.Account.WithoutUser(),
		ReadAt:        found.ReadAt,
		Demands:       r.demands(),
		RequestReason: r.in.RequestReason,
		Approved:      r.approved,
	}
	sent, err := r.send(ctx, in)
	if err != nil {
		failed := run.Understand(err, r.in.Connection)
		if temporal.IsCanceledError(err) {
			failed = run.Failure{Kind: workflows.OutcomeCancelled, Sent: connectors.Unknown,
				Message: "cancelled while the unlock was attempted; it may have been sent, and the account was not seen unlocked"}
		}
		r.result.Attempts.Unlock, r.result.UnlockSent = failed.Attempt, failed.Sent
		return r.afterFailedUnlock(ctx, failed)
	}
	r.result.Attempts.Unlock, r.result.UnlockSent = sent.Attempt, sent.Sent
	r.accepted(sent)
	r.read(sent.Account)
	if sent.Account != nil {
		in.Account = sent.Account.WithoutUser()
	}
	switch {
	case sent.Verdict.Refused():
		return r.decided(ctx, sent.Verdict)
	case sent.Verdict.Decision == guard.AlreadyUnlocked && sent.Sent == connectors.No:
		return r.decided(ctx, sent.Verdict)
	case sent.Verdict.Decision == guard.AlreadyUnlocked:
		return r.proven(ctx, sent.UnlockedAt)
	}
	return r.prove(ctx, in, sent.UnlockedAt)
}

// prove reads the account until it is seen unlocked, and sends the unlock once more where the
// same locks still stand.
func (r *unlockRun) prove(ctx workflow.Context, in activities.UnlockInput, unlockedAt time.Time) (*workflows.Result, error) {
	verified, err := r.verify(ctx, unlockedAt, r.firstPatience(ctx, in.Account.State))
	if err == nil && r.unsettled(ctx, verified) {
		if activities.SameLocks(verified.Account.State.Locks, in.Account.State.Locks) {
			again := r.sendAgain(ctx, in)
			if again.Verdict.Refused() {
				return r.decided(ctx, again.Verdict)
			}
			if again.Sent == connectors.Yes {
				unlockedAt = again.UnlockedAt
				r.accepted(again)
			}
		}
		verified, err = r.verify(ctx, unlockedAt, r.patience(ctx))
	}
	if err != nil {
		failed := run.Understand(err, r.in.Connection)
		r.result.Attempts.Verify += failed.Attempt
		return nil, r.fail(ctx, failed)
	}
	otherwise := run.Failure{Kind: workflows.TypeStillLocked,
		Message: "connection " + r.in.Connection + ": the provider accepted the unlock, and the account was still locked when time ran out" + r.refusals()}
	if r.caller.Err() != nil {
		otherwise = run.Failure{Kind: workflows.OutcomeCancelled,
			Message: "cancelled after the provider had accepted the unlock; the account was still locked when it was last read" + r.refusals()}
	}
	return r.judge(ctx, verified, unlockedAt, otherwise)
}

// send runs the step that sends the unlock. Once somebody cancels the run no further attempt
// begins, and one that is under way is waited for.
func (r *unlockRun) send(ctx workflow.Context, in activities.UnlockInput) (*activities.UnlockResult, error) {
	attempts, stop := workflow.WithCancel(workflow.WithWaitForCancellation(r.attempts(ctx, r.remaining(ctx), "Unlock the account at "+r.in.Connection), true))
	step := workflow.ExecuteActivity(attempts, run.Steps.Unlock, in)
	r.onCancel(ctx, step, stop)
	return run.Result[activities.UnlockResult](ctx, step)
}

// firstPatience is how long an accepted unlock of these locks is verified before it is sent
// again, if it can be: where each lock has a date, a later one is told from a new one.
func (r *unlockRun) firstPatience(ctx workflow.Context, sent connectors.State) time.Duration {
	if r.caller.Err() != nil || r.remaining(ctx) <= 0 || !sent.Locked() || !activities.SameLocks(sent.Locks, sent.Locks) {
		return r.patience(ctx)
	}
	return min(sendAgainAfter, r.remaining(ctx)/2)
}

// unsettled reports whether the account is read on after the first patience was over.
func (r *unlockRun) unsettled(ctx workflow.Context, verified *activities.VerifyResult) bool {
	return r.caller.Err() == nil && r.remaining(ctx) > 0 && verified.Unsettled
}

// sendAgain sends an unlock once more that was accepted and left its locks standing, as an
// answer that was not the provider's does. Whether it could be is seen by the reads that follow.
func (r *unlockRun) sendAgain(ctx workflow.Context, in activities.UnlockInput) *activities.UnlockResult {
	r.at(ctx, workflows.StepUnlock, r.deadline)
	in.ReadAt, in.Demands.EvenIfUnlocked, in.Again = time.Time{}, false, in.Account.State.Locks
	again, err := r.send(ctx, in)
	if err != nil {
		r.result.Attempts.Unlock += run.Understand(err, r.in.Connection).Attempt
		return &activities.UnlockResult{}
	}
	r.result.Attempts.Unlock += again.Attempt
	r.read(again.Account)
	return again
}

// onCancel waits for a step, and acts when somebody cancels the run before it has ended.
func (r *unlockRun) onCancel(ctx workflow.Context, step workflow.Future, act func()) {
	workflow.NewSelector(ctx).
		AddFuture(step, func(workflow.Future) {}).
		AddReceive(r.caller.Done(), func(workflow.ReceiveChannel, bool) { act() }).
		Select(ctx)
}

// patience is how long an unlock that was sent is verified.
func (r *unlockRun) patience(ctx workflow.Context) time.Duration {
	if r.caller.Err() != nil {
		return verifyGrace
	}
	return max(r.remaining(ctx), verifyGrace)
}

// afterFailedUnlock verifies an unlock that may have been sent before it gives up.
func (r *unlockRun) afterFailedUnlock(ctx workflow.Context, failed run.Failure) (*workflows.Result, error) {
	switch {
	case failed.Sent == connectors.No && r.caller.Err() != nil:
		return nil, r.cancelled(ctx)
	case failed.Sent == connectors.No:
		return nil, r.fail(ctx, failed)
	}
	grace := verifyGrace
	if failed.Answered {
		grace = min(verifyGrace, max(r.remaining(ctx), answeredGrace))
	}
	verified, err := r.verify(ctx, time.Time{}, grace)
	if err != nil {
		r.result.Attempts.Verify += run.Understand(err, r.in.Connection).Attempt
		return nil, r.fail(ctx, failed)
	}
	return r.judge(ctx, verified, time.Time{}, failed)
}

// judge turns what verify found into an outcome, or into the failure that otherwise is due.
func (r *unlockRun) judge(ctx workflow.Context, verified *activities.VerifyResult, unlockedAt time.Time, otherwise run.Failure) (*workflows.Result, error) {
	switch verified.Finding {
	case activities.FoundClear:
		return r.proven(ctx, unlockedAt)
	case activities.FoundRelocked:
		return r.end(ctx, workflows.Relocked, "a new lock appeared after the unlock: a saved password that is out of date, or an attack")
	case activities.FoundLocked, activities.FoundUnread:
	}
	left := r.result.After
	if held := connectors.OnLayersOf(r.result.Before.Locks, left.Locks); len(held) < len(r.result.Before.Locks) {
		return r.end(ctx, workflows.PartiallyUnlocked, "some layers are unlocked; others are still locked or could not be read, see after"+r.refusals()+otherwise.Cause())
	}
	if len(left.Locks) == 0 {
		return r.end(ctx, workflows.PartiallyUnlocked, "no lock is seen, but a layer could not be read, see after"+r.refusals()+otherwise.Cause())
	}
	otherwise.Sent = r.result.UnlockSent
	return nil, r.fail(ctx, otherwise)
}

// accepted notes what the provider answered to the unlock that was sent last.
func (r *unlockRun) accepted(sent *activities.UnlockResult) {
	r.result.ProviderRequestID, r.result.RefusedBy = sent.ProviderRequestID, sent.Refused
	for _, at := range sent.Evidence { // It is newer than what the look-up read there.
		r.result.Evidence = slices.DeleteFunc(r.result.Evidence, func(read connectors.Evidence) bool { return read.Server == at.Server })
		r.result.Evidence = append(r.result.Evidence, at)
	}
}

// refusals names the servers that did not accept the unlock which another accepted.
func (r *unlockRun) refusals() string {
	said := ""
	for _, each := range r.result.RefusedBy {
		said += fmt.Sprintf("; the server %s did not accept the unlock (%s)", each.Server, each.Kind)
	}
	return said
}

// proven ends a run whose account was seen unlocked, after the watch if one was asked for.
func (r *unlockRun) proven(ctx workflow.Context, unlockedAt time.Time) (*workflows.Result, error) {
	outcome, explanation := workflows.Unlocked, "the account was locked, and a later read shows no lock"
	switch {
	case !r.result.Before.Locked() && !r.result.Before.Clear():
		explanation = "a layer could not be read before the unlock, and a later read shows no lock"
	case r.result.Before.Clear():
		outcome, explanation = workflows.AlreadyUnlocked, "a full read found no lock; the unlock was sent all the same, as asked"
	}
	if r.in.WatchFor == 0 {
		return r.end(ctx, outcome, explanation)
	}
	// A watch may take days, in which the unlock counts already.
	if err := r.Upsert(ctx, r.sent()...); err != nil {
		return nil, err
	}
	watched, err := r.watch(r.caller, unlockedAt)
	switch {
	case temporal.IsCanceledError(err):
		explanation += "; the watch for a new lock was cancelled"
	case err != nil:
		explanation += "; it could not be watched to the end, since the provider did not answer"
	case watched.Finding == activities.FoundRelocked:
		outcome, explanation = workflows.Relocked, "the unlock was proven, and a new lock appeared within "+r.in.WatchFor.String()+": a saved password that is out of date, or an attack"
	default:
		explanation += "; no new lock appeared within " + r.in.WatchFor.String()
	}
	return r.end(ctx, outcome, explanation)
}
