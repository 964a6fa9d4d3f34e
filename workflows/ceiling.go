package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// KeepCeilingName is the name of the workflow type that counts the unlocks of a connection.
const KeepCeilingName = "KeepCeiling"

// AdmitUpdate asks a ceiling for places; see AdmitRequest.
const AdmitUpdate = "admit"

const (
	// MaxCeiling is the highest ceiling: what was admitted is carried from run to run, and
	// must fit into a payload.
	MaxCeiling = 10_000
	// MaxAsked bounds the places that one update asks for.
	MaxAsked = 100
	// maxRunLength is more than the ID of a run is long, in bytes.
	maxRunLength = 64
)

var (
	// ceilingWindow is what "an hour" means.
	ceilingWindow = time.Hour

	// asksPerRun bounds a ceiling's history: a server takes 2,000 updates a run.
	asksPerRun = 1000
)

// CeilingID is the workflow ID of the ceiling of a connection: there is one at most.
func CeilingID(connection string) string { return ceilingIDs + connection }

// CeilingInput names the connection whose unlocks are counted.
type CeilingInput struct {
	Connection string `json:"connection"`
	// Admitted is what the run before this one counted, the oldest first.
	Admitted []Admission `json:"admitted,omitempty"`
}

// Admission is an unlock that may have been sent.
type Admission struct {
	// Run is the ID of the run whose unlock it is.
	Run string `json:"run"`
	// At is when it was admitted, in milliseconds since 1970.
	At int64 `json:"at"`
}

// AdmitRequest asks whether each of the runs may send its unlock.
type AdmitRequest struct {
	// Limit is the most unlocks within an hour, as whoever asks is configured.
	Limit int      `json:"limit"`
	Runs  []string `json:"runs"`
}

// AdmitResult says for each of the runs, in their order, whether it was admitted.
type AdmitResult struct {
	Admitted []bool `json:"admitted"`
}

func (in *CeilingInput) faults() (found faults) {
	found.noteConnection(in.Connection)
	return found
}

// KeepCeiling counts the unlocks of one connection, for all workers that serve it. It ends
// when it has admitted nothing for an hour; the next question begins it anew.
func (s served) KeepCeiling(ctx workflow.Context, raw converter.RawValue) error {
	s = s.forRun()
	var in CeilingInput
	if err := decodeQuestion(raw, &in, in.faults); err != nil {
		return s.wrongInput(ctx, err)
	}
	if len(in.Admitted) > 0 && !continues(ctx) {
		return s.wrongInput(ctx, Fault{Field: "admitted", Message: "is handed from run to run: leave it out"})
	}
	kept := &ceiling{CeilingInput: in, last: workflow.Now(ctx)}
	if err := kept.handle(ctx); err != nil {
		return err
	}
	if err := s.begin(ctx, in.Connection); err != nil {
		return err
	}
	kept.show(ctx)
	for idle := ceilingWindow; idle > 0; idle = kept.last.Add(ceilingWindow).Sub(workflow.Now(ctx)) {
		if _, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout:      idle,
			TimerOptions: workflow.TimerOptions{Summary: "Until nothing counts any more, unless somebody asks"},
		}, func() bool { return kept.full(ctx) }); err != nil {
			return err //nolint:wrapcheck // somebody cancelled it
		}
		if kept.full(ctx) {
			kept.forget(workflow.Now(ctx))
			s.dropUnknown(ctx)
			return workflow.NewContinueAsNewError(ctx, KeepCeilingName, kept.CeilingInput)
		}
	}
	return nil
}

// ceiling is the state of one run.
type ceiling struct {
	CeilingInput
	// asked counts the updates; last is when somebody was admitted last.
	asked int
	last  time.Time
	limit int
}

func (c *ceiling) handle(ctx workflow.Context) error {
	// The handler does not block, so that none is left unfinished when the run ends.
	err := workflow.SetUpdateHandlerWithOptions(ctx, AdmitUpdate, func(ctx workflow.Context, request AdmitRequest) (AdmitResult, error) {
		c.asked++
		result := c.admit(workflow.Now(ctx), request)
		c.show(ctx)
		return result, nil
	}, workflow.UpdateHandlerOptions{Validator: mayAsk, Description: "A worker asks whether runs may send their unlocks. It is not for people: what it admits counts as sent."})
	if err != nil {
		return fmt.Errorf("register the update %s: %w", AdmitUpdate, err)
	}
	return nil
}

// mayAsk refuses what could not be kept.
func mayAsk(request AdmitRequest) error {
	switch {
	case request.Limit < 1 || request.Limit > MaxCeiling:
		return fmt.Errorf("limit must be between 1 and %d", MaxCeiling)
	case len(request.Runs) < 1 || len(request.Runs) > MaxAsked:
		return fmt.Errorf("runs must name between 1 and %d runs", MaxAsked)
	case slices.ContainsFunc(request.Runs, func(run string) bool { return run == "" || len(run) > maxRunLength }):
		return fmt.Errorf("each of runs must be between 1 and %d bytes long", maxRunLength)
	default:
		return nil
	}
}

// admit counts those that find a place. A run that was admitted within the hour is so again
// without being counted again: what it asks for is another attempt, or the same question.
func (c *ceiling) admit(now time.Time, request AdmitRequest) AdmitResult {
	c.forget(now)
	c.limit = request.Limit
	result := AdmitResult{Admitted: make([]bool, len(request.Runs))}
	for i, run := range request.Runs {
		again := slices.ContainsFunc(c.Admitted, func(a Admission) bool { return a.Run == run })
		if !again && len(c.Admitted) < request.Limit {
			c.Admitted = append(c.Admitted, Admission{Run: run, At: now.UnixMilli()})
			c.last, again = now, true
		}
		result.Admitted[i] = again
	}
	return result
}

// forget drops what was admitted more than an hour ago.
func (c *ceiling) forget(now time.Time) {
	since := now.Add(-ceilingWindow).UnixMilli()
	c.Admitted = slices.DeleteFunc(c.Admitted, func(a Admission) bool { return a.At <= since })
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
		text += fmt.Sprintf("; the oldest counts until %s", clock(time.UnixMilli(c.Admitted[0].At).Add(ceilingWindow)))
	}
	workflow.SetCurrentDetails(ctx, text+".")
}
