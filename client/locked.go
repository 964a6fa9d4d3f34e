package client

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Locked hands each page of the locked users of a connection to take, until there are no
// more or take fails. Only one page is in memory.
func (c *Client) Locked(ctx context.Context, in workflows.ListInput, take func(*activities.ListLockedResult) error) error {
	if err := workflows.ValidateConnection(in.Connection); err != nil {
		return invalid(err)
	}
	if err := c.CheckServed(ctx, in.Connection); err != nil {
		return err
	}
	shown := workflows.ShownList(in.Connection)
	for {
		started, err := c.Temporal.ExecuteWorkflow(ctx, temporalclient.StartWorkflowOptions{
			ID:            workflows.ListID(in.Connection, uuid.NewString()),
			TaskQueue:     workflows.TaskQueue,
			StaticSummary: shown.Summary,
			StaticDetails: shown.Details,
			Priority:      temporal.Priority{PriorityKey: workflows.PriorityInteractive},
		}, workflows.ListLockedUsersName, in)
		if err != nil {
			return fmt.Errorf("start the list: %w", err)
		}
		var page activities.ListLockedResult
		if err := c.Attach(started.GetID(), started.GetRunID()).wait(ctx, &page); err != nil {
			return err
		}
		if err := take(&page); err != nil {
			return err
		}
		if in.After = page.Next; in.After == "" {
			return nil
		}
	}
}
