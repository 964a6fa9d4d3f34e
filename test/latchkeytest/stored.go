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
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
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
