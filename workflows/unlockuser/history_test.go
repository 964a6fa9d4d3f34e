package unlockuser_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/unlockuser"
)

// events reads the history of a scenario's run.
func events(t *testing.T, s *stage) *historypb.History {
	t.Helper()
	return latchkeytest.History(t, s.Temporal.Client, s.run.GetID(), s.run.GetRunID())
}

func TestHistories(t *testing.T) {
	t.Parallel()
	plays := map[string]latchkeytest.Play{}
	for _, group := range scenarios() {
		for name, c := range group {
			plays[name] = func(t *testing.T) []*historypb.History { t.Helper(); return []*historypb.History{events(t, c.play(t))} }
		}
	}
	latchkeytest.Histories(t, plays, unlockuser.Register)
}

func TestReplayNotices(t *testing.T) {
	t.Parallel()
	latchkeytest.ReplayNotices(t, "unlocked", workflows.UnlockUserName)
}

// TestEveryOutcomeIsRecorded: an outcome or a failure without a history would not be replayed.
func TestEveryOutcomeIsRecorded(t *testing.T) {
	t.Parallel()
	ends := map[string]bool{}
	for _, group := range scenarios() {
		for _, c := range group {
			ends[string(c.outcome)], ends[c.failure] = true, true
		}
	}
	for _, outcome := range workflows.Outcomes() {
		require.True(t, ends[string(outcome)], outcome)
	}
	for _, kind := range workflows.FailureTypes() {
		require.True(t, ends[kind], kind)
	}
}
