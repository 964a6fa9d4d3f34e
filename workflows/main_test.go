package workflows_test

import (
	"testing"
	"time"

	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// The times that the tests run with in place of those of production. They leave a busy
// machine under the race detector seconds for what takes an idle one milliseconds.
const (
	testAttemptTimeout = 12 * time.Second
	testVerifyGrace    = 3 * time.Second
	// testTimeout is for scenarios whose time runs out while the first attempt lasts.
	testTimeout = 8 * time.Second
	// testCeilingWindow is an hour of a ceiling, and testAsksPerRun how often one run is asked.
	testCeilingWindow = 20 * time.Second
	testAsksPerRun    = 4
)

func TestMain(m *testing.M) {
	workflows.SetTimes(testAttemptTimeout, testVerifyGrace, testTimeout)
	workflows.SetCeiling(testCeilingWindow, testAsksPerRun)
	latchkeytest.Main(m)
}
