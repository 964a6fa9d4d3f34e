// Package readonly holds the workflows that only ask: what a connection's credential may do, and
// who is locked there.
package readonly

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// checkTimeout bounds a check: somebody waits for it.
var checkTimeout = 30 * time.Second

// reader is the workflows as a worker serves them: has returns those of Latchkey's search
// attributes that the namespace has now.
type reader struct{ has func() []string }

// Register registers the workflows by their names.
func Register(with workflows.Registry, has func() []string) {
	w := reader{has}
	with.RegisterWorkflowWithOptions(w.CheckConnection, workflow.RegisterOptions{Name: workflows.CheckConnectionName})
	with.RegisterWorkflowWithOptions(w.ListLockedUsers, workflow.RegisterOptions{Name: workflows.ListLockedUsersName})
}

// CheckConnection asks a worker that holds a connection's credential what it may do.
func (w reader) CheckConnection(ctx workflow.Context, raw converter.RawValue) (*activities.CheckResult, error) {
	attributes := run.NewAttributes(w.has)
	in, err := workflows.Decode[workflows.CheckInput](raw)
	if err != nil {
		return nil, attributes.WrongInput(ctx, err)
	}
	if err := attributes.Begin(ctx, in.Connection); err != nil {
		return nil, err
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("A worker that serves `%s` is being asked, until %s.", in.Connection, run.Clock(workflow.Now(ctx).Add(checkTimeout))))
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.Queue(in.Connection),
		ScheduleToCloseTimeout: checkTimeout,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                "Check what the credential of " + in.Connection + " may do",
	})
	result, failed := run.Result[activities.CheckResult](ctx, workflow.ExecuteActivity(ctx, run.Steps.Check))
	if err := answered(ctx, attributes, in.Connection, failed, workflows.OutcomeChecked, "the result says which rights are granted"); err != nil {
		return nil, err
	}
	return result, nil
}
