package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
)

// CheckConnectionName is the name of the workflow type that checks a connection.
const CheckConnectionName = "CheckConnection"

// OutcomeChecked is LatchkeyOutcome of a connection that was checked.
const OutcomeChecked = "checked"

// checkTimeout bounds a check: somebody waits for it.
var checkTimeout = 30 * time.Second

// CheckInput names the connection to check.
type CheckInput struct {
	Connection string `json:"connection"`
}

func (in *CheckInput) faults() (found faults) {
	found.noteConnection(in.Connection)
	return found
}

// CheckConnection asks a worker that holds a connection's credential what it may do.
func (s served) CheckConnection(ctx workflow.Context, raw converter.RawValue) (*activities.CheckResult, error) {
	s = s.forRun()
	var in CheckInput
	if err := decodeQuestion(raw, &in, in.faults); err != nil {
		return nil, s.wrongInput(ctx, err)
	}
	if err := s.begin(ctx, in.Connection); err != nil {
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
	failed := workflow.ExecuteActivity(ctx, activities.CheckName).Get(ctx, &result)
	if err := s.answered(ctx, in.Connection, failed, OutcomeChecked, "the result says which rights are granted"); err != nil {
		return nil, err
	}
	return &result, nil
}
