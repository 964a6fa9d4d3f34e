package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Served is a connection and how many workers serve it.
type Served struct {
	Connection string `json:"connection"`
	Workers    int    `json:"workers"`
}

// Connections lists what is served in the namespace, by the heartbeats of the workers. A
// worker that was killed stays listed for a while.
func (c *Client) Connections(ctx context.Context) ([]Served, error) {
	workers := map[string]int{}
	request := &workflowservice.ListWorkersRequest{Namespace: c.namespace(), PageSize: 1000}
	for {
		listed, err := c.Temporal.WorkflowService().ListWorkers(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list the workers of the namespace: %w", err)
		}
		for _, worker := range listed.GetWorkers() {
			// A worker's last heartbeat says that it is shutting down: it takes no more work.
			if status := worker.GetStatus(); status == enumspb.WORKER_STATUS_SHUTDOWN || status == enumspb.WORKER_STATUS_SHUTTING_DOWN {
				continue
			}
			if connection := activities.ConnectionOf(worker.GetTaskQueue()); connection != "" {
				workers[connection]++
			}
		}
		if request.NextPageToken = listed.GetNextPageToken(); len(request.NextPageToken) == 0 {
			break
		}
	}
	served := make([]Served, 0, len(workers))
	for connection, count := range workers {
		served = append(served, Served{Connection: connection, Workers: count})
	}
	slices.SortFunc(served, func(a, b Served) int { return cmp.Compare(a.Connection, b.Connection) })
	return served, nil
}

// CheckConnection asks a worker that holds the connection's credential what it may do.
// It changes nothing at the provider.
func (c *Client) CheckConnection(ctx context.Context, connection string) (*activities.CheckResult, error) {
	if err := workflows.ValidateConnection(connection); err != nil {
		return nil, invalid(err)
	}
	if err := c.CheckServed(ctx, connection); err != nil {
		return nil, err
	}
	shown := workflows.ShownCheck(connection)
	started, err := c.Temporal.ExecuteWorkflow(ctx, temporalclient.StartWorkflowOptions{
		ID:            workflows.CheckID(connection, uuid.NewString()),
		TaskQueue:     workflows.TaskQueue,
		StaticSummary: shown.Summary,
		StaticDetails: shown.Details,
		Priority:      temporal.Priority{PriorityKey: workflows.PriorityInteractive},
	}, workflows.CheckConnectionName, workflows.CheckInput{Connection: connection})
	if err != nil {
		return nil, fmt.Errorf("start the check: %w", err)
	}
	var result activities.CheckResult
	if err := c.Attach(started.GetID(), started.GetRunID()).wait(ctx, &result); err != nil {
		return nil, err
	}
	return &result, nil
}

// MissingRight returns the failure that it is when a credential was not shown to have every
// right; nil when it has them all.
func MissingRight(result *activities.CheckResult) error {
	var missing []string
	worst := activities.Right{}
	for _, right := range result.Rights {
		if right.Granted == connectors.Yes {
			continue
		}
		missing = append(missing, right.Right)
		// What is certain goes before what could not be found out.
		if worst.Right == "" || worst.Granted == connectors.Unknown && right.Granted == connectors.No {
			worst = right
		}
	}
	if len(missing) == 0 {
		return nil
	}
	failure := &Failure{Type: string(worst.Kind),
		Message: fmt.Sprintf("the credential of %s was not shown to have the right to: %s", result.Connection, strings.Join(missing, ", "))}
	switch worst.Kind { //nolint:exhaustive // every other kind is the type of a failure too
	case "":
		failure.Type = workflows.TypeInternal
	case connectors.NotFound, connectors.Ambiguous: // Nobody asked for a user.
		failure.Type = string(connectors.MalformedResponse)
	}
	return failure
}

// pollerSeen is how long ago a worker may have asked for work and still be taken for
// alive: its long poll lasts a minute.
const pollerSeen = 70 * time.Second

// servedPatience is how long CheckServed waits for a worker that is just starting, and
// servedInterval how often it asks.
const (
	servedPatience = 2 * time.Second
	servedInterval = 200 * time.Millisecond
)

// CheckServed fails with NoWorker when no worker was lately seen on the connection's
// queue or on the workflows'. A worker that was killed stays listed for a while.
func (c *Client) CheckServed(ctx context.Context, connection string) error {
	deadline := time.Now().Add(servedPatience)
	ticker := time.NewTicker(servedInterval)
	defer ticker.Stop()
	for {
		last := time.Now().After(deadline) // A server that is slow to answer is asked again.
		err := c.checkServed(ctx, connection)
		var failure *Failure
		if !errors.As(err, &failure) || last {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}

func (c *Client) checkServed(ctx context.Context, connection string) error {
	for _, queue := range []struct {
		name, what string
		kind       enumspb.TaskQueueType
	}{
		{workflows.TaskQueue, "runs Latchkey's workflows", enumspb.TASK_QUEUE_TYPE_WORKFLOW},
		{activities.Queue(connection), fmt.Sprintf("serves the connection %q", connection), enumspb.TASK_QUEUE_TYPE_ACTIVITY},
	} {
		described, err := c.Temporal.DescribeTaskQueue(ctx, queue.name, queue.kind)
		if err != nil {
			return fmt.Errorf("ask who serves the task queue %s: %w", queue.name, err)
		}
		alive := false
		for _, poller := range described.GetPollers() {
			alive = alive || time.Since(poller.GetLastAccessTime().AsTime()) < pollerSeen
		}
		if !alive {
			return &Failure{Type: workflows.TypeNoWorker, Message: fmt.Sprintf("no worker %s: check the name, or start one", queue.what)}
		}
	}
	return nil
}
