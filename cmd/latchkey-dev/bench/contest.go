package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// contest runs unlocks and floors against each other.
type contest struct {
	environment *dev.Environment
	userID      string
	workers     []worker.Worker
	// sample is a real result, for the floor to return one of its size.
	sample *workflows.Result
}

func newContest(environment *dev.Environment) (*contest, error) {
	c := &contest{environment: environment}
	native, err := environment.Tenant(dev.JumpCloud).CreateUser(map[string]any{"username": "bench", "email": "bench@example.com"})
	if err != nil {
		return nil, err
	}
	var user struct {
		ID string `json:"_id"`
	}
	if err := json.Unmarshal(native, &user); err != nil {
		return nil, err
	}
	c.userID = user.ID
	if c.sample, _, err = c.unlock(context.Background()); err != nil {
		return nil, err
	}
	c.workers = floorWorkers(environment.Client.Temporal, c.sample)
	for _, each := range c.workers {
		if err := each.Start(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *contest) stop() {
	for _, each := range c.workers {
		each.Stop()
	}
}

// timing is how long a run took for its caller, and how much of that came after its close.
type timing struct{ took, late time.Duration }

// unlock locks the user and measures the unlock.
func (c *contest) unlock(ctx context.Context) (*workflows.Result, timing, error) {
	if err := c.environment.Tenant(dev.JumpCloud).LockByFailures(c.userID); err != nil {
		return nil, timing{}, err
	}
	began := time.Now()
	run, err := c.environment.Client.Start(ctx, workflows.Input{Connection: dev.JumpCloud, UserID: c.userID})
	if err != nil {
		return nil, timing{}, err
	}
	result, err := run.Result(ctx)
	if err != nil {
		return nil, timing{}, err
	}
	if result.Outcome != workflows.Unlocked {
		return nil, timing{}, fmt.Errorf("the outcome is %s: %s", result.Outcome, result.Explanation)
	}
	measured, err := c.timing(ctx, began, time.Now(), run.WorkflowID, run.RunID)
	return result, measured, err
}

// floor measures a workflow of three activities that do nothing. Its caller asks who
// serves the queues and waits for the result as the unlock's does.
func (c *contest) floor(ctx context.Context) (timing, error) {
	began := time.Now()
	if err := c.environment.Client.CheckServed(ctx, dev.JumpCloud); err != nil {
		return timing{}, err
	}
	started, err := c.environment.Client.Temporal.ExecuteWorkflow(ctx, sdkclient.StartWorkflowOptions{
		ID: "floor/" + uuid.NewString(), TaskQueue: floorQueue, StaticSummary: "Unlock a user at " + dev.JumpCloud,
	}, floorName, workflows.Input{Connection: dev.JumpCloud, UserID: c.userID})
	if err != nil {
		return timing{}, err
	}
	run := c.environment.Client.Attach(started.GetID(), started.GetRunID())
	if _, err := run.Result(ctx); err != nil {
		return timing{}, err
	}
	return c.timing(ctx, began, time.Now(), run.WorkflowID, run.RunID)
}

func (c *contest) timing(ctx context.Context, began, ended time.Time, workflowID, runID string) (timing, error) {
	described, err := c.environment.Client.Temporal.DescribeWorkflowExecution(ctx, workflowID, runID)
	if err != nil {
		return timing{}, err
	}
	closed := described.GetWorkflowExecutionInfo().GetCloseTime().AsTime()
	return timing{took: ended.Sub(began), late: max(ended.Sub(closed), 0)}, nil
}

// unlocksInPair is how many unlocks one side of a pair makes, one after the other.
const unlocksInPair = 10

// The targets that the project has set itself.
const (
	targetAtNoDelay = 1.3
	targetDelayed   = 1.1
)

// singles measures single unlocks, each call of the provider delayed by so much. The floor of
// what is delayed waits as long as the provider takes.
func (c *contest) singles(ctx context.Context, count int, delay time.Duration) (table.Row, error) {
	target := targetAtNoDelay
	if delay > 0 {
		target = targetDelayed
		id, err := c.environment.Tenant(dev.JumpCloud).Faults.Add(simulator.Fault{Kind: simulator.KindLatency, Delay: simulator.Duration(delay)})
		if err != nil {
			return nil, err
		}
		defer func() { _ = c.environment.Tenant(dev.JumpCloud).Faults.Remove(id) }()
	}
	var unlocks, floors, calls, late []time.Duration
	measured, err := measurePairs(ctx, count, unlocksInPair, func(ctx context.Context) error {
		for range unlocksInPair {
			c.environment.Tenant(dev.JumpCloud).Calls.Clear()
			_, one, err := c.unlock(ctx)
			if err != nil {
				return err
			}
			unlocks, late, calls = append(unlocks, one.took), append(late, one.late), append(calls, c.callsTook())
		}
		return nil
	}, func(ctx context.Context) error {
		for range unlocksInPair {
			one, err := c.floor(ctx)
			if err != nil {
				return err
			}
			floors = append(floors, one.took)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ours, least := medians(unlocks), medians(floors)
	for i, own := range medians(calls) {
		least[i] += own
	}
	return table.Row{delay, spread(unlocks), show(quantile(unlocks, 0.99)), spread(floors), show(quantile(calls, 0.5)),
		spread(ratios(ours, least)), fmt.Sprintf("<= %.1f", target),
		spread(measured.ours.processor), spread(measured.floor.processor), spread(ratios(measured.ours.processor, measured.floor.processor)),
		show(quantile(late, 0.99))}, nil
}

// callsTook is the time that the provider took for the calls that are on record.
func (c *contest) callsTook() time.Duration {
	own := time.Duration(0)
	for _, call := range c.environment.Tenant(dev.JumpCloud).Calls.All() {
		own += time.Duration(call.DurationMS * float64(time.Millisecond))
	}
	return own
}

// medians are those of each pair's operations.
func medians(values []time.Duration) []time.Duration {
	var found []time.Duration
	for len(values) > 0 {
		found = append(found, quantile(values[:unlocksInPair], 0.5))
		values = values[unlocksInPair:]
	}
	return found
}
