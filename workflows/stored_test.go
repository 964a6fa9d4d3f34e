package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// requireClear fails when anything of a person's, or what a caller wrote, stands outside
// payloads in what Temporal stores of a run.
func requireClear(t *testing.T, workflowID, runID string) {
	t.Helper()
	texts := latchkeytest.InClear(t, latchkeytest.Server(t).Client, workflowID, runID)
	require.Contains(t, texts, workflowID)
	for _, private := range append(latchkeytest.Personal(), "member", "soar", "INC-", "boss", "I called her", "otto") {
		require.NotContains(t, texts, private)
	}
}

// requireCounted: what was, or may have been, sent is told, however the run ended or goes on.
func (s *stage) requireCounted(t *testing.T, sent connectors.Answer) {
	t.Helper()
	described, err := s.Temporal.Client.DescribeWorkflow(t.Context(), s.run.GetID(), s.run.GetRunID())
	require.NoError(t, err)
	told, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeUnlockSent)
	if sent == connectors.No {
		sent = ""
	}
	require.Equal(t, string(sent), told)
}

// requireFindable fails unless the run can be found by its connection and its end.
func requireFindable(t *testing.T, workflowID, runID, connection, outcome string) {
	t.Helper()
	described, err := latchkeytest.Server(t).Client.DescribeWorkflow(t.Context(), workflowID, runID)
	require.NoError(t, err)
	at, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeConnection)
	require.Equal(t, connection, at)
	ended, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeOutcome)
	require.Equal(t, outcome, ended)
	require.False(t, described.TypedSearchAttributes.ContainsKey(workflows.AttributeAwaiting), "nothing is waited for any more")
}
