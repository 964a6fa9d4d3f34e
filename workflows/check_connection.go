package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
)

// CheckConnectionName is the name of the workflow type that checks a connection.
const CheckConnectionName = "CheckConnection"

// checkTimeout bounds a check: somebody waits for it.
var checkTimeout = 30 * time.Second

// CheckInput names the connection to check.
type CheckInput struct {
	Connection string `json:"connection"`
}

// CheckConnection asks a worker that holds a connection's credential what it may do.
func (s served) CheckConnection(ctx workflow.Context, in CheckInput) (*activities.CheckResult, error) {
	if err := ValidateConnection(in.Connection); err != nil {
		return nil, s.wrongInput(ctx, err)
	}
	if _, err := s.begin(ctx, in.Connection); err != nil {
		return nil, err
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("A worker that serves `%s` is being asked, until %s.", in.Connection, clock(workflow.Now(ctx).Add(checkTimeout))))
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.Queue(in.Connection),
		ScheduleToCloseTimeout: checkTimeout,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                "Check what the credential of " + in.Connection + " may do",
	})
	var result activities.CheckResult
	if err := workflow.ExecuteActivity(ctx, activities.CheckName).Get(ctx, &result); err != nil {
		failed := understand(err, in.Connection)
		workflow.SetCurrentDetails(ctx, endDetails(failed.kind, failed.message))
		return nil, fail(failed.kind, failed.message)
	}
	workflow.SetCurrentDetails(ctx, "**checked**: the result says which rights are granted")
	return &result, nil
}
