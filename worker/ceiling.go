package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/workflows"
)

const (
	// ceilingTimeout bounds one question: an attempt that waits for it has 20 seconds.
	ceilingTimeout = 5 * time.Second
	// ceilingPause is between two of its tries, such as while the ceiling continues as new.
	ceilingPause = 100 * time.Millisecond
)

// ceiling asks the workflow that counts the unlocks of one connection. One update at a time is
// under way, for everybody who waits: a server takes ten at a time for a workflow, from all
// workers together.
type ceiling struct {
	temporal   client.Client
	connection string
	limit      int
	logger     *zap.Logger

	mutex   sync.Mutex
	waiting []*place
	asking  bool
}

var _ activities.Ceiling = (*ceiling)(nil)

// place is what one attempt to unlock waits for.
type place struct {
	run    string
	answer chan admission
}

type admission struct {
	admitted bool
	err      error
}

// Admit implements activities.Ceiling.
func (c *ceiling) Admit(ctx context.Context, run string) (bool, error) {
	wanted := &place{run: run, answer: make(chan admission, 1)}
	c.mutex.Lock()
	c.waiting = append(c.waiting, wanted)
	begin := !c.asking
	c.asking = true
	c.mutex.Unlock()
	if begin {
		go c.ask()
	}
	select {
	case told := <-wanted.answer:
		return told.admitted, told.err
	case <-ctx.Done(): // It may be admitted all the same, and then counts.
		return false, fmt.Errorf("wait for the ceiling of %s: %w", c.connection, ctx.Err())
	}
}

// ask asks for those who wait until nobody does.
func (c *ceiling) ask() {
	for {
		places := c.take()
		if len(places) == 0 {
			return
		}
		admitted, err := c.update(places)
		if err != nil {
			c.logger.Warn("the ceiling of unlocks an hour could not be asked, so nothing is sent", zap.String("connection", c.connection), zap.Error(err))
		}
		for i, each := range places {
			each.answer <- admission{admitted: err == nil && admitted[i], err: err}
		}
	}
}

// take returns those who wait; when nobody does, the next who comes asks.
func (c *ceiling) take() []*place {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	places := c.waiting[:min(len(c.waiting), workflows.MaxAsked)]
	c.waiting = c.waiting[len(places):]
	c.asking = len(places) > 0
	return places
}

// update asks until there is an answer: a run that ends or continues as new gives none.
func (c *ceiling) update(places []*place) ([]bool, error) {
	request := workflows.AdmitRequest{Limit: c.limit}
	for _, each := range places {
		request.Runs = append(request.Runs, each.run)
	}
	ctx, cancel := context.WithTimeout(context.Background(), ceilingTimeout)
	defer cancel()
	for {
		result, err := c.once(ctx, request)
		if err == nil {
			return result.Admitted, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(ceilingPause):
		}
	}
}

func (c *ceiling) once(ctx context.Context, request workflows.AdmitRequest) (*workflows.AdmitResult, error) {
	shown := workflows.ShownCeiling(c.connection)
	start := c.temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID:                       workflows.CeilingID(c.connection),
		TaskQueue:                workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            shown.Summary,
		StaticDetails:            shown.Details,
		Priority:                 temporal.Priority{PriorityKey: workflows.PriorityInteractive},
	}, workflows.KeepCeilingName, workflows.CeilingInput{Connection: c.connection})
	handle, err := c.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateName:   workflows.AdmitUpdate,
			Args:         []any{request},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", workflows.CeilingID(c.connection), err)
	}
	var result workflows.AdmitResult
	if err := handle.Get(ctx, &result); err != nil {
		return nil, fmt.Errorf("ask %s: %w", workflows.CeilingID(c.connection), err)
	}
	if len(result.Admitted) != len(request.Runs) {
		return nil, errors.New("ask " + workflows.CeilingID(c.connection) + ": it answered something else")
	}
	return &result, nil
}
