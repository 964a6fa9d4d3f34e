package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

var (
	// usersPerRun bounds a run's history: a user takes about ten events.
	usersPerRun = 250

	// listTimeout is how long one walk over a provider's list may take; listHeartbeat is
	// how soon the death of its worker is noticed.
	listTimeout   = 30 * time.Minute
	listHeartbeat = 30 * time.Second
)

// UnlockLockedUsers unlocks the locked users of one connection, all or those of a given
// list, under a policy, each by an UnlockUser of its own. It takes a BulkInput as JSON and
// answers with a BulkResult.
func (s served) UnlockLockedUsers(ctx workflow.Context, raw converter.RawValue) (*BulkResult, error) {
	s = s.forRun()
	in, err := DecodeBulkInput(raw)
	if err == nil && !continues(ctx) {
		err = in.ValidateStart()
	}
	if err != nil {
		return nil, s.wrongInput(ctx, err)
	}
	run := s.newBulkRun(ctx, in)
	if err := run.handle(ctx); err != nil {
		return nil, err
	}
	if err := s.begin(ctx, in.Connection); err != nil {
		return nil, err
	}
	run.hear(ctx)
	more, err := run.execute(ctx)
	finishing, _ := workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(finishing, func() bool { return workflow.AllHandlersFinished(finishing) })
	if more {
		return nil, run.continued(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &run.Result, nil
}

// continues reports whether the run before it in the chain wrote its input. Temporal begins a
// run anew, too, for a cron and after a failure, with the input of whoever started it; Latchkey
// asks for neither.
func continues(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.ContinuedExecutionRunID != "" && info.CronSchedule == "" && info.Attempt <= 1
}

// bulkRun is the state of one run of a chain.
type bulkRun struct {
	served
	in *BulkInput
	Carried
	sightings *sightings
	done      map[string]bool
	state     BulkState
	inFlight  int
	// commands counts what operators told this run of the chain.
	commands int
	// failuresSize is what Result.Failures take as they are stored.
	failuresSize int
	// hold is there while the run waits for an operator.
	hold *hold
	// pausedAt is when the pause began that is under way.
	pausedAt time.Time
	// awaiting are the children that are under way, by workflow ID, and whether each waits for
	// an approval.
	awaiting map[string]bool
	// cancelled says that the run is to end, with nobody else unlocked.
	cancelled bool
}

func (s served) newBulkRun(ctx workflow.Context, in *BulkInput) *bulkRun {
	now := workflow.Now(ctx).UTC()
	run := &bulkRun{served: s, in: in, state: StateListing, pausedAt: now, done: map[string]bool{}, awaiting: map[string]bool{}}
	if in.Carried != nil {
		run.Carried = *in.Carried
		run.Given = in.Given() // A list is never taken for everybody, whatever else is carried.
	} else {
		run.Carried = Carried{Given: in.Given(), Result: BulkResult{
			Connection: in.Connection, DryRun: in.Policy.DryRun, Counts: map[string]int{}, Codes: map[string]int{},
			Failures: []Decision{}, Interventions: []Intervention{}, FirstRunID: workflow.GetInfo(ctx).FirstRunID,
			StartedAt: now, RequestReason: in.RequestReason, RequestedBy: in.RequestedBy,
		}}
		if !run.Given { // A list asks nobody since when a lock is known.
			run.Book.Old = sightingsBefore(ctx)
		}
	}
	if run.Result.Counts == nil || run.Result.Codes == nil {
		run.Result.Counts, run.Result.Codes = map[string]int{}, map[string]int{}
	}
	run.Result.Runs++
	run.Result.Decisions = []Decision{}
	run.failuresSize = activities.StoredSize(run.Result.Failures)
	run.sightings = newSightings(run.Book)
	for _, id := range run.Done {
		run.done[id] = true
	}
	return run
}

// sightingsBefore are those of the schedule's last run that completed.
func sightingsBefore(ctx workflow.Context) Sightings {
	var last BulkResult
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
		r.Idle += Duration(workflow.Now(ctx).Sub(r.pausedAt))
	}
	r.dropUnknown(ctx)
	return workflow.NewContinueAsNewError(ctx, UnlockLockedUsersName, r.handedOn())
}

// handedOn is the input of the run that continues this one.
func (r *bulkRun) handedOn() BulkInput {
	carried := r.Carried
	carried.Book = r.sightings.book()
	next := *r.in
	next.Carried = &carried
	return next
}

// prepare asks a worker that serves the connection what the run must know.
func (r *bulkRun) prepare(ctx workflow.Context) error {
	within := r.in.Policy.countWithin()
	var prepared activities.PrepareResult
	if err := r.activity(ctx, activities.PrepareName, "Ask who serves "+r.in.Connection, activities.PrepareInput{CountWithin: within}, &prepared); err != nil {
		return r.failed(ctx, err)
	}
	r.Prepared, r.Result.Provider = &prepared, prepared.Provider
	switch {
	case within > 0 && prepared.CannotCount != "":
		return r.refuse(ctx, "policy.maxPerUser cannot be kept: "+prepared.CannotCount+"; register Latchkey's search attributes in the namespace, choose a shorter window, or set policy.maxPerUser.unlocks to 0")
	case prepared.HidesGroups && r.in.Policy.namesGroups():
		return r.refuse(ctx, "policy.exclude or policy.include names groups, and the provider does not tell the groups of a user: name users")
	case !r.Given && !prepared.Lists:
		return r.refuse(ctx, "the provider cannot list who is locked: give the users")
	}
	if r.Given {
		r.Result.Found, r.WalkedAll = len(r.in.Users), true
	}
	return r.upsert(ctx, attribute{AttributeConnection, r.in.Connection}, attribute{AttributeProvider, prepared.Provider})
}

// refuse ends a run whose policy cannot be kept at this connection.
func (r *bulkRun) refuse(ctx workflow.Context, message string) error {
	return r.fail(ctx, failure{kind: string(connectors.Unsupported), message: "connection " + r.in.Connection + ": " + message})
}

// activity runs one step of the run itself on the connection's queue.
func (r *bulkRun) activity(ctx workflow.Context, name, summary string, in, out any) error {
	policy := retries
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.Queue(r.in.Connection),
		ScheduleToCloseTimeout: r.in.Timeout.Std(),
		StartToCloseTimeout:    attemptTimeout,
		RetryPolicy:            &policy,
		Summary:                summary,
	})
	return workflow.ExecuteActivity(ctx, name, in).Get(ctx, out)
}

// walk is activity for those that read a provider's list.
func (r *bulkRun) walk(ctx workflow.Context, name, summary string, in, out any) error {
	policy := retries
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.Queue(r.in.Connection),
		ScheduleToCloseTimeout: r.in.Timeout.Std() + listTimeout,
		StartToCloseTimeout:    listTimeout,
		HeartbeatTimeout:       listHeartbeat,
		RetryPolicy:            &policy,
		Summary:                summary,
	})
	return workflow.ExecuteActivity(ctx, name, in).Get(ctx, out)
}

// finish ends the run with an outcome.
func (r *bulkRun) finish(ctx workflow.Context) {
	outcome, explanation := Completed, "everybody who was found was decided upon"
	if r.Result.Missing.Any() {
		outcome = Incomplete
	}
	if r.WouldHold > 0 {
		explanation += fmt.Sprintf("; a run that is no dry run would hold, since %d users were locked lately, or could not be read", r.WouldHold)
	}
	switch r.Stop {
	case CodeMaxPerRun:
		outcome, explanation = LimitReached, "the policy's maxPerRun was reached; the rest was left alone"
	case CodeAborted:
		outcome, explanation = Aborted, "an operator stopped the run; the rest was left alone"
	case CodeHeld:
		outcome, explanation = Held, "more users were locked lately than the policy allows, and nobody released the run in time; nobody was unlocked"
	}
	r.Result.Outcome = outcome
	r.close(ctx, string(outcome), explanation)
}

// close notes how the run ended.
func (r *bulkRun) close(ctx workflow.Context, outcome, explanation string) {
	r.state = StateDone
	if r.Result.Missing.Any() {
		explanation += "; the list was not whole, and whoever else is locked was not found: " + r.Result.Missing.String()
	}
	r.Result.Explanation = explanation
	r.Result.WalkedAll = r.WalkedAll && !r.Result.Missing.Any()
	r.Result.FirstSeen = r.sightings.kept(r.Result.WalkedAll)
	r.Result.FinishedAt = workflow.Now(ctx).UTC()
	r.show(ctx, endDetails(outcome, explanation)+"\n\n"+r.tally(r.progress(ctx)))
	if err := r.upsert(ctx, attribute{AttributeOutcome, outcome}); err != nil {
		workflow.GetLogger(ctx).Error("the outcome could not be set as a search attribute", "error", err)
	}
	r.audit(ctx, activities.AuditBulkResult, outcome, Command{RequestedBy: r.in.RequestedBy, RequestReason: r.in.RequestReason})
}

// failed ends a run that could not go on, with what was done so far.
func (r *bulkRun) failed(ctx workflow.Context, err error) error {
	if temporal.IsCanceledError(err) {
		return r.endCancelled(ctx)
	}
	return r.fail(ctx, understand(err, r.in.Connection))
}

func (r *bulkRun) fail(ctx workflow.Context, failed failure) error {
	r.close(ctx, failed.kind, failed.message)
	return fail(failed.kind, failed.message, r.Result)
}

func (r *bulkRun) endCancelled(ctx workflow.Context) error {
	r.close(ctx, outcomeCancelled, "cancelled; the unlocks that were under way were waited for, and nobody else was unlocked")
	return temporal.NewCanceledError(r.Result)
}
