package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/registry"
)

// encoded is a client in a namespace of its own where all is stored encoded, failures too.
func encoded(t *testing.T, connection latchkeytest.Connection) *client.Client {
	t.Helper()
	server := latchkeytest.Server(t)
	const namespace = "client-encoded"
	_, err := server.Client.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
	require.NoError(t, err)
	codec := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), converter.NewZlibCodec(converter.ZlibCodecOptions{AlwaysEncode: true}))
	connected, err := sdkclient.Dial(sdkclient.Options{HostPort: server.Address, Namespace: namespace, Logger: latchkeytest.Silent(), DataConverter: codec,
		FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: codec, EncodeCommonAttributes: true})})
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	flows := worker.New(connected, workflows.TaskQueue, worker.Options{LocalActivityWorkerOnly: true})
	registry.Register(flows, func() []string { return nil })
	for _, each := range []worker.Worker{flows, connection.Worker(connected)} {
		require.Eventually(t, func() bool { return each.Start() == nil }, latchkeytest.Patience, 200*time.Millisecond) // The namespace is new.
		t.Cleanup(each.Stop)
	}
	return &client.Client{Temporal: connected, Namespace: namespace, Converter: codec}
}

// TestEncoded: whatever the client reads, it reads with the converter of its connection.
func TestEncoded(t *testing.T) {
	t.Parallel()
	name, population := latchkeytest.ConnectionName(), latchkeytest.NewPopulation()
	population.Add(latchkeytest.Member(1, latchkeytest.PasswordLock()), latchkeytest.Member(2, latchkeytest.PasswordLock()))
	population.OnUnlock = func(_ context.Context, id string) error {
		if id == latchkeytest.MemberID(1) {
			return latchkeytest.FailAfter(connectors.RateLimited, time.Minute)
		}
		return nil
	}
	asking := encoded(t, latchkeytest.Connection{Name: name, Connector: population})

	in := workflows.Input{Connection: name, UserID: latchkeytest.MemberID(1), RequestedBy: "soar"}
	run, err := asking.Start(t.Context(), in)
	require.NoError(t, err)
	joined, err := asking.Start(t.Context(), workflows.Input{Connection: name, UserID: latchkeytest.MemberID(1), RequestedBy: "helper"})
	require.NoError(t, err)
	require.True(t, joined.Joined)
	require.Equal(t, run.RunID, joined.RunID)
	view := viewed(t, run, func(view *client.View) bool { return len(view.Pending) == 1 && view.Pending[0].LastFailure != nil })
	require.Equal(t, string(connectors.RateLimited), view.Pending[0].LastFailure.Type)
	require.Contains(t, view.Pending[0].LastFailure.Message, "as the test ordered")
	require.NoError(t, asking.Temporal.CancelWorkflow(t.Context(), run.WorkflowID, run.RunID))
	_, err = run.Wait(t.Context())
	require.NotNil(t, requireFailure(t, err, workflows.TypeCancelled).Result)

	bulk, err := asking.StartBulk(t.Context(), workflows.BulkInput{Connection: name, Users: []connectors.UserRef{{ID: latchkeytest.MemberID(2)}}})
	require.NoError(t, err)
	result, err := bulk.BulkResult(t.Context())
	require.NoError(t, err)
	var decisions []workflows.Decision
	require.NoError(t, bulk.Decisions(t.Context(), func(decision workflows.Decision) error {
		decisions = append(decisions, decision)
		return nil
	}))
	require.Equal(t, result.Decisions, decisions)

	most := 7
	policy := workflows.Policy{MaxPerRun: &most}
	schedule, err := asking.CreateSchedule(t.Context(), name, "encoded", client.ScheduleChange{Every: every(time.Hour), Policy: &policy})
	require.NoError(t, err)
	require.Equal(t, policy, schedule.Policy)
	require.NoError(t, asking.DeleteSchedule(t.Context(), "encoded"))
}
