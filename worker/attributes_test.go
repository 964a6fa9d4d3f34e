package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// starting is a Temporal server that does not answer at first.
type starting struct {
	sdkclient.Client
	operatorservice.OperatorServiceClient

	failures, asked int
	// stop is called with the last failure.
	stop context.CancelFunc
}

func (s *starting) OperatorService() operatorservice.OperatorServiceClient { return s }

func (s *starting) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	if s.asked++; s.asked <= s.failures {
		if s.asked == s.failures {
			s.stop()
		}
		return nil, serviceerror.NewUnavailable("it is starting")
	}
	there := map[string]enumspb.IndexedValueType{}
	for _, name := range workflows.SearchAttributes() {
		there[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: there}, nil
}

// TestAttributesOfAServerThatStarts: a worker that starts before Temporal answers must not take
// the search attributes for lacking, in all runs that it is going to serve.
func TestAttributesOfAServerThatStarts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failures int
		stopped  bool
		known    []string
	}{
		"answers at once":                 {known: workflows.SearchAttributes()},
		"answers after a while":           {failures: 3, known: workflows.SearchAttributes()},
		"the worker is stopped meanwhile": {failures: 3, stopped: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			server := &starting{failures: test.failures, stop: func() {}}
			if test.stopped {
				server.stop = cancel
			}
			require.Equal(t, test.known, newAttributes(ctx, server, "default", zap.NewNop()).known())
		})
	}
}

// TestAttributesGoAndCome: search attributes may be removed and registered under a running
// worker. Every run ends all the same, those that were open included, and those that begin
// once the attributes are back can be found by them.
func TestAttributesGoAndCome(t *testing.T) {
	t.Parallel()
	s := newSite(t, keywords())
	s.serve(s.config)
	require.Equal(t, workflows.Unlocked, s.unlock(workflows.Input{UserID: s.lockedUser("before")}).Outcome)
	waiting := s.start(workflows.Input{UserID: s.lockedUser("waiting"), RequestedBy: "soar", Approval: workflows.Approval{Required: true}})
	require.Eventually(t, func() bool {
		status, err := waiting.Status(t.Context())
		return err == nil && status.Step == workflows.StepApproval
	}, patience, 20*time.Millisecond)
	bulk := s.chain()

	_, err := s.temporal.OperatorService().RemoveSearchAttributes(t.Context(), &operatorservice.RemoveSearchAttributesRequest{
		Namespace: s.namespace, SearchAttributes: workflows.SearchAttributes()})
	require.NoError(t, err)
	require.Eventually(t, func() bool { // The server's own cache lags.
		_, err := s.temporal.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: s.namespace, Query: workflows.AttributeConnection.GetName() + " = 'jc'"})
		return err != nil
	}, patience, 50*time.Millisecond)
	// A task that the server refuses answers nobody, so that what it would have answered is
	// asked again.
	require.Eventually(t, func() bool {
		_, err := bulk.Command(t.Context(), workflows.ResumeUpdate, workflows.Command{})
		return err == nil
	}, patience, 50*time.Millisecond)
	require.Equal(t, workflows.Unlocked, s.unlock(workflows.Input{UserID: s.lockedUser("meanwhile")}).Outcome)
	require.Eventually(t, func() bool {
		return waiting.Approve(t.Context(), workflows.Answer{By: "boss"}) == nil
	}, patience, 50*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result, err := waiting.Result(ctx)
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	all, err := bulk.BulkResult(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, all.Runs)

	require.Regexp(t, `temporal_request_failure_total\{[^}]*operation="RespondWorkflowTaskCompleted"`, s.metrics.read(), "a task that the server refuses is counted")

	_, err = s.temporal.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{Namespace: s.namespace, SearchAttributes: keywords()})
	require.NoError(t, err)
	id := s.lockedUser("after")
	require.Eventually(t, func() bool {
		run := s.start(workflows.Input{UserID: id})
		_, err := run.Result(t.Context())
		require.NoError(t, err)
		described, err := s.temporal.DescribeWorkflow(t.Context(), run.WorkflowID, run.RunID)
		require.NoError(t, err)
		found, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeConnection)
		return found == "jc"
	}, patience, time.Second)
}

// chain starts a bulk run of two runs, and returns it paused in the first.
func (s *site) chain() *client.Run {
	s.t.Helper()
	users := []connectors.UserRef{{ID: s.lockedUser("in-a-list")}}
	for n := range 250 {
		users = append(users, connectors.UserRef{ID: fmt.Sprintf("%024x", n)})
	}
	run, err := s.client.StartBulk(s.t.Context(), workflows.BulkInput{Connection: "jc", Users: users, Policy: workflows.Policy{Concurrency: 100}})
	require.NoError(s.t, err)
	require.Eventually(s.t, func() bool {
		_, err := run.Command(s.t.Context(), workflows.PauseUpdate, workflows.Command{})
		return err == nil
	}, patience, 20*time.Millisecond)
	return run
}
