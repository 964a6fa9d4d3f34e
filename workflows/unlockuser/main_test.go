package unlockuser_test

import (
	"testing"
	"time"

	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
	"github.com/latchkey-iam/latchkey/workflows/unlockuser"
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
	run.AttemptTimeout = testAttemptTimeout
	unlockuser.SetGrace(testVerifyGrace)
	latchkeytest.Main(m)
}
