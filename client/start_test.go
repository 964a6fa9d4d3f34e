package client_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// maxCleanEvents is how long the history of a clean unlock may get. One event is what the
// namespace has of search attributes, which a replay must find.
const maxCleanEvents = 25

// bare is Temporal as it answers in a namespace without Latchkey's search attributes.
type bare struct{ temporalclient.Client }

func (b bare) ExecuteWorkflow(ctx context.Context, options temporalclient.StartWorkflowOptions, workflow any, in ...any) (temporalclient.WorkflowRun, error) {
	if options.TypedSearchAttributes.Size() > 0 {
		return nil, serviceerror.NewInvalidArgument("the namespace has no mapping defined for a search attribute")
	}
	return b.Client.ExecuteWorkflow(ctx, options, workflow, in...)
}

// TestStartedWithItsConnection: an unlock is found by its connection from the start, which
// takes no event; in a namespace that cannot, it is started all the same.
func TestStartedWithItsConnection(t *testing.T) {
	t.Parallel()
	for name, withThem := range map[string]bool{"with search attributes": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.open()
			if !withThem {
				d.client = &client.Client{Temporal: bare{d.client.Temporal}}
			}
			run := d.start(t, d.input())
			result, err := run.Result(t.Context())
			require.NoError(t, err)
			require.Equal(t, workflows.Unlocked, result.Outcome)
			history := latchkeytest.History(t, d.client.Temporal, run.WorkflowID, run.RunID).GetEvents()
			started := history[0].GetWorkflowExecutionStartedEventAttributes().GetSearchAttributes().GetIndexedFields()
			require.Equal(t, withThem, started[workflows.AttributeConnection.GetName()] != nil)
			if withThem {
				require.LessOrEqual(t, len(history), maxCleanEvents)
			}
		})
	}
}
