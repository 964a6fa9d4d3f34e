// Package run is what the workflows have in common: calling a step, reading why it failed,
// closing a run, and making it findable.
package run

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/workflows"
)

var (
	// AttemptTimeout is how long one attempt may take; a worker drains for longer, so a
	// restart cuts none off.
	AttemptTimeout = 20 * time.Second

	// ListTimeout is how long one walk over a provider's list may take.
	ListTimeout = 30 * time.Minute

	// listHeartbeat is how soon the death of the worker that walks is noticed.
	listHeartbeat = 30 * time.Second

	// retries go on until the step's time is up: how often says nothing about whether a
	// provider's outage is over. The interval stays short enough to notice that it is.
	retries = temporal.RetryPolicy{
		InitialInterval:    time.Second,
		BackoffCoefficient: 2,
		MaximumInterval:    30 * time.Second,
	}
)

// Steps names the steps by their methods: nothing is called on it.
var Steps *activities.Activities

// WithAttempts returns the context of a step at a connection that is tried until `within` is
// over.
func WithAttempts(ctx workflow.Context, connection string, within time.Duration, summary string) workflow.Context {
	policy := retries
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.Queue(connection),
		ScheduleToCloseTimeout: max(within, time.Millisecond),
		StartToCloseTimeout:    AttemptTimeout,
		RetryPolicy:            &policy,
		Summary:                summary,
	})
}

// WithWalks is WithAttempts for a step that reads a provider's list: a walk takes as long as the
// list, and tells that it lives.
func WithWalks(ctx workflow.Context, connection string, within time.Duration, summary string) workflow.Context {
	options := workflow.GetActivityOptions(WithAttempts(ctx, connection, within, summary))
	options.StartToCloseTimeout, options.HeartbeatTimeout = ListTimeout, listHeartbeat
	return workflow.WithActivityOptions(ctx, options)
}

// Step runs a step, one of the methods of Steps, and waits for its end.
func Step[In, Out any](ctx workflow.Context, step func(context.Context, In) (*Out, error), in In) (*Out, error) {
	return Result[Out](ctx, workflow.ExecuteActivity(ctx, step, in))
}

// Result waits for the end of a step that was begun.
func Result[Out any](ctx workflow.Context, step workflow.Future) (*Out, error) {
	var out *Out
	if err := step.Get(ctx, &out); err != nil {
		return nil, err //nolint:wrapcheck // Understand reads it
	}
	return out, nil
}

// WaitWithin waits until people have answered or the time is over; its timer, which the
// Temporal UI shows, ends with the wait.
func WaitWithin(ctx workflow.Context, within time.Duration, summary string, answered func() bool) error {
	waiting, stop := workflow.WithCancel(ctx)
	ok, err := workflow.AwaitWithOptions(waiting, workflow.AwaitOptions{
		Timeout:      within,
		TimerOptions: workflow.TimerOptions{Summary: summary},
	}, answered)
	if ok && err == nil {
		stop()
	}
	return err //nolint:wrapcheck // somebody cancelled it
}

// WaitForHandlers waits for updates that are still being answered, so that none is left without
// an answer.
func WaitForHandlers(ctx workflow.Context) {
	finishing, _ := workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(finishing, func() bool { return workflow.AllHandlersFinished(finishing) })
}

// Continues reports whether the run before it in the chain wrote its input. Temporal begins a
// run anew, too, for a cron and after a failure, with the input of whoever started it; Latchkey
// asks for neither.
func Continues(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.ContinuedExecutionRunID != "" && info.CronSchedule == "" && info.Attempt <= 1
}

// Audit writes an event of the run to the audit log.
func Audit(ctx workflow.Context, event activities.AuditEvent) {
	execution := workflow.GetInfo(ctx).WorkflowExecution
	event.WorkflowID, event.RunID = execution.ID, execution.RunID
	event.Write(workflow.GetLogger(ctx).Info)
}

// EndDetails say in Markdown how a run ended, and what can be done about it.
func EndDetails(word, explanation string) string {
	return fmt.Sprintf("**%s**: %s", word, advised(word, explanation))
}

// advised is what happened, with what to do about it.
func advised(word, message string) string {
	if ending, _ := workflows.Ending(word); ending.Remedy != "" {
		return message + ". What to do: " + ending.Remedy
	}
	return message + "."
}

// Clock is a time as people read it.
func Clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }
