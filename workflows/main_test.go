package workflows_test

import (
	"testing"
	"time"

	"github.com/latchkey-iam/latchkey/internal/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// The times that the tests run with in place of those of production. They leave a busy
// machine under the race detector seconds for what takes an idle one milliseconds.
const (
	testAttemptTimeout = 12 * time.Second
	testVerifyGrace    = 3 * time.Second
	// testTimeout is for scenarios whose time runs out while the first attempt lasts.
	testTimeout = 8 * time.Second
)

func TestMain(m *testing.M) {
	workflows.SetTimes(testAttemptTimeout, testVerifyGrace, testTimeout)
	latchkeytest.Main(m)
}
