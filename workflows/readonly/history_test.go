package readonly_test

import (
	"testing"
	"time"

	historypb "go.temporal.io/api/history/v1"

	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
	"github.com/latchkey-iam/latchkey/workflows/readonly"
)

// These take the place of the times of production.
const (
	testAttemptTimeout = 12 * time.Second
	testCheckTimeout   = 8 * time.Second
)

func TestMain(m *testing.M) {
	run.AttemptTimeout, run.ListTimeout = testAttemptTimeout, testAttemptTimeout
	readonly.SetCheckTimeout(testCheckTimeout)
	latchkeytest.Main(m)
}

func TestHistories(t *testing.T) {
	t.Parallel()
	plays := map[string]latchkeytest.Play{}
	for name, c := range checkups() {
		plays[name] = func(t *testing.T) []*historypb.History { t.Helper(); return []*historypb.History{events(t, c.play(t))} }
	}
	for name, play := range lists() {
		plays[name] = func(t *testing.T) []*historypb.History { t.Helper(); return play(t).Histories() }
	}
	latchkeytest.Histories(t, plays, readonly.Register)
}

func TestReplayNotices(t *testing.T) {
	t.Parallel()
	latchkeytest.ReplayNotices(t, "check finds all rights", workflows.CheckConnectionName)
	latchkeytest.ReplayNotices(t, "list of locked users", workflows.ListLockedUsersName)
}
