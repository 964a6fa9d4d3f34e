package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Waiting is a request that waits for an approval.
type Waiting struct {
	WorkflowID    string    `json:"workflowId"`
	RunID         string    `json:"runId"`
	StartedAt     time.Time `json:"startedAt"`
	Connection    string    `json:"connection"`
	UserID        string    `json:"userId"`
	RequestedBy   string    `json:"requestedBy,omitempty"`
	RequestReason string    `json:"requestReason,omitempty"`
	// Joined are the first of those who joined, JoinedMore how many others there are.
	Joined     []workflows.Join `json:"joined,omitempty"`
	JoinedMore int              `json:"joinedMore,omitempty"`
	// Cases say why an approval is needed; see workflows.ApprovalRecord.
	Cases []string `json:"cases"`
	// Until is when the request expires; null when Unknown.
	Until *time.Time `json:"until"`
	// Before is the account's state as it was read.
	Before *connectors.State `json:"before"`
	// Unknown says why the request says nothing of itself: no worker answered.
	Unknown string `json:"unknown,omitempty"`
}

// waitingPage is how many requests are asked at a time.
const waitingPage = 20

// Awaiting hands each page of the requests that wait for an approval to take, until there
// are no more or take fails; of one connection, or of all when it is empty. Temporal's
// visibility lags by seconds.
func (c *Client) Awaiting(ctx context.Context, connection string, take func([]Waiting) error) error {
	query := fmt.Sprintf("%s = '%s' AND ExecutionStatus = 'Running' AND WorkflowType = '%s'",
		workflows.AttributeAwaiting.GetName(), workflows.AwaitingApproval, workflows.UnlockUserName)
	if connection != "" {
		if err := workflows.ValidateConnection(connection); err != nil {
			return invalid(err)
		}
		query += fmt.Sprintf(" AND %s = '%s'", workflows.AttributeConnection.GetName(), connection)
	}
	request := &workflowservice.ListWorkflowExecutionsRequest{PageSize: waitingPage, Query: query}
	for {
		listed, err := c.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return listFailure(err)
		}
		page, err := c.waiting(ctx, listed.GetExecutions())
		if err != nil {
			return err
		}
		if err := take(page); err != nil {
			return err
		}
		if request.NextPageToken = listed.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return nil
		}
	}
}

// listFailure is the error of a list, which fails in a namespace without the search attributes.
func listFailure(err error) error {
	var invalid *serviceerror.InvalidArgument
	if errors.As(err, &invalid) && (strings.Contains(invalid.Message, workflows.AttributeAwaiting.GetName()) ||
		strings.Contains(invalid.Message, workflows.AttributeConnection.GetName())) {
		return &Failure{Type: workflows.TypeNotSetUp, Message: "the namespace lacks Latchkey's search attributes, by which requests are found; register them"}
	}
	return fmt.Errorf("list the requests that wait for an approval: %w", err)
}

// waiting asks each run what it waits for, all at once, and leaves out those that wait no longer.
func (c *Client) waiting(ctx context.Context, runs []*workflowpb.WorkflowExecutionInfo) ([]Waiting, error) {
	asked := make([]*Waiting, len(runs))
	var all sync.WaitGroup
	for i, run := range runs {
		all.Go(func() { asked[i] = c.ask(ctx, run) })
	}
	all.Wait()
	page := make([]Waiting, 0, len(runs))
	for _, each := range asked {
		if each != nil {
			page = append(page, *each)
		}
	}
	return page, ctx.Err()
}

// ask returns nil when the run waits no more.
func (c *Client) ask(ctx context.Context, run *workflowpb.WorkflowExecutionInfo) *Waiting {
	waiting := &Waiting{
		WorkflowID: run.GetExecution().GetWorkflowId(),
		RunID:      run.GetExecution().GetRunId(),
		StartedAt:  run.GetStartTime().AsTime(),
		Connection: indexed(run, workflows.AttributeConnection),
		UserID:     indexed(run, workflows.AttributeUserID),
	}
	status, err := c.Attach(waiting.WorkflowID, waiting.RunID).Status(ctx)
	switch {
	case gone(err):
		return nil
	case err != nil:
		waiting.Unknown = noAnswer
		return waiting
	case status.Step != workflows.StepApproval || status.Result.Approval == nil:
		return nil
	}
	result := &status.Result
	waiting.Connection, waiting.UserID, waiting.Before = result.Connection, result.UserID, result.Before
	waiting.RequestedBy, waiting.RequestReason = result.RequestedBy, result.RequestReason
	waiting.Joined, waiting.JoinedMore = status.Joined, status.JoinedMore
	waiting.Cases, waiting.Until = result.Approval.Cases, &result.Approval.Until
	return waiting
}

// gone reports whether the run that was asked is closed.
func gone(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}

// noAnswer says why an open run says nothing of itself.
const noAnswer = "no worker answered: check that one is running"

// askTimeout bounds the wait for the answer of a worker that may not be there.
const askTimeout = 2 * time.Second

// Status asks an unlock for its step, and its result so far. A worker must serve workflows.
func (r *Run) Status(ctx context.Context) (*workflows.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, err := r.client.Temporal.QueryWorkflow(ctx, r.WorkflowID, r.RunID, workflows.StatusQuery)
	if err != nil {
		return nil, err
	}
	var status workflows.Status
	return &status, answer.Get(&status)
}

// indexed reads a search attribute of a run; it is empty when there is none.
func indexed(run *workflowpb.WorkflowExecutionInfo, key temporal.SearchAttributeKeyKeyword) string {
	var value string
	payload := run.GetSearchAttributes().GetIndexedFields()[key.GetName()]
	if converter.GetDefaultDataConverter().FromPayload(payload, &value) != nil { // Search attributes are never encoded.
		return ""
	}
	return value
}

// Approve approves the request: this very run, where RunID says which. One that does not take
// the answer, of this name or at all, is a *Failure of type workflows.TypeRejected that says why.
// What became of it is the run's result.
func (r *Run) Approve(ctx context.Context, answer workflows.Answer) error {
	return r.answer(ctx, workflows.ApproveUpdate, answer)
}

// Deny denies the request, and fails as Approve does.
func (r *Run) Deny(ctx context.Context, answer workflows.Answer) error {
	return r.answer(ctx, workflows.DenyUpdate, answer)
}

// answer answers the run that it looked at, and says which that was.
func (r *Run) answer(ctx context.Context, update string, answer workflows.Answer) error {
	view, err := r.takes(ctx, workflows.UnlockUserName, "waits for no approval")
	if err != nil {
		return err
	}
	r.RunID = view.RunID
	return r.update(ctx, view, update, answer, nil)
}
