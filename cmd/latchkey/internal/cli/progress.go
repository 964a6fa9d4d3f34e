package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
)

// clearLine takes the cursor to the line's beginning and erases the line.
const clearLine = "\r\x1b[K"

// showProgress redraws one line on stderr until it is stopped; it is quiet when stderr is
// no terminal. A look that fails leaves the line as it is: the wait itself says what is wrong.
func (a *app) showProgress(ctx context.Context, first string, look func(ctx context.Context, elapsed time.Duration) (string, error)) (stop func()) {
	if !a.env.StderrTerminal {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.progress(ctx, first, look)
	}()
	return func() {
		cancel()
		<-done
		_, _ = fmt.Fprint(a.env.Stderr, clearLine)
	}
}

func (a *app) progress(ctx context.Context, first string, look func(ctx context.Context, elapsed time.Duration) (string, error)) {
	began := time.Now()
	ticker := time.NewTicker(a.env.ProgressEvery)
	defer ticker.Stop()
	a.redraw(first)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if line, err := look(ctx, time.Since(began)); err == nil && ctx.Err() == nil {
			a.redraw(line)
		}
	}
}

// unlockProgress looks at one unlock.
func unlockProgress(connected *session, run *client.Run) func(context.Context, time.Duration) (string, error) {
	return func(ctx context.Context, elapsed time.Duration) (string, error) {
		view, err := connected.look(ctx, run.WorkflowID, run.RunID)
		if err != nil {
			return "", err
		}
		return progressText(view, elapsed, time.Now()), nil
	}
}

func (a *app) redraw(line string) {
	// A line that wraps could not be erased.
	_, _ = fmt.Fprint(a.env.Stderr, clearLine+text.Trim(printable(line), a.env.Width()-1))
}

// progressText is the line of progress: the step, what holds it up, and for how long.
func progressText(view *runView, elapsed time.Duration, now time.Time) string {
	if waiting := view.approvalWait(now); waiting != "" {
		return waiting
	}
	line := firstOf(string(view.Step), view.StepUnknown, "finishing")
	if len(view.Pending) > 0 {
		line = pendingText(firstOf(string(view.Step), view.Pending[0].Activity), view.Pending[0], now)
	}
	return fmt.Sprintf("%s (%s)", line, guard.Round(elapsed.Round(time.Second)))
}
