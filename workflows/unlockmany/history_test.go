package unlockmany_test

import (
	"testing"

	historypb "go.temporal.io/api/history/v1"

	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/unlockmany"
)

func TestHistories(t *testing.T) {
	t.Parallel()
	plays := map[string]latchkeytest.Play{}
	for name, play := range bulkEnds() {
		plays[name] = func(t *testing.T) []*historypb.History { t.Helper(); return play(t).Histories() }
	}
	latchkeytest.Histories(t, plays, unlockmany.Register)
}

func TestReplayNotices(t *testing.T) {
	t.Parallel()
	latchkeytest.ReplayNotices(t, "bulk released", workflows.UnlockLockedUsersName)
	latchkeytest.ReplayNotices(t, "bulk chain, run 2", workflows.UnlockLockedUsersName)
}
