package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"
	enumspb "go.temporal.io/api/enums/v1"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

const (
	bareParentName = "BareParent"
	bareChildName  = "BareChild"

	// crowd is how many users a bulk run unlocks, against as many bare children.
	crowd = 60

	// targetBulk is the target that the project has set itself.
	targetBulk = 1.4
)

// bareChild runs three activities that do nothing, and nothing else.
func bareChild(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: floorActivityQueue, StartToCloseTimeout: 20 * time.Second})
	for range 3 {
		if err := workflow.ExecuteActivity(ctx, floorActivity, payload{}).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// bareParent runs so many bare children, as many at a time as a bulk run does.
func bareParent(ctx workflow.Context, children int) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON})
	inFlight := 0
	var failed error
	for range children {
		if err := workflow.Await(ctx, func() bool { return inFlight < workflows.DefaultConcurrency }); err != nil {
			return err
		}
		inFlight++
		workflow.Go(ctx, func(ctx workflow.Context) {
			if err := workflow.ExecuteChildWorkflow(ctx, bareChildName).Get(ctx, nil); err != nil {
				failed = err
			}
			inFlight--
		})
	}
	if err := workflow.Await(ctx, func() bool { return inFlight == 0 }); err != nil {
		return err
	}
	return failed
}

// benchBulk measures what a user within a bulk run costs, against a bare child.
func benchBulk(ctx context.Context, environment *dev.Environment, contest *contest, count int) error {
	if _, err := environment.Tenant(dev.JumpCloud).Populate(simulator.Populate{Count: crowd, Prefix: "crowd"}); err != nil {
		return err
	}
	var users, children []time.Duration
	measured, err := measurePairs(ctx, count, crowd, func(ctx context.Context) error {
		took, err := unlockCrowd(ctx, environment)
		users = append(users, took/crowd)
		return err
	}, func(ctx context.Context) error {
		took, err := contest.bare(ctx)
		children = append(children, took/crowd)
		return err
	})
	if err != nil {
		return err
	}
	rows := newTable(table.Row{"A user in a bulk run", "A bare child", "Ratio", "Target", "Processor, a user", "a bare child", "Ratio"})
	rows.AppendRow(table.Row{spread(users), spread(children), spread(ratios(users, children)), fmt.Sprintf("<= %.1f", targetBulk),
		spread(measured.ours.processor), spread(measured.floor.processor), spread(ratios(measured.ours.processor, measured.floor.processor))})
	_, err = fmt.Fprintf(os.Stdout, "\n%d pairs of a bulk run of %d users and a parent of as many bare children, %d at a time: time by user.\n%s\n",
		count, crowd, workflows.DefaultConcurrency, rows.Render())
	return err
}

// unlockCrowd locks the crowd and measures the run that unlocks it.
func unlockCrowd(ctx context.Context, environment *dev.Environment) (time.Duration, error) {
	for i := range crowd {
		if err := environment.Tenant(dev.JumpCloud).LockByFailures(fmt.Sprintf("crowd%06d", i+2)); err != nil {
			return 0, err
		}
	}
	return bulk(ctx, environment, dev.JumpCloud, crowd)
}

// bulk measures a run that unlocks so many users.
func bulk(ctx context.Context, environment *dev.Environment, connection string, users int) (time.Duration, error) {
	none, zero := workflows.Duration(0), 0
	began := time.Now()
	run, err := environment.Client.StartBulk(ctx, workflows.BulkInput{Connection: connection, Policy: workflows.Policy{
		MinLockedFor: &none, MaxPerRun: &zero, MaxPerUser: &workflows.MaxPerUser{}, Hold: &workflows.Hold{Off: true},
	}})
	if err != nil {
		return 0, err
	}
	result, err := run.BulkResult(ctx)
	if err != nil {
		return 0, err
	}
	if result.Counts[string(workflows.Unlocked)] != users {
		return 0, fmt.Errorf("of %d users these were decided upon so: %v", users, result.Counts)
	}
	return time.Since(began), nil
}

// bare measures the parent of bare children.
func (c *contest) bare(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	started, err := c.environment.Client.Temporal.ExecuteWorkflow(ctx, sdkclient.StartWorkflowOptions{
		ID: "bare/" + uuid.NewString(), TaskQueue: floorQueue,
	}, bareParentName, crowd)
	if err != nil {
		return 0, err
	}
	if _, err := c.environment.Client.Attach(started.GetID(), started.GetRunID()).Result(ctx); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}
