package unlockmany_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/registry"
)

// TestForgedCarried: what a run hands to the next one is taken from nobody else, who could
// claim with it what never happened.
func TestForgedCarried(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ input, want string }{
		"nothing":                    {`"carried":{}`, "leave it out"},
		"a result":                   {`"carried":{"result":{"counts":{"unlocked":1000},"interventions":[{"requestedBy":"boss"}]},"walkedAll":true}`, "leave it out"},
		"a list taken for everybody": {`"users":[{"userId":"` + latchkeytest.MemberID(1) + `"}],"carried":{"given":false}`, "leave it out"},
		"an unknown field":           {`"carried":{"nonsense":1}`, "is no field"},
		"no object":                  {`"carried":[]`, "carried has the wrong type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(2)...)
			c.StartRaw(workflows.UnlockLockedUsersName, json.RawMessage(fmt.Sprintf(`{"connection":%q,%s}`, c.Name, test.input)))
			require.Contains(t, c.Fails(workflows.TypeInvalidInput).Message, test.want)
			require.Empty(t, c.Unlocked())
		})
	}
	t.Run("null", func(t *testing.T) {
		t.Parallel()
		c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(2)...)
		c.StartRaw(workflows.UnlockLockedUsersName, json.RawMessage(fmt.Sprintf(`{"connection":%q,"carried":null}`, c.Name)))
		_, err := c.End()
		require.NoError(t, err)
		require.Len(t, c.Unlocked(), 2)
	})
	t.Run("by the client", func(t *testing.T) {
		t.Parallel()
		c := latchkeytest.NewCrowd(t, latchkeytest.Connection{})
		_, err := c.Client.StartBulk(t.Context(), workflows.BulkInput{Connection: c.Name, Carried: &workflows.Carried{}})
		var failure *client.Failure
		require.ErrorAs(t, err, &failure)
		require.Equal(t, workflows.TypeInvalidInput, failure.Type)
	})
}

// TestForgedCarriedBeganAnew: Temporal continues a run for a cron and for a retry too, with the
// input of whoever started it.
func TestForgedCarriedBeganAnew(t *testing.T) {
	t.Parallel()
	server := latchkeytest.Server(t)
	for name, options := range map[string]temporalclient.StartWorkflowOptions{
		"by a cron": {CronSchedule: "@every 1s"},
		// Nobody serves the queue at first, so that the first run times out.
		"by a retry": {WorkflowRunTimeout: 2 * time.Second, RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options.ID = "test/forged/" + latchkeytest.ConnectionName()
			options.TaskQueue = options.ID
			first, err := server.Client.ExecuteWorkflow(t.Context(), options, workflows.UnlockLockedUsersName,
				json.RawMessage(`{"connection":"nobody-serves-it","carried":{"result":{"counts":{"unlocked":1000}},"given":true,"walkedAll":true}}`))
			require.NoError(t, err)
			serve := func() {
				serving := worker.New(server.Client, options.TaskQueue, worker.Options{})
				registry.Register(serving, workflows.SearchAttributes)
				require.NoError(t, serving.Start())
				t.Cleanup(serving.Stop)
			}
			if options.CronSchedule != "" {
				serve()
			}
			later := ""
			require.Eventually(t, func() bool {
				described, err := server.Client.DescribeWorkflowExecution(t.Context(), options.ID, "")
				later = described.GetWorkflowExecutionInfo().GetExecution().GetRunId()
				return err == nil && later != first.GetRunID()
			}, latchkeytest.Patience, 20*time.Millisecond)
			if options.CronSchedule == "" {
				serve()
				later = "" // It may be cut off and begun anew once more, before it is served.
			}
			if options.CronSchedule != "" { // It begins anew for ever, with why in the event that ends a run.
				history := server.Client.GetWorkflowHistory(t.Context(), options.ID, later, true, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
				last, err := history.Next()
				require.NoError(t, err)
				failure := last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetFailure() //nolint:staticcheck // The server still writes it there.
				require.Equal(t, workflows.TypeInvalidInput, failure.GetApplicationFailureInfo().GetType())
				require.NoError(t, server.Client.TerminateWorkflow(t.Context(), options.ID, "", "the test is over"))
				return
			}
			_, err = (&client.Client{Temporal: server.Client}).Attach(options.ID, later).BulkResult(t.Context())
			var failure *client.Failure
			require.ErrorAs(t, err, &failure)
			require.Equal(t, workflows.TypeInvalidInput, failure.Type, failure.Message)
		})
	}
}

// TestForgedSignal: whoever may signal a bulk run cannot make it take its unlocks for ones that
// wait for an approval before they are asked for, and so unlock more than its policy allows.
func TestForgedSignal(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(3)...)
	c.Start(workflows.BulkInput{Policy: workflows.Policy{MaxPerRun: to(1), Concurrency: 1, Hold: &workflows.Hold{Above: to(0), Window: minutes(120)}}})
	c.Await(workflows.StateHeld)
	for i := range 3 {
		id := workflows.UnlockID(c.Name, latchkeytest.MemberID(i+1))
		require.NoError(t, c.Client.Temporal.SignalWorkflow(t.Context(), c.Run.WorkflowID, "", workflows.AwaitingApprovalSignal, id))
	}
	_, err := c.Tell(workflows.ReleaseUpdate)
	require.NoError(t, err)
	result, err := c.End()
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": 1, "skipped": 2}, result.Counts)
}

// TestAnothersID: a run under the ID of another account's unlock ends at once, and is in the way
// of nobody who asks for that one.
func TestAnothersID(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(2)...)
	byID, byName := connectors.UserRef{ID: latchkeytest.MemberID(1)}, connectors.UserRef{Username: "member1"}
	for name, test := range map[string]struct {
		id   string
		ref  connectors.UserRef
		kind string
	}{
		"another user's":           {id: workflows.UnlockID(c.Name, latchkeytest.MemberID(2)), ref: byID, kind: workflows.TypeInvalidInput},
		"its own, spelt otherwise": {id: workflows.UnlockID(c.Name, strings.ToUpper(latchkeytest.MemberID(1))), ref: byID, kind: workflows.TypeInvalidInput},
		"another connection's":     {id: workflows.UnlockID(c.Name+"-2", latchkeytest.MemberID(1)), ref: byID, kind: workflows.TypeInvalidInput},
		"a user's, by name":        {id: workflows.UnlockID(c.Name, latchkeytest.MemberID(3)), ref: byName, kind: workflows.TypeInvalidInput},
		"its own":                  {id: workflows.UnlockID(c.Name, latchkeytest.MemberID(1)), ref: byID},
		"its own, by name":         {id: workflows.UnlockID(c.Name, "by-name/1"), ref: byName},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started, err := c.Client.Temporal.ExecuteWorkflow(t.Context(), temporalclient.StartWorkflowOptions{ID: test.id, TaskQueue: workflows.TaskQueue},
				workflows.UnlockUserName, workflows.Input{Connection: c.Name, UserID: test.ref.ID, Username: test.ref.Username, RequestedBy: "soar"})
			require.NoError(t, err)
			_, err = c.Client.Attach(started.GetID(), started.GetRunID()).Result(t.Context())
			if test.kind == "" {
				require.NoError(t, err)
				return
			}
			var failure *client.Failure
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.kind, failure.Type)
			require.Contains(t, failure.Message, "the workflow ID is that of another account's unlock")
		})
	}
}
