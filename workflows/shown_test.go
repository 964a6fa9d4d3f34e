package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// maxDetails is what Temporal takes as static details.
const maxDetails = 20_000

// requireShown fails unless all that a run did and does is said, in words that name nobody.
func requireShown(t *testing.T, run *client.Run, expected workflows.Shown) {
	t.Helper()
	temporal := latchkeytest.Server(t).Client
	described, err := temporal.DescribeWorkflowExecution(t.Context(), run.WorkflowID, run.RunID)
	require.NoError(t, err)
	var shown workflows.Shown
	started := described.GetExecutionConfig().GetUserMetadata()
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(started.GetSummary(), &shown.Summary))
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(started.GetDetails(), &shown.Details))
	require.Equal(t, expected, shown)
	require.Less(t, len(shown.Details), maxDetails)
	for _, event := range latchkeytest.History(t, temporal, run.WorkflowID, run.RunID).GetEvents() {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
			require.NotEmpty(t, event.GetUserMetadata().GetSummary().GetData(), event.GetEventType().String())
		default:
		}
	}
	requireClear(t, run.WorkflowID, run.RunID)
}

// TestShown: whatever starts a run, the Temporal UI says what it does, what can be done to
// it, and how it stands.
func TestShown(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, latchkeytest.Connection{}, locked(1)...)
	in := workflows.Input{Connection: c.name, UserID: latchkeytest.MemberID(1), RequestedBy: "soar", RequestReason: "INC-4711"}

	c.bulk(workflows.BulkInput{RequestedBy: "soar", RequestReason: "INC-4711"})
	requireShown(t, c.run, workflows.ShownBulk(c.name))
	require.Contains(t, latchkeytest.Metadata(t, latchkeytest.Server(t).Client, c.run.WorkflowID, c.run.RunID).GetCurrentDetails(), "1 of 1 users decided")
	child := c.only("unlock/")
	requireShown(t, child, workflows.ShownUnlock(c.name))

	run, err := c.client.Start(t.Context(), in)
	require.NoError(t, err)
	_, err = run.Result(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, child.RunID, run.RunID)
	requireShown(t, run, workflows.ShownUnlock(c.name))
	require.Contains(t, latchkeytest.Metadata(t, latchkeytest.Server(t).Client, run.WorkflowID, run.RunID).GetCurrentDetails(), "**already_unlocked**")
}

// TestShownOfQuestions: so do the runs that only ask.
func TestShownOfQuestions(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, latchkeytest.Connection{}, locked(1)...)
	_, err := c.client.CheckConnection(t.Context(), c.name)
	require.NoError(t, err)
	require.NoError(t, c.client.Locked(t.Context(), workflows.ListInput{Connection: c.name}, func(*activities.ListLockedResult) error { return nil }))
	requireShown(t, c.only("check/"), workflows.ShownCheck(c.name))
	requireShown(t, c.only("list/"), workflows.ShownList(c.name))
}

// only is the one run of the connection whose ID begins so.
func (c *crowd) only(prefix string) *client.Run {
	c.t.Helper()
	var found *client.Run
	require.Eventually(c.t, func() bool {
		listed, err := c.client.Temporal.ListWorkflow(c.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowId STARTS_WITH '%s%s/'", prefix, c.name)})
		if err != nil || len(listed.GetExecutions()) != 1 {
			return false
		}
		execution := listed.GetExecutions()[0].GetExecution()
		found = c.client.Attach(execution.GetWorkflowId(), execution.GetRunId())
		return true
	}, latchkeytest.Patience, 20*time.Millisecond)
	return found
}

// TestShownWhileWaiting: a run that waits for an approval says so, until when, and how to
// answer; then what became of it.
func TestShownWhileWaiting(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, latchkeytest.Connection{Rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}}}, locked(1)...)
	s := c.startOne(workflows.Input{Connection: c.name, UserID: latchkeytest.MemberID(1), RequestedBy: "soar"})
	run := c.client.Attach(s.run.GetID(), s.run.GetRunID())
	s.awaitStep(t, workflows.StepApproval)
	waiting := latchkeytest.Metadata(t, latchkeytest.Server(t).Client, run.WorkflowID, run.RunID).GetCurrentDetails()
	for _, part := range []string{"**approval**", c.name, "always", "`approve`", "`deny`", time.Now().UTC().Format("2006-"), "approval_expired"} {
		require.Contains(t, waiting, part)
	}
	requireShown(t, run, workflows.ShownUnlock(c.name))
	var updates []string
	for _, each := range latchkeytest.Metadata(t, latchkeytest.Server(t).Client, run.WorkflowID, run.RunID).GetDefinition().GetUpdateDefinitions() {
		updates = append(updates, each.GetName())
		require.NotEmpty(t, each.GetDescription(), each.GetName())
	}
	require.Subset(t, updates, []string{workflows.ApproveUpdate, workflows.DenyUpdate})
	require.NoError(t, s.answer(t.Context(), workflows.ApproveUpdate, "boss"))
	result, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Contains(t, latchkeytest.Metadata(t, latchkeytest.Server(t).Client, run.WorkflowID, run.RunID).GetCurrentDetails(), "**unlocked**")
}
