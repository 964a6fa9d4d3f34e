package main

import (
	"context"
	"time"

	sdkactivity "go.temporal.io/sdk/activity"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/workflows"
)

// The floor's own queues mirror those of the unlock.
const (
	floorName          = "Floor"
	floorQueue         = "floor"
	floorActivityQueue = "floor/" + dev.JumpCloud
	floorActivity      = "Nothing"
)

// floorWorkers serve the floor as a worker of Latchkey serves an unlock.
func floorWorkers(temporal sdkclient.Client, sample *workflows.Result) []worker.Worker {
	floor := &floor{sample: sample}
	pollers := worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{})
	flow := worker.New(temporal, floorQueue, worker.Options{LocalActivityWorkerOnly: true, WorkflowTaskPollerBehavior: pollers})
	flow.RegisterWorkflowWithOptions(floor.run, workflow.RegisterOptions{Name: floorName})
	flow.RegisterWorkflowWithOptions(bareParent, workflow.RegisterOptions{Name: bareParentName})
	flow.RegisterWorkflowWithOptions(bareChild, workflow.RegisterOptions{Name: bareChildName})
	steps := worker.New(temporal, floorActivityQueue, worker.Options{DisableWorkflowWorker: true, ActivityTaskPollerBehavior: pollers})
	steps.RegisterActivityWithOptions(floor.nothing, sdkactivity.RegisterOptions{Name: floorActivity})
	return []worker.Worker{flow, steps}
}

type floor struct{ sample *workflows.Result }

// payload is what an activity of the floor takes or returns: a user where one of an
// unlock does.
type payload struct {
	Result *workflows.Result `json:"result"`
}

func (f *floor) nothing(_ context.Context, in payload) (payload, error) {
	if in.Result != nil {
		return payload{}, nil
	}
	return payload{Result: f.sample}, nil
}

func (f *floor) run(ctx workflow.Context, in workflows.Input) (*workflows.Result, error) {
	summary := f.sample.WithoutUser()
	for i, step := range []struct {
		summary string
		in      payload
	}{
		{"Look the account up at " + in.Connection, payload{}},
		{"Unlock the account at " + in.Connection, payload{Result: summary}},
		{"Read the account again at " + in.Connection, payload{}},
	} {
		workflow.SetCurrentDetails(ctx, step.summary)
		options := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			TaskQueue:              floorActivityQueue,
			ScheduleToCloseTimeout: workflows.DefaultTimeout,
			StartToCloseTimeout:    20 * time.Second,
			RetryPolicy:            &temporal.RetryPolicy{},
			Summary:                step.summary,
		})
		var out payload
		if err := workflow.ExecuteActivity(options, floorActivity, step.in).Get(ctx, &out); err != nil {
			return nil, err
		}
		if i == 0 {
			if err := workflow.UpsertTypedSearchAttributes(ctx,
				workflows.AttributeConnection.ValueSet(in.Connection),
				workflows.AttributeProvider.ValueSet(in.Connection),
				workflows.AttributeUserID.ValueSet(in.UserID)); err != nil {
				return nil, err
			}
		}
	}
	err := workflow.UpsertTypedSearchAttributes(ctx, workflows.AttributeOutcome.ValueSet(string(workflows.Unlocked)))
	return f.sample, err
}
