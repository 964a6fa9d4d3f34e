package latchkeytest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Crowd is a population behind a connection that is served.
type Crowd struct {
	*Population
	t      *testing.T
	Name   string
	Client *client.Client
	Run    *client.Run
}

// FixedRecords is what visibility knows, as the test says.
type FixedRecords struct {
	Kept    time.Duration
	Unlocks map[string]int
	Err     error
}

// Retention is how long the namespace keeps closed runs.
func (r FixedRecords) Retention(context.Context) (time.Duration, error) { return r.Kept, r.Err }

// UnlocksOf counts the unlocks of those of the users who were unlocked.
func (r FixedRecords) UnlocksOf(_ context.Context, ids []string, _ time.Time) (map[string]int, error) {
	found := map[string]int{}
	for _, id := range ids {
		if n := r.Unlocks[id]; n > 0 {
			found[id] = n
		}
	}
	return found, r.Err
}

// Retained are records of a namespace that keeps enough.
func Retained(unlocks map[string]int) FixedRecords {
	return FixedRecords{Kept: 72 * time.Hour, Unlocks: unlocks}
}

// NewCrowd is a population whose connection is served.
func NewCrowd(t *testing.T, connection Connection, members ...*connectors.Account) *Crowd {
	t.Helper()
	c := UnservedCrowd(t, members...)
	c.Serve(connection)
	return c
}

// UnservedCrowd is a population whose connection nobody serves yet.
func UnservedCrowd(t *testing.T, members ...*connectors.Account) *Crowd {
	t.Helper()
	c := &Crowd{Population: NewPopulation(), t: t, Name: ConnectionName(), Client: &client.Client{Temporal: Server(t).Client}}
	c.Add(members...)
	return c
}

// Serve begins to serve the connection.
func (c *Crowd) Serve(connection Connection) {
	c.t.Helper()
	connection.Name, connection.Connector = c.Name, c
	connection.Rules = Planted(connection.Rules, len(connection.Rules.ApprovalFor) > 0)
	if connection.Records == nil {
		connection.Records = Retained(nil)
	}
	Server(c.t).Serve(c.t, connection)
}

// StartRaw starts with any input, whether the connection is served or not.
func (c *Crowd) StartRaw(workflow string, in any) {
	c.t.Helper()
	run, err := c.Client.Temporal.ExecuteWorkflow(c.t.Context(), temporalclient.StartWorkflowOptions{
		ID: "test/bulk/" + c.Name, TaskQueue: workflows.TaskQueue,
	}, workflow, in)
	require.NoError(c.t, err)
	c.Run = c.Client.Attach(run.GetID(), run.GetRunID())
}

// Fails runs to the end, which is a failure of the type with what was done so far.
func (c *Crowd) Fails(kind string) *client.Failure {
	c.t.Helper()
	_, err := c.End()
	var failure *client.Failure
	require.ErrorAs(c.t, err, &failure)
	require.Equal(c.t, kind, failure.Type, failure.Message)
	for _, personal := range append(Personal(), "member", "secret") {
		require.NotContains(c.t, failure.Message, personal, "failures are stored in the clear")
	}
	return failure
}

// Locked returns n members that failed sign-ins locked an hour ago.
func Locked(n int) []*connectors.Account {
	members := make([]*connectors.Account, n)
	for i := range members {
		members[i] = Member(i+1, FailedSignIns(time.Now()))
	}
	return members
}

// Start starts a bulk run.
func (c *Crowd) Start(in workflows.BulkInput) {
	c.t.Helper()
	in.Connection = c.Name
	run, err := c.Client.StartBulk(c.t.Context(), in)
	require.NoError(c.t, err)
	c.Run = run
}

// End waits for the end of the bulk run.
func (c *Crowd) End() (*workflows.BulkResult, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), Patience)
	defer cancel()
	return c.Run.BulkResult(ctx)
}

// Bulk runs to the end.
func (c *Crowd) Bulk(in workflows.BulkInput) *workflows.BulkResult {
	c.t.Helper()
	c.Start(in)
	result, err := c.End()
	require.NoError(c.t, err)
	return result
}

// Report is what became of each user; everybody has exactly one decision.
func (c *Crowd) Report() map[string]workflows.Decision {
	c.t.Helper()
	report := map[string]workflows.Decision{}
	require.NoError(c.t, c.Run.Decisions(c.t.Context(), func(d workflows.Decision) error {
		key := d.UserID
		if d.Reference != nil {
			key = d.Reference.Username + d.Reference.Email
		}
		require.NotContains(c.t, report, key, "two decisions on one user")
		require.NotEmpty(c.t, d.Explanation)
		report[key] = d
		return nil
	}))
	return report
}

// Await waits until the run is in a state.
func (c *Crowd) Await(state workflows.BulkState) *workflows.Progress {
	c.t.Helper()
	var progress *workflows.Progress
	require.Eventually(c.t, func() bool {
		var err error
		progress, err = c.Run.Progress(c.t.Context())
		return err == nil && progress.State == state
	}, Patience, 20*time.Millisecond)
	return progress
}

// Tell gives the run a command, such as to pause.
func (c *Crowd) Tell(what string) (*workflows.Progress, error) {
	return c.Run.Command(c.t.Context(), what, workflows.Command{RequestedBy: "otto", RequestReason: "INC-1"})
}

// Hold keeps every unlock from going on until release is closed; entered tells of each.
func (c *Crowd) Hold(most int) (entered chan string, release chan struct{}) {
	entered, release = make(chan string, most), make(chan struct{})
	c.OnUnlock = func(_ context.Context, id string) error {
		entered <- id
		<-release
		return nil
	}
	return entered, release
}

// Only is the one run of the connection whose ID begins so.
func (c *Crowd) Only(prefix string) *client.Run {
	c.t.Helper()
	var found *client.Run
	require.Eventually(c.t, func() bool {
		listed, err := c.Client.Temporal.ListWorkflow(c.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowId STARTS_WITH '%s%s/'", prefix, c.Name)})
		if err != nil || len(listed.GetExecutions()) != 1 {
			return false
		}
		execution := listed.GetExecutions()[0].GetExecution()
		found = c.Client.Attach(execution.GetWorkflowId(), execution.GetRunId())
		return true
	}, Patience, 20*time.Millisecond)
	return found
}

// Histories reads those of all runs of the chain.
func (c *Crowd) Histories() []*historypb.History {
	c.t.Helper()
	return Chain(c.t, c.Client.Temporal, c.Run.WorkflowID, c.Run.RunID)
}

// Chain reads the histories of all runs, from the first to the one that did not continue.
func Chain(t *testing.T, temporal temporalclient.Client, workflowID, runID string) []*historypb.History {
	t.Helper()
	var all []*historypb.History
	for runID != "" {
		history := History(t, temporal, workflowID, runID)
		all = append(all, history)
		last := history.GetEvents()[len(history.GetEvents())-1]
		require.NotEqual(t, enumspb.EVENT_TYPE_UNSPECIFIED, last.GetEventType())
		runID = last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return all
}

// Lacking is what a list lacks that could not be read whole.
func Lacking() connectors.Missing {
	return connectors.Missing{Rows: 2, UserIDs: []string{MemberID(9)}, Servers: []connectors.MissingServer{{Server: "two", Kind: connectors.Unavailable}}}
}

// RequireEnded fails unless the run left nothing open, holds no rule of the connection, and says
// how it ended.
func (c *Crowd) RequireEnded() {
	c.t.Helper()
	for _, history := range c.Histories() {
		RequireTimersEnded(c.t, history)
	}
	RequireNoRules(c.t, c.Histories()...)
	RequireNoRulesInChildren(c.t, c.Histories()...)
	described, err := c.Client.Temporal.DescribeWorkflow(c.t.Context(), c.Run.WorkflowID, "")
	require.NoError(c.t, err)
	outcome, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeOutcome)
	require.NotEmpty(c.t, outcome)
	details := Metadata(c.t, c.Client.Temporal, c.Run.WorkflowID, "").GetCurrentDetails()
	require.Contains(c.t, details, "**"+outcome+"**: ")
	switch outcome {
	case string(workflows.Completed), workflows.OutcomeListed, "cancelled":
	default:
		require.Contains(c.t, details, "What to do: ")
	}
}
