package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

// recordsPage is how many runs are asked for at a time. Some servers read the database anew
// for each of them, and take a tenth of a second for this page and minutes for a few thousand.
const recordsPage = 200

// records is what Temporal's visibility knows of the unlocks of one connection, by all
// workers. Its answers lag by seconds.
type records struct {
	temporal   client.Client
	namespace  string
	connection string
	// known returns the search attributes that the namespace has now.
	known func() []string
}

var _ activities.Records = (*records)(nil)

// canCount reports whether the unlocks of a user can be found by search attributes.
func canCount(known []string) bool {
	for _, needed := range []string{workflows.AttributeConnection.GetName(), workflows.AttributeUnlockSent.GetName(), workflows.AttributeUserID.GetName()} {
		if !slices.Contains(known, needed) {
			return false
		}
	}
	return true
}

// query finds the runs that sent an unlock, or may have, and that ended since a moment or go on:
// those watch the account.
func (r *records) query(since time.Time) string {
	return fmt.Sprintf("%s = %s AND %s IN (%s) AND (CloseTime > '%s' OR ExecutionStatus = 'Running')",
		workflows.AttributeConnection.GetName(), temporalclient.Quote(r.connection), workflows.AttributeUnlockSent.GetName(),
		temporalclient.Quote(string(connectors.Yes), string(connectors.Unknown)), since.UTC().Format(time.RFC3339))
}

// Retention implements activities.Records.
func (r *records) Retention(ctx context.Context) (time.Duration, error) {
	if !canCount(r.known()) {
		return 0, activities.ErrNotIndexed
	}
	described, err := r.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: r.namespace})
	if err != nil {
		return 0, fmt.Errorf("ask how long the namespace keeps closed runs: %w", err)
	}
	return described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(), nil
}

// UnlocksOf implements activities.Records.
func (r *records) UnlocksOf(ctx context.Context, userIDs []string, since time.Time) (map[string]int, error) {
	if !canCount(r.known()) {
		return nil, activities.ErrNotIndexed
	}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: r.namespace,
		PageSize:  recordsPage,
		Query:     r.query(since) + fmt.Sprintf(" AND %s IN (%s)", workflows.AttributeUserID.GetName(), temporalclient.Quote(userIDs...)),
	}
	unlocks := map[string]int{}
	for {
		listed, err := r.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list the unlocks of %d users: %w", len(userIDs), err)
		}
		for _, run := range listed.GetExecutions() {
			var userID string
			payload := run.GetSearchAttributes().GetIndexedFields()[workflows.AttributeUserID.GetName()]
			if err := converter.GetDefaultDataConverter().FromPayload(payload, &userID); err != nil {
				return nil, fmt.Errorf("read the search attribute %s: %w", workflows.AttributeUserID.GetName(), err)
			}
			unlocks[userID]++
		}
		if request.NextPageToken = listed.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return unlocks, nil
		}
	}
}
