package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// waitWithin waits until people have answered or the time is over; its timer, which the
// Temporal UI shows, ends with the wait.
func waitWithin(ctx workflow.Context, within time.Duration, summary string, answered func() bool) error {
	waiting, stop := workflow.WithCancel(ctx)
	ok, err := workflow.AwaitWithOptions(waiting, workflow.AwaitOptions{
		Timeout:      within,
		TimerOptions: workflow.TimerOptions{Summary: summary},
	}, answered)
	if ok && err == nil {
		stop()
	}
	return err
}
