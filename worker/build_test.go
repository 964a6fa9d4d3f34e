package worker

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/latchkey-iam/latchkey/workflows"
)

// TestBuildID: Temporal notes which build of the worker did what.
func TestBuildID(t *testing.T) {
	t.Parallel()
	s := newSite(t, keywords())
	s.config.BuildID = "v1.2.3"
	s.serve(s.config)
	run := s.start(workflows.Input{UserID: s.lockedUser("ada")})
	_, err := run.Result(t.Context())
	require.NoError(t, err)
	history := s.temporal.GetWorkflowHistory(t.Context(), run.WorkflowID, run.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	builds := map[string]bool{}
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		if done := event.GetWorkflowTaskCompletedEventAttributes(); done != nil {
			builds[done.GetDeploymentVersion().GetBuildId()] = true
		}
	}
	require.Equal(t, map[string]bool{"v1.2.3": true}, builds)
}
