// Package ceiling holds the workflow that counts the unlocks of a connection.
package ceiling

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// maxRunLength is more than the ID of a run is long, in bytes.
const maxRunLength = 64

var (
	// window is what "an hour" means.
	window = time.Hour

	// asksPerRun bounds a ceiling's history: a server takes 2,000 updates a run.
	asksPerRun = 1000
)

// KeepCeiling counts the unlocks of one connection, for all workers that serve it. It ends
// when it has admitted nothing for an hour; the next question begins it anew.
func (w keeper) KeepCeiling(ctx workflow.Context, raw converter.RawValue) error {
	attributes := run.NewAttributes(w.has)
	in, err := workflows.Decode[workflows.CeilingInput](raw)
	if err == nil && len(in.Admitted) > 0 && !run.Continues(ctx) {
		err = workflows.Fault{Field: "admitted", Message: "is handed from run to run: leave it out"}
	}
	if err != nil {
		return attributes.WrongInput(ctx, err)
	}
	kept := &ceiling{CeilingInput: *in, last: workflow.Now(ctx)}
	if err := kept.handle(ctx); err != nil {
		return err
	}
	if err := attributes.Begin(ctx, in.Connection); err != nil {
		return err
	}
	kept.show(ctx)
	for idle := window; idle > 0; idle = kept.last.Add(window).Sub(workflow.Now(ctx)) {
		if _, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout:      idle,
			TimerOptions: workflow.TimerOptions{Summary: "Until nothing counts any more, unless somebody asks"},
		}, func() bool { return kept.full(ctx) }); err != nil {
			return err //nolint:wrapcheck // somebody cancelled it
		}
		if kept.full(ctx) {
			kept.forget(workflow.Now(ctx))
			attributes.DropUnknown(ctx)
			return workflow.NewContinueAsNewError(ctx, workflows.KeepCeilingName, kept.CeilingInput)
		}
	}
	return nil
}

// keeper is the workflow as a worker serves it: has returns those of Latchkey's search attributes
// that the namespace has now.
type keeper struct{ has func() []string }

// Register registers the workflow by its name.
func Register(with workflows.Registry, has func() []string) {
	with.RegisterWorkflowWithOptions(keeper{has}.KeepCeiling, workflow.RegisterOptions{Name: workflows.KeepCeilingName})
}

// ceiling is the state of one run.
type ceiling struct {
	workflows.CeilingInput
	// asked counts the updates; last is when somebody was admitted last.
	asked int
	last  time.Time
	limit int
}

func (c *ceiling) handle(ctx workflow.Context) error {
	// The handler does not block, so that none is left unfinished when the run ends.
	err := workflow.SetUpdateHandlerWithOptions(ctx, workflows.AdmitUpdate, func(ctx workflow.Context, request workflows.AdmitRequest) (workflows.AdmitResult, error) {
		c.asked++
		result := c.admit(workflow.Now(ctx), request)
		c.show(ctx)
		return result, nil
	}, workflow.UpdateHandlerOptions{Validator: mayAsk, Description: "A worker asks whether runs may send their unlocks. It is not for people: what it admits counts as sent."})
	if err != nil {
		return fmt.Errorf("register the update %s: %w", workflows.AdmitUpdate, err)
	}
	return nil
}

// mayAsk refuses what could not be kept.
func mayAsk(request workflows.AdmitRequest) error {
	switch {
	case request.Limit < 1 || request.Limit > workflows.MaxCeiling:
		return fmt.Errorf("limit must be between 1 and %d", workflows.MaxCeiling)
	case len(request.Runs) < 1 || len(request.Runs) > workflows.MaxAsked:
		return fmt.Errorf("runs must name between 1 and %d runs", workflows.MaxAsked)
	case slices.ContainsFunc(request.Runs, func(run string) bool { return run == "" || len(run) > maxRunLength }):
		return fmt.Errorf("each of runs must be between 1 and %d bytes long", maxRunLength)
	default:
		return nil
	}
}

// admit counts those that find a place. A run that was admitted within the hour is so again
// without being counted again: what it asks for is another attempt, or the same question.
func (c *ceiling) admit(now time.Time, request workflows.AdmitRequest) workflows.AdmitResult {
	c.forget(now)
	c.limit = request.Limit
	result := workflows.AdmitResult{Admitted: make([]bool, len(request.Runs))}
	for i, run := range request.Runs {
		again := slices.ContainsFunc(c.Admitted, func(a workflows.Admission) bool { return a.Run == run })
		if !again && len(c.Admitted) < request.Limit {
			c.Admitted = append(c.Admitted, workflows.Admission{Run: run, At: now.UnixMilli()})
			c.last, again = now, true
		}
		result.Admitted[i] = again
	}
	return result
}

// forget drops what was admitted more than an hour ago.
func (c *ceiling) forget(now time.Time) {
	since := now.Add(-window).UnixMilli()
	c.Admitted = slices.DeleteFunc(c.Admitted, func(a workflows.Admission) bool { return a.At <= since })
}

// full reports whether the history is long enough for another run to go on.
func (c *ceiling) full(ctx workflow.Context) bool {
	return c.asked >= asksPerRun || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// show says in the Temporal UI how much of the ceiling is used.
func (c *ceiling) show(ctx workflow.Context) {
	text := fmt.Sprintf("%d unlocks at `%s` count within the last hour", len(c.Admitted), c.Connection)
	if c.limit > 0 {
		text = fmt.Sprintf("%d of %d unlocks an hour at `%s` are used", len(c.Admitted), c.limit, c.Connection)
	}
	if len(c.Admitted) > 0 {
		text += fmt.Sprintf("; the oldest counts until %s", run.Clock(time.UnixMilli(c.Admitted[0].At).Add(window)))
	}
	workflow.SetCurrentDetails(ctx, text+".")
}
