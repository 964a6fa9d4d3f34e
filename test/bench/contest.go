package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/latchkey-iam/latchkey/internal/dev"
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
	native, err := environment.JumpCloud.CreateUser(map[string]any{"username": "bench", "email": "bench@example.com"})
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
	if err := c.environment.JumpCloud.LockByFailures(c.userID); err != nil {
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

// measured is what a series showed.
type measured struct {
	unlocks, floors, late []time.Duration
	// calls is the median of the time that the provider took for the calls of one unlock.
	calls time.Duration
}

func (c *contest) measure(ctx context.Context, rounds int) (*measured, error) {
	m := &measured{}
	var calls []time.Duration
	for range rounds {
		c.environment.JumpCloud.Calls.Clear()
		_, unlock, err := c.unlock(ctx)
		if err != nil {
			return nil, err
		}
		floor, err := c.floor(ctx)
		if err != nil {
			return nil, err
		}
		own := time.Duration(0)
		for _, call := range c.environment.JumpCloud.Calls.All() {
			own += time.Duration(call.DurationMS * float64(time.Millisecond))
		}
		m.unlocks, m.floors = append(m.unlocks, unlock.took), append(m.floors, floor.took)
		m.late = append(m.late, unlock.late)
		calls = append(calls, own)
	}
	m.calls = quantile(calls, 0.5)
	return m, nil
}

// The targets that the project has set itself.
const (
	targetAtNoDelay = 1.3
	targetDelayed   = 1.1
)

func (m *measured) row(delay time.Duration) table.Row {
	target, against := targetAtNoDelay, quantile(m.floors, 0.5)
	if delay > 0 {
		target, against = targetDelayed, against+m.calls
	}
	ratio := float64(quantile(m.unlocks, 0.5)) / float64(against)
	return table.Row{delay, round(quantile(m.unlocks, 0.5)), spread(m.unlocks), round(quantile(m.unlocks, 0.99)),
		round(quantile(m.floors, 0.5)), spread(m.floors), round(m.calls),
		fmt.Sprintf("%.2f", ratio), fmt.Sprintf("<= %.1f", target), round(quantile(m.late, 0.99))}
}

func quantile(values []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func spread(values []time.Duration) string {
	return fmt.Sprintf("%s to %s", round(quantile(values, 0.25)), round(quantile(values, 0.75)))
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
