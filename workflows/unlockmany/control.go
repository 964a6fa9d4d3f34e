package unlockmany

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// maxCommands bounds how often one run is paused and resumed. A server takes 2,000 updates in
// all, and a release or an abort must still be among them.
const maxCommands = 200

// control is what operators told the run.
type control struct {
	*workflows.Carried
	state workflows.BulkState
	// commands counts what operators told this run of the chain.
	commands int
	// hold is there while the run waits for an operator.
	hold *hold
	// pausedAt is when the pause began that is under way.
	pausedAt time.Time
}

// takesCommand says what a command is.
const takesCommand = ` It takes {"requestedBy": "who", "requestReason": "why"}.`

// handle registers the query and the updates that a bulk run answers.
func (r *bulkRun) handle(ctx workflow.Context) error {
	if err := workflow.SetQueryHandlerWithOptions(ctx, workflows.ProgressQuery, func() (workflows.Progress, error) { return r.progress(ctx), nil },
		workflow.QueryHandlerOptions{Description: "How far the run is. It takes nothing."}); err != nil {
		return fmt.Errorf("register the query %s: %w", workflows.ProgressQuery, err)
	}
	for _, each := range []struct {
		name  string
		does  string
		check func() error
		act   func(workflow.Context)
	}{
		{workflows.PauseUpdate, "Begin no further unlock until resume.", r.openToMore, r.pause},
		{workflows.ResumeUpdate, "Go on after a pause.", r.openToMore, r.resume},
		{workflows.ReleaseUpdate, "Let the run go on although many were locked lately.", r.held, func(workflow.Context) { r.hold.released = true }},
		{workflows.AbortUpdate, "End the run, and leave the rest alone.", r.open, func(workflow.Context) { r.Stop = workflows.CodeAborted }},
	} {
		if err := workflow.SetUpdateHandlerWithOptions(ctx, each.name, func(ctx workflow.Context, command workflows.Command) (workflows.Progress, error) {
			if err := each.check(); err != nil {
				return workflows.Progress{}, err // Another update came in between.
			}
			r.commands++
			each.act(ctx)
			r.intervened(ctx, each.name, command)
			return r.progress(ctx), nil
		}, workflow.UpdateHandlerOptions{Description: each.does + takesCommand, Validator: func(command workflows.Command) error {
			if err := command.Validate(); err != nil {
				return err
			}
			return each.check()
		}}); err != nil {
			return fmt.Errorf("register the update %s: %w", each.name, err)
		}
	}
	return nil
}

// open refuses to change a run that is ending.
func (c *control) open() error {
	if c.Stop != "" || c.state == workflows.StateDone {
		return errors.New("the run is ending already")
	}
	return nil
}

// openToMore refuses, too, what a run was told too often.
func (c *control) openToMore() error {
	if c.commands >= maxCommands {
		return fmt.Errorf("the run was told what to do %d times, and takes no further pause or resume for now: let it go on, or abort it", maxCommands)
	}
	return c.open()
}

// held refuses to release a run that does not hold.
func (c *control) held() error {
	if err := c.open(); err != nil {
		return err
	}
	if !c.waiting() || c.hold.released {
		return errors.New("the run does not hold: there is nothing to release")
	}
	return nil
}

func (c *control) pause(ctx workflow.Context) {
	if !c.Paused {
		c.Paused, c.pausedAt = true, workflow.Now(ctx)
	}
}

func (c *control) resume(ctx workflow.Context) {
	if c.Paused {
		c.Paused = false
		c.Idle += workflows.Duration(workflow.Now(ctx).Sub(c.pausedAt))
	}
}

// intervened records what an operator did.
func (r *bulkRun) intervened(ctx workflow.Context, what string, command workflows.Command) {
	r.remember(workflows.Intervention{Command: command, What: what, At: workflow.Now(ctx).UTC()})
	r.detail(ctx)
	r.audit(ctx, activities.AuditBulkCommand, what, command)
}

func (r *bulkRun) audit(ctx workflow.Context, step activities.AuditStep, decision string, command workflows.Command) {
	run.Audit(ctx, activities.AuditEvent{
		Step:          step,
		Connection:    r.in.Connection,
		Provider:      r.Result.Provider,
		Decision:      decision,
		Explanation:   r.Result.Explanation,
		RequestedBy:   command.RequestedBy,
		RequestReason: command.RequestReason,
		Bulk:          &activities.AuditCounts{Found: r.Result.Found, Counts: r.Result.Counts, Codes: r.Result.Codes},
	})
}

// progress is how far the run is.
func (r *bulkRun) progress(ctx workflow.Context) workflows.Progress {
	decided := 0
	for _, word := range sortedWords(r.Result.Counts) {
		decided += r.Result.Counts[word]
	}
	found := max(r.Result.Found, r.Total)
	if r.Stop != "" {
		found = r.Result.Found
	}
	progress := workflows.Progress{
		State: r.phase(), Found: found, Decided: decided, InFlight: r.inFlight, Remaining: max(found-decided, 0),
		Unlocked: r.Result.Counts[string(workflows.Unlocked)], Skipped: r.Result.Counts[string(workflows.Skipped)], Failed: r.Result.Counts[string(workflows.FailedUser)],
		Counts: r.Result.Counts, Runs: r.Result.Runs, StartedAt: r.Result.StartedAt, Interventions: r.Result.Interventions,
		Missing: r.Result.Missing,
	}
	if busy := workflow.Now(ctx).Sub(r.Result.StartedAt) - r.Idle.Std(); busy > 0 {
		progress.PerMinute = float64(decided) / busy.Minutes()
	}
	if r.waiting() && r.Stop == "" {
		progress.Fresh, progress.HeldUntil, progress.Explanation = r.hold.fresh, r.hold.until, r.explainHold()
	}
	return progress
}

func sortedWords(counts map[string]int) []string {
	return slices.Sorted(maps.Keys(counts))
}

// phase is the state as an operator sees it.
func (c *control) phase() workflows.BulkState {
	switch {
	case c.state == workflows.StateDone:
		return c.state
	case c.Stop != "":
		return workflows.StateStopping
	case c.waiting():
		return c.state
	case c.Paused:
		return workflows.StatePaused
	default:
		return c.state
	}
}

// at notes what is under way, for the query and the Temporal UI.
func (r *bulkRun) at(ctx workflow.Context, state workflows.BulkState) {
	r.state = state
	r.detail(ctx)
}

// detail writes the run's state where the Temporal UI shows it.
func (r *bulkRun) detail(ctx workflow.Context) {
	progress := r.progress(ctx)
	text := fmt.Sprintf("**%s**: %s", progress.State, r.tally(progress))
	if progress.Explanation != "" {
		text += "\n\n" + progress.Explanation
	}
	if can := r.operators(); can != "" {
		text += "\n\n" + can
	}
	r.show(ctx, text)
}

// show puts text where the Temporal UI shows it.
func (r *bulkRun) show(ctx workflow.Context, text string) {
	if workflow.GetInfo(ctx).ContinuedExecutionRunID != "" { // Temporal hands the static details to the first run only.
		text += "\n\n" + workflows.ShownBulk(r.in.Connection).Details
	}
	workflow.SetCurrentDetails(ctx, text)
}

// tally is how many users the run decided upon, and how.
func (r *bulkRun) tally(progress workflows.Progress) string {
	text := fmt.Sprintf("%d of %d users decided at `%s`\n", progress.Decided, progress.Found, r.in.Connection)
	for _, word := range sortedWords(r.Result.Counts) {
		text += fmt.Sprintf("\n- %s: %d", word, r.Result.Counts[word])
	}
	if progress.Missing.Any() && r.state != workflows.StateDone { // The explanation of its end says so.
		text += "\n\nThe list is not whole: " + progress.Missing.String()
	}
	return text
}

// operators says what an operator can do now.
func (c *control) operators() string {
	switch {
	case c.Stop != "":
		return ""
	case c.waiting():
		return fmt.Sprintf("It waits for an operator: the update `%s` lets it go on, `%s` ends it.", workflows.ReleaseUpdate, workflows.AbortUpdate)
	case c.Paused:
		return fmt.Sprintf("Paused: the update `%s` goes on, `%s` ends it.", workflows.ResumeUpdate, workflows.AbortUpdate)
	default:
		return fmt.Sprintf("The update `%s` lets no further unlock begin, `%s` ends the run.", workflows.PauseUpdate, workflows.AbortUpdate)
	}
}
