package latchkeytest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"

	latchkeyclient "github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// History reads a run's whole history.
func History(t *testing.T, temporal client.Client, workflowID, runID string) *historypb.History {
	t.Helper()
	history := &historypb.History{}
	iterator := temporal.GetWorkflowHistory(context.WithoutCancel(t.Context()), workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, event)
	}
	return history
}

// InClear is every text that Temporal holds of a run outside payloads, a line each: in its
// history, in its description, in the list of runs, and in what it says of itself.
func InClear(t *testing.T, temporal client.Client, workflowID, runID string) string {
	t.Helper()
	described, err := temporal.DescribeWorkflowExecution(t.Context(), workflowID, runID)
	require.NoError(t, err)
	var listed *workflowservice.ListWorkflowExecutionsResponse
	require.Eventually(t, func() bool { // Visibility is late.
		listed, err = temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowId = '%s' AND RunId = '%s'", workflowID, described.GetWorkflowExecutionInfo().GetExecution().GetRunId())})
		return err == nil && len(listed.GetExecutions()) == 1
	}, Patience, 20*time.Millisecond)
	return Texts(t, History(t, temporal, workflowID, runID), false) + Texts(t, described, false) + Texts(t, listed, false) +
		Texts(t, Metadata(t, temporal, workflowID, runID), true)
}

// Metadata asks a run for what the Temporal UI shows of it now.
func Metadata(t *testing.T, temporal client.Client, workflowID, runID string) *sdkpb.WorkflowMetadata {
	t.Helper()
	answer, err := temporal.QueryWorkflow(t.Context(), workflowID, runID, "__temporal_workflow_metadata")
	require.NoError(t, err)
	var told sdkpb.WorkflowMetadata
	require.NoError(t, answer.Get(&told))
	return &told
}

// Texts returns every text in a message, a line each, with or without what payloads hold.
// A summary, a search attribute and a memo are payloads too, but are shown in the clear.
func Texts(t *testing.T, message protoreflect.ProtoMessage, payloads bool) string {
	t.Helper()
	var found strings.Builder
	require.NoError(t, protorange.Range(message.ProtoReflect(), func(at protopath.Values) error {
		if !payloads && withinPayload(at) {
			return nil
		}
		switch value := at.Index(-1).Value.Interface().(type) {
		case string:
			found.WriteString(value + "\n")
		case []byte:
			found.Write(append(value, '\n'))
		}
		return nil
	}))
	return found.String()
}

// withinPayload reports whether a value is the data of a payload that is not shown.
func withinPayload(at protopath.Values) bool {
	for i := range at.Len() {
		message, is := at.Index(i).Value.Interface().(protoreflect.Message)
		if !is {
			continue
		}
		switch message.Descriptor().FullName() {
		case "temporal.api.common.v1.SearchAttributes", "temporal.api.common.v1.Memo", "temporal.api.sdk.v1.UserMetadata":
			return false
		case "temporal.api.common.v1.Payload":
			return i+1 < at.Len() && at.Index(i+1).Step.FieldDescriptor().Name() == "data"
		}
	}
	return false
}

// RequireClear fails when anything of a person's, or what a caller wrote, stands outside
// payloads in what Temporal stores of a run.
func RequireClear(t *testing.T, workflowID, runID string) {
	t.Helper()
	texts := InClear(t, Server(t).Client, workflowID, runID)
	require.Contains(t, texts, workflowID)
	for _, private := range append(Personal(), "member", "soar", "INC-", "boss", "I called her", "otto") {
		require.NotContains(t, texts, private)
	}
}

// RequireFindable fails unless the run can be found by its connection and its end.
func RequireFindable(t *testing.T, workflowID, runID, connection, outcome string) {
	t.Helper()
	described, err := Server(t).Client.DescribeWorkflow(t.Context(), workflowID, runID)
	require.NoError(t, err)
	at, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeConnection)
	require.Equal(t, connection, at)
	ended, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeOutcome)
	require.Equal(t, outcome, ended)
	require.False(t, described.TypedSearchAttributes.ContainsKey(workflows.AttributeAwaiting), "nothing is waited for any more")
}

// RequireTimersEnded fails when a timer outlives the wait that it bounds.
func RequireTimersEnded(t *testing.T, history *historypb.History) {
	t.Helper()
	open := 0
	for _, event := range history.GetEvents() {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_TIMER_STARTED:
			open++
		case enumspb.EVENT_TYPE_TIMER_CANCELED, enumspb.EVENT_TYPE_TIMER_FIRED:
			open--
		default:
		}
	}
	require.Zero(t, open)
}

// maxDetails is what Temporal takes as static details.
const maxDetails = 20_000

// RequireShown fails unless all that a run did and does is said, in words that name nobody.
func RequireShown(t *testing.T, run *latchkeyclient.Run, expected workflows.Shown) {
	t.Helper()
	temporal := Server(t).Client
	described, err := temporal.DescribeWorkflowExecution(t.Context(), run.WorkflowID, run.RunID)
	require.NoError(t, err)
	var shown workflows.Shown
	started := described.GetExecutionConfig().GetUserMetadata()
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(started.GetSummary(), &shown.Summary))
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(started.GetDetails(), &shown.Details))
	require.Equal(t, expected, shown)
	require.Less(t, len(shown.Details), maxDetails)
	for _, event := range History(t, temporal, run.WorkflowID, run.RunID).GetEvents() {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
			require.NotEmpty(t, event.GetUserMetadata().GetSummary().GetData(), event.GetEventType().String())
		default:
		}
	}
	RequireClear(t, run.WorkflowID, run.RunID)
}
