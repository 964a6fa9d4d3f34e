// Package unlockmany holds the workflow that unlocks many users, each by a run of its own.
package unlockmany

import (
	"fmt"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// usersPerRun bounds a run's history: a user takes about ten events.
var usersPerRun = 250

// bulkUnlocker is the workflow as a worker serves it: has returns those of Latchkey's search
// attributes that the namespace has now.
type bulkUnlocker struct{ has func() []string }

// Register registers the workflow by its name.
func Register(with workflows.Registry, has func() []string) {
	with.RegisterWorkflowWithOptions(bulkUnlocker{has}.UnlockLockedUsers, workflow.RegisterOptions{Name: workflows.UnlockLockedUsersName})
}

// UnlockLockedUsers unlocks the locked users of one connection, all or those of a given
// list, under a policy, each by an UnlockUser of its own. It takes a BulkInput as JSON and
// answers with a BulkResult.
func (w bulkUnlocker) UnlockLockedUsers(ctx workflow.Context, raw converter.RawValue) (*workflows.BulkResult, error) {
	attributes := run.NewAttributes(w.has)
	in, err := workflows.DecodeBulkInput(raw)
	if err == nil && !run.Continues(ctx) {
		err = in.ValidateStart()
	}
	if err != nil {
		return nil, attributes.WrongInput(ctx, err)
	}
	r := newBulkRun(ctx, in, attributes)
	if err := r.handle(ctx); err != nil {
		return nil, err
	}
	if err := r.Begin(ctx, in.Connection); err != nil {
		return nil, err
	}
	r.hear(ctx)
	more, err := r.execute(ctx)
	run.WaitForHandlers(ctx)
	if more {
		return nil, r.continued(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &r.Result, nil
}

// bulkRun is the state of one run of a chain.
type bulkRun struct {
	*run.Attributes
	in *workflows.BulkInput
	// Carried goes from run to run.
	*workflows.Carried
	control
	report
	sightings *sightings
	inFlight  int
	// awaiting are the children that are under way, by workflow ID, and whether each waits for
	// an approval.
	awaiting map[string]bool
	// cancelled says that the run is to end, with nobody else unlocked.
	cancelled bool
}

func newBulkRun(ctx workflow.Context, in *workflows.BulkInput, attributes *run.Attributes) *bulkRun {
	now := workflow.Now(ctx).UTC()
	var carried workflows.Carried
	if in.Carried != nil {
		carried = *in.Carried
		carried.Given = in.Given() // A list is never taken for everybody, whatever else is carried.
	} else {
		carried = workflows.Carried{Given: in.Given(), Result: workflows.BulkResult{
			Connection: in.Connection, DryRun: in.Policy.DryRun,
			Failures: []workflows.Decision{}, Interventions: []workflows.Intervention{}, FirstRunID: workflow.GetInfo(ctx).FirstRunID,
			StartedAt: now, RequestReason: in.RequestReason, RequestedBy: in.RequestedBy,
		}}
		if !carried.Given { // A list asks nobody since when a lock is known.
			carried.Book.Old = sightingsBefore(ctx)
		}
	}
	r := assemble(in, &carried)
	r.Attributes, r.pausedAt = attributes, now
	r.Result.Runs++
	return r
}

// assemble makes a run of a chain from what is carried to it.
func assemble(in *workflows.BulkInput, carried *workflows.Carried) *bulkRun {
	return &bulkRun{in: in, Carried: carried, control: control{Carried: carried, state: workflows.StateListing},
		report: newReport(carried), sightings: newSightings(carried.Book), awaiting: map[string]bool{}}
}

// sightingsBefore are those of the schedule's last run that completed.
func sightingsBefore(ctx workflow.Context) workflows.Sightings {
	var last workflows.BulkResult
	if !workflow.HasLastCompletionResult(ctx) || workflow.GetLastCompletionResult(ctx, &last) != nil {
		return nil
	}
	return last.FirstSeen
}

// execute decides upon as many users as one run may, and reports whether there are more.
func (r *bulkRun) execute(ctx workflow.Context) (more bool, err error) {
	if r.Prepared == nil {
		if err := r.prepare(ctx); err != nil {
			return false, err
		}
	}
	for {
		batch, err := r.next(ctx)
		if err != nil {
			return false, r.failed(ctx, err)
		}
		if len(batch) == 0 {
			r.finish(ctx)
			return false, nil
		}
		if err := r.decideAll(ctx, batch); err != nil {
			return false, r.failed(ctx, err)
		}
		if r.cancelled || ctx.Err() != nil && r.left() {
			return false, r.endCancelled(ctx)
		}
		if len(r.Result.Decisions) >= usersPerRun && r.left() {
			return true, nil
		}
	}
}

// left reports whether anybody is left to decide upon.
func (r *bulkRun) left() bool {
	return len(r.in.Users) > 0 || len(r.Waiting) > 0 || !r.Given && !r.WalkedAll && r.Stop == ""
}

// continued is the error that continues the chain with a fresh history.
func (r *bulkRun) continued(ctx workflow.Context) error {
	if r.Paused {
		r.Idle += workflows.Duration(workflow.Now(ctx).Sub(r.pausedAt))
	}
	r.DropUnknown(ctx)
	return workflow.NewContinueAsNewError(ctx, workflows.UnlockLockedUsersName, r.handedOn())
}

// handedOn is the input of the run that continues this one.
func (r *bulkRun) handedOn() workflows.BulkInput {
	carried := *r.Carried
	carried.Book = r.sightings.book()
	next := *r.in
	next.Carried = &carried
	return next
}

// prepare asks a worker that serves the connection what the run must know.
func (r *bulkRun) prepare(ctx workflow.Context) error {
	within := r.in.Policy.LookBack()
	prepared, err := run.Step(run.WithAttempts(ctx, r.in.Connection, r.in.Timeout.Std(), "Ask who serves "+r.in.Connection), run.Steps.Prepare,
		activities.PrepareInput{CountWithin: within})
	if err != nil {
		return r.failed(ctx, err)
	}
	r.Prepared, r.Result.Provider = prepared, prepared.Provider
	switch {
	case within > 0 && prepared.CannotCount != "":
		return r.refuse(ctx, "policy.maxPerUser cannot be kept: "+prepared.CannotCount+"; register Latchkey's search attributes in the namespace, choose a shorter window, or set policy.maxPerUser.unlocks to 0")
	case prepared.HidesGroups && (guard.NamesGroups(r.in.Policy.Exclude) || guard.NamesGroups(r.in.Policy.Include)):
		return r.refuse(ctx, "policy.exclude or policy.include names groups, and the provider does not tell the groups of a user: name users")
	case !r.Given && !prepared.Lists:
		return r.refuse(ctx, "the provider cannot list who is locked: give the users")
	}
	if r.Given {
		r.Result.Found, r.WalkedAll = len(r.in.Users), true
	}
	return r.Upsert(ctx, run.Set(workflows.AttributeConnection, r.in.Connection), run.Set(workflows.AttributeProvider, prepared.Provider))
}

// refuse ends a run whose policy cannot be kept at this connection.
func (r *bulkRun) refuse(ctx workflow.Context, message string) error {
	return r.fail(ctx, run.Failure{Kind: string(connectors.Unsupported), Message: "connection " + r.in.Connection + ": " + message})
}

// finish ends the run with an outcome.
func (r *bulkRun) finish(ctx workflow.Context) {
	outcome, explanation := workflows.Completed, "everybody who was found was decided upon"
	if r.Result.Missing.Any() {
		outcome = workflows.Incomplete
	}
	if r.WouldHold > 0 {
		explanation += fmt.Sprintf("; a run that is no dry run would hold, since %d users were locked lately, or could not be read", r.WouldHold)
	}
	switch r.Stop {
	case workflows.CodeMaxPerRun:
		outcome, explanation = workflows.LimitReached, "the policy's maxPerRun was reached; the rest was left alone"
	case workflows.CodeAborted:
		outcome, explanation = workflows.Aborted, "an operator stopped the run; the rest was left alone"
	case workflows.CodeHeld:
		outcome, explanation = workflows.Held, "more users were locked lately than the policy allows, and nobody released the run in time; nobody was unlocked"
	}
	r.Result.Outcome = outcome
	r.close(ctx, string(outcome), explanation)
}

// close notes how the run ended.
func (r *bulkRun) close(ctx workflow.Context, outcome, explanation string) {
	r.state = workflows.StateDone
	if r.Result.Missing.Any() {
		explanation += "; the list was not whole, and whoever else is locked was not found: " + r.Result.Missing.String()
	}
	r.Result.Explanation = explanation
	r.Result.WalkedAll = r.WalkedAll && !r.Result.Missing.Any()
	r.Result.FirstSeen = r.sightings.kept(r.Result.WalkedAll)
	r.Result.FinishedAt = workflow.Now(ctx).UTC()
	r.show(ctx, run.EndDetails(outcome, explanation)+"\n\n"+r.tally(r.progress(ctx)))
	if err := r.Upsert(ctx, run.Set(workflows.AttributeOutcome, outcome)); err != nil {
		workflow.GetLogger(ctx).Error("the outcome could not be set as a search attribute", "error", err)
	}
	r.audit(ctx, activities.AuditBulkResult, outcome, workflows.Command{RequestedBy: r.in.RequestedBy, RequestReason: r.in.RequestReason})
}

// failed ends a run that could not go on, with what was done so far.
func (r *bulkRun) failed(ctx workflow.Context, err error) error {
	if temporal.IsCanceledError(err) {
		return r.endCancelled(ctx)
	}
	return r.fail(ctx, run.Understand(err, r.in.Connection))
}

func (r *bulkRun) fail(ctx workflow.Context, failed run.Failure) error {
	r.close(ctx, failed.Kind, failed.Message)
	return run.Fail(failed.Kind, failed.Message, r.Result)
}

func (r *bulkRun) endCancelled(ctx workflow.Context) error {
	r.close(ctx, workflows.OutcomeCancelled, "cancelled; the unlocks that were under way were waited for, and nobody else was unlocked")
	return temporal.NewCanceledError(r.Result)
}
