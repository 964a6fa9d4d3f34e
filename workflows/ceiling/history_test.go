package ceiling_test

import (
	"testing"
	"time"

	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/ceiling"
)

const (
	// testCeilingWindow is an hour of a ceiling, and testAsksPerRun how often one run is asked.
	testCeilingWindow = 20 * time.Second
	testAsksPerRun    = 4
)

func TestMain(m *testing.M) {
	ceiling.SetCeiling(testCeilingWindow, testAsksPerRun)
	latchkeytest.Main(m)
}

func TestHistories(t *testing.T) {
	t.Parallel()
	latchkeytest.Histories(t, ceilings(), ceiling.Register)
}

func TestReplayNotices(t *testing.T) {
	t.Parallel()
	latchkeytest.ReplayNotices(t, "ceiling chain", workflows.KeepCeilingName)
}
