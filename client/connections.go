package client

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Served is a connection and how many workers serve it.
type Served struct {
	Connection string `json:"connection"`
	Workers    int    `json:"workers"`
}

// Connections lists what is served in the namespace, by the heartbeats of the workers. A
// worker that was killed stays listed for a while.
func (c *Client) Connections(ctx context.Context, namespace string) ([]Served, error) {
	workers := map[string]int{}
	request := &workflowservice.ListWorkersRequest{Namespace: namespace, PageSize: 1000}
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
