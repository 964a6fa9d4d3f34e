package unlockmany

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// candidate is a user to be decided upon.
type candidate struct {
	activities.Listed
	// reference is how a given list named the user, when it was not by the ID as it is spelt.
	reference *connectors.UserRef
	// failed is why the reference leads to nobody.
	failed *activities.Resolved
	// seenSince is when a lock without a date was first seen.
	seenSince time.Time
}

// next takes as many users as this run may still decide upon; none when all are done.
func (r *bulkRun) next(ctx workflow.Context) ([]candidate, error) {
	if r.Given {
		return r.nextGiven(ctx)
	}
	for len(r.Waiting) == 0 && !r.WalkedAll && r.Stop == "" { // A page may be empty, and another follow.
		if err := r.list(ctx); err != nil {
			return nil, err
		}
	}
	count := min(len(r.Waiting), usersPerRun-len(r.Result.Decisions))
	batch := make([]candidate, 0, count)
	for _, listed := range r.Waiting[:count] {
		batch = append(batch, r.judged(ctx, listed))
	}
	r.Waiting = r.Waiting[count:]
	return batch, nil
}

// list asks for the next page, and holds the run before anybody is unlocked if a crowd
// was locked lately.
func (r *bulkRun) list(ctx workflow.Context) error {
	r.at(ctx, workflows.StateListing)
	for {
		survey, err := r.survey(ctx)
		if err != nil {
			return err
		}
		if r.in.Policy.Hold.Off || r.Stop != "" || r.released() || r.Result.Found > len(survey.Listed) {
			return nil
		}
		again, err := r.count(ctx, survey)
		if err != nil || !again {
			return err
		}
		r.Waiting, r.After, r.WalkedAll, r.Result.Found, r.Result.Missing = nil, "", false, 0, connectors.Missing{}
		r.sightings.again()
	}
}

func (r *bulkRun) survey(ctx workflow.Context) (*activities.SurveyResult, error) {
	survey, err := run.Step(r.walks(ctx, "List who is locked at "), run.Steps.Survey, activities.SurveyInput{
		After: r.After, Guard: r.demands(), Window: r.in.Policy.Hold.Window.Std(),
	})
	if err != nil {
		return nil, err
	}
	now := workflow.Now(ctx)
	for _, listed := range survey.Listed {
		if listed.Print != "" {
			r.sightings.see(listed.UserID, listed.Print, now)
		}
	}
	r.Waiting, r.After, r.WalkedAll = survey.Listed, survey.Next, survey.Next == ""
	r.Result.Found += len(survey.Listed)
	r.Result.Missing.Merge(survey.Missing)
	return survey, nil
}

// count counts everybody who is locked before anybody is unlocked, and reports whether an
// operator released a hold, so that the list is to be read anew.
func (r *bulkRun) count(ctx workflow.Context, survey *activities.SurveyResult) (again bool, err error) {
	tally := &survey.Tally
	if survey.Next != "" {
		if tally, err = run.Step(r.walks(ctx, "Count who is locked at "), run.Steps.CountLocked, activities.CountLockedInput{
			After: survey.Next, Window: r.in.Policy.Hold.Window.Std(), Tally: *tally,
		}); err != nil {
			return false, err
		}
	}
	r.Total = tally.Locked
	r.Result.Missing.Merge(tally.Missing)
	switch {
	case tally.Suspects() <= *r.in.Policy.Hold.Above || r.Stop != "": // A run that is ending raises no alarm.
		return false, nil
	case r.in.Policy.DryRun:
		r.WouldHold = tally.Suspects()
		return false, nil
	default:
		return r.holdFor(ctx, tally.Suspects())
	}
}

// walks is the context of a step that reads the provider's list.
func (r *bulkRun) walks(ctx workflow.Context, does string) workflow.Context {
	return run.WithWalks(ctx, r.in.Connection, r.in.Timeout.Std()+run.ListTimeout, does+r.in.Connection)
}

// demands is what the policy demands of every user.
func (r *bulkRun) demands() workflows.Guard {
	return demandsOf(&r.in.Policy, r.Prepared.HidesPrivilege)
}

// demandsOf is a policy as a guard, at a provider that may never tell whether an account is
// privileged.
func demandsOf(p *workflows.Policy, hidesPrivilege bool) workflows.Guard {
	return workflows.Guard{
		OnlyReasons:       *p.OnlyReasons,
		MinLockedFor:      *p.MinLockedFor,
		MaxLockedFor:      p.MaxLockedFor,
		ExcludePrivileged: *p.ExcludePrivileged && !hidesPrivilege,
		Exclude:           p.Exclude,
		Include:           p.Include,
	}
}

// judged judges a listed user by what earlier runs saw of a lock without a date.
func (r *bulkRun) judged(ctx workflow.Context, listed activities.Listed) candidate {
	if listed.Print == "" || r.in.Policy.MaxLockedFor > 0 {
		return candidate{Listed: listed}
	}
	now := workflow.Now(ctx)
	since := r.sightings.see(listed.UserID, listed.Print, now)
	if seen := now.Sub(since); seen < r.in.Policy.MinLockedFor.Std() {
		listed.Explanation = "the provider does not say since when the account is locked; first seen " + guard.Round(seen.Round(time.Second)) +
			" ago, the policy asks for " + r.in.Policy.MinLockedFor.String()
		return candidate{Listed: listed}
	}
	return candidate{Listed: activities.Listed{UserID: listed.UserID}, seenSince: since}
}

// nextGiven takes users off the given list and finds their IDs.
func (r *bulkRun) nextGiven(ctx workflow.Context) ([]candidate, error) {
	count := min(len(r.in.Users), usersPerRun-len(r.Result.Decisions))
	refs := r.in.Users[:count]
	r.in.Users = r.in.Users[count:]
	batch := make([]candidate, count)
	for i := range refs {
		batch[i].UserID = refs[i].ID
		if refs[i].ID == "" {
			batch[i].reference = &refs[i]
		}
	}
	if count == 0 || r.Stop != "" {
		return batch, nil
	}
	return batch, r.resolve(ctx, refs, batch)
}

// resolve finds out which accounts the references mean, and spells given IDs as the provider
// does, so that two spellings are one user. A failure is that of each user whom it concerns,
// and does not stop the rest.
func (r *bulkRun) resolve(ctx workflow.Context, refs []connectors.UserRef, batch []candidate) error {
	in := activities.ResolveInput{Refs: refs, Until: workflow.Now(ctx).Add(r.in.Timeout.Std())}
	found, err := run.Step(r.walks(ctx, "Find the accounts at "), run.Steps.Resolve, in)
	if temporal.IsCanceledError(err) {
		return err
	}
	for i := range batch {
		each := &batch[i]
		switch {
		case err != nil:
			failed := run.Understand(err, r.in.Connection)
			each.failed = &activities.Resolved{Kind: connectors.Kind(failed.Kind), Message: failed.Message}
		case found.Resolved[i].UserID == "":
			each.failed = &found.Resolved[i]
		case found.Resolved[i].UserID != refs[i].ID:
			each.UserID, each.reference = found.Resolved[i].UserID, &refs[i]
		}
	}
	return nil
}
