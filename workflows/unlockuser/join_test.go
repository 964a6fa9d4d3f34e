package unlockuser_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// joins are runs that are joined and asked for their status while they are open.
func joins() map[string]scenario {
	return map[string]scenario{
		"joined": {
			script: func(s *stage) {
				s.OnUnlock = func(context.Context, int) error { <-s.reached; return nil }
			},
			meanwhile: func(t *testing.T, s *stage) {
				t.Helper()
				defer close(s.reached)
				handle, err := s.Temporal.Client.UpdateWorkflow(t.Context(), temporalclient.UpdateWorkflowOptions{
					WorkflowID: s.run.GetID(), RunID: s.run.GetRunID(), UpdateName: workflows.JoinUpdate,
					WaitForStage: temporalclient.WorkflowUpdateStageCompleted, Args: []any{workflows.Join{RequestedBy: "help desk"}},
				})
				require.NoError(t, err)
				require.NoError(t, handle.Get(t.Context(), nil))
				status := query(t, s)
				require.Equal(t, []workflows.Join{{RequestedBy: "help desk"}}, status.Joined)
				require.Contains(t, []workflows.Step{workflows.StepLookup, workflows.StepUnlock}, status.Step)
			},
			outcome: workflows.Unlocked, sent: connectors.Yes,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				status := query(t, s)
				require.Equal(t, workflows.StepDone, status.Step)
				require.Equal(t, workflows.Unlocked, status.Result.Outcome)
				require.Equal(t, "soar", result.RequestedBy, "who joins does not become who asked")
			},
		},
	}
}

// query asks a run for its status.
func query(t *testing.T, s *stage) workflows.Status {
	t.Helper()
	value, err := s.Temporal.Client.QueryWorkflow(t.Context(), s.run.GetID(), s.run.GetRunID(), workflows.StatusQuery)
	require.NoError(t, err)
	var status workflows.Status
	require.NoError(t, value.Get(&status))
	return status
}
