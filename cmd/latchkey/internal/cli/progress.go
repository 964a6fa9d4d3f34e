package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/schollz/progressbar/v3"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// clearLine takes the cursor to the line's beginning and erases the line.
const clearLine = "\r\x1b[K"

// showProgress redraws one line on stderr until it is stopped; it is quiet when stderr is
// no terminal. A look that fails leaves the line as it is: the wait itself says what is wrong.
func (a *app) showProgress(ctx context.Context, run *client.Run) (stop func()) {
	if !a.env.StderrTerminal {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.progress(ctx, run)
	}()
	return func() {
		cancel()
		<-done
		a.redraw("")
	}
}

func (a *app) progress(ctx context.Context, run *client.Run) {
	began := time.Now()
	ticker := time.NewTicker(a.env.ProgressEvery)
	defer ticker.Stop()
	a.redraw("waiting for " + run.WorkflowID)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if view, err := run.View(ctx); err == nil && ctx.Err() == nil {
			a.redraw(progressText(view, time.Since(began), time.Now(), a.env.Width()))
		}
	}
}

// redraw draws a line of progress over the one before, on a terminal; an empty one erases it.
func (a *app) redraw(line string) {
	if a.env.StderrTerminal {
		// A line that wraps could not be erased.
		_, _ = fmt.Fprint(a.env.Stderr, clearLine+text.Trim(printable(line), a.env.Width()-1))
	}
}

// progressText is the line of progress: the step, what holds it up, and for how long; of a run
// over many users what it waits for, or how far it is.
func progressText(view *client.View, elapsed time.Duration, now time.Time, width int) string {
	waited := guard.Round(elapsed.Round(time.Second))
	if waiting := approvalWait(view, now); waiting != "" {
		return waiting
	}
	progress := view.Progress
	switch {
	case progress == nil && len(view.Pending) > 0:
		what := cmp.Or(string(view.Step), view.Pending[0].Activity)
		return fmt.Sprintf("%s (%s)", pendingText(what, view.Pending[0], now), waited)
	case progress == nil:
		return fmt.Sprintf("%s (%s)", cmp.Or(string(view.Step), view.Unknown, "finishing"), waited)
	case progress.State == workflows.StateHeld:
		return fmt.Sprintf("held until %s: %s locked lately; release or abort it with: latchkey bulk release %s",
			progress.HeldUntil.UTC().Format("15:04Z"), plural(progress.Fresh, "user"), view.WorkflowID)
	case progress.State == workflows.StatePaused:
		return fmt.Sprintf("paused, %d of %d done; go on with: latchkey bulk resume %s", progress.Decided, progress.Found, view.WorkflowID)
	case progress.Found == 0 || progress.State == workflows.StateListing && progress.Decided == 0:
		return fmt.Sprintf("%s (%s)", progress.State, waited)
	default:
		return bar(progress, width) + " " + strings.Join(pace(progress), ", ")
	}
}

// restOfLine is what stands beside the bar.
const restOfLine = 60

func bar(progress *workflows.Progress, width int) string {
	drawn := progressbar.NewOptions(progress.Found,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetDescription(string(progress.State)),
		progressbar.OptionSetWidth(min(max(width-restOfLine, 10), 40)),
		progressbar.OptionShowCount(),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetTheme(progressbar.ThemeASCII))
	if err := drawn.Set(min(progress.Decided, progress.Found)); err != nil {
		return string(progress.State)
	}
	return strings.TrimSpace(drawn.String())
}

// pace is the rate and the time left, as far as they are known.
func pace(progress *workflows.Progress) []string {
	if progress.PerMinute <= 0 {
		return nil
	}
	known := []string{fmt.Sprintf("%.0f/min", progress.PerMinute)}
	if progress.Remaining > 0 {
		left := time.Duration(float64(progress.Remaining) / progress.PerMinute * float64(time.Minute))
		known = append(known, guard.Round(max(left.Round(time.Second), time.Second))+" left")
	}
	return known
}
