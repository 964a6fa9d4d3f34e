package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// pages counts the pages that a list is read in, and the longest that was asked for.
type pages struct {
	sdkclient.Client
	asked, longest int
}

func (p *pages) ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	p.asked++
	p.longest = max(p.longest, int(request.GetPageSize()))
	return p.Client.ListWorkflow(ctx, request)
}

// TestUnlocksOf: what was sent counts, whatever became of it, also while the account is still
// watched. Each user's unlocks are counted over all pages, whatever the provider's IDs
// hold, and no page is longer than a server answers at once.
func TestUnlocksOf(t *testing.T) {
	t.Parallel()
	s := newSite(t, keywords())
	want := map[string]int{"5f0c1a2b3c4d5e6f7a8b9c0d": recordsPage + 1, "auth0|o'brien": 1, "a') OR LatchkeyUserId IN ('b": 1, "auth0|5F7c8E": 1, "auth0|5f7C8e": 2}
	var asked []string
	for id, times := range want {
		asked = append(asked, id)
		for i := range times {
			s.sent(id, i, []connectors.Answer{connectors.Yes, connectors.Unknown}[i%2], i%50 == 0)
		}
	}
	s.sent("not asked for", 0, connectors.Yes, false)
	s.sent("5f0c1a2b3c4d5e6f7a8b9c0d", -1, connectors.No, false)
	listed := &pages{Client: s.temporal}
	found := map[string]int{}
	require.Eventually(t, func() bool {
		var err error
		found, err = (&records{temporal: listed, namespace: s.namespace, connection: "jc", known: workflows.SearchAttributes}).UnlocksOf(t.Context(), asked, time.Now().Add(-time.Hour))
		require.NoError(t, err)
		sum := 0
		for _, times := range found {
			sum += times
		}
		return sum == recordsPage+6
	}, patience, 100*time.Millisecond)
	require.Equal(t, want, found)
	require.GreaterOrEqual(t, listed.asked, 2)
	require.LessOrEqual(t, listed.longest, 200)
}

// sent leaves a run, open or closed, that says so of an unlock of the user.
func (s *site) sent(userID string, number int, sent connectors.Answer, open bool) {
	s.t.Helper()
	var run sdkclient.WorkflowRun
	require.Eventually(s.t, func() (started bool) {
		var err error
		run, err = s.temporal.ExecuteWorkflow(s.t.Context(), sdkclient.StartWorkflowOptions{
			ID: fmt.Sprintf("unlocked/%s/%d", userID, number), TaskQueue: "nobody",
			TypedSearchAttributes: temporal.NewSearchAttributes(
				workflows.AttributeConnection.ValueSet("jc"),
				workflows.AttributeOutcome.ValueSet(workflows.TypeStillLocked),
				workflows.AttributeUnlockSent.ValueSet(string(sent)),
				workflows.AttributeUserID.ValueSet(userID)),
		}, workflows.UnlockUserName)
		return err == nil
	}, patience, 50*time.Millisecond, "a new namespace's search attributes are known late")
	if open {
		return
	}
	require.NoError(s.t, s.temporal.TerminateWorkflow(s.t.Context(), run.GetID(), run.GetRunID(), "as the test ordered"))
}
