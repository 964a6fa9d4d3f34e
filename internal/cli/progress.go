package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/guard"
)

// clearLine takes the cursor to the line's beginning and erases the line.
const clearLine = "\r\x1b[K"

// showProgress redraws one line on stderr until it is stopped; it is quiet when stderr is
// no terminal.
func (a *app) showProgress(ctx context.Context, connected *session, run *client.Run) (stop func()) {
	if !a.env.StderrTerminal {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.progress(ctx, connected, run)
	}()
	return func() {
		cancel()
		<-done
		_, _ = fmt.Fprint(a.env.Stderr, clearLine)
	}
}

func (a *app) progress(ctx context.Context, connected *session, run *client.Run) {
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
		// A look that fails leaves the line as it is: the wait itself says what is wrong.
		if view, err := connected.look(ctx, run.WorkflowID, run.RunID); err == nil && ctx.Err() == nil {
			a.redraw(progressText(view, time.Since(began), time.Now()))
		}
	}
}

func (a *app) redraw(line string) {
	// A line that wraps could not be erased.
	_, _ = fmt.Fprint(a.env.Stderr, clearLine+text.Trim(printable(line), a.env.Width()-1))
}

// progressText is the line of progress: the step, what holds it up, and for how long.
func progressText(view *runView, elapsed time.Duration, now time.Time) string {
	line := firstOf(string(view.Step), view.StepUnknown, "finishing")
	if len(view.Pending) > 0 {
		line = pendingText(firstOf(string(view.Step), view.Pending[0].Activity), view.Pending[0], now)
	}
	return fmt.Sprintf("%s (%s)", line, guard.Round(elapsed.Round(time.Second)))
}
