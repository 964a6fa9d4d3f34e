package workflows_test

import (
	"testing"
	"time"

	"github.com/latchkey-iam/latchkey/internal/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// The times that the tests run with in place of those of production.
const (
	testAttemptTimeout = 3 * time.Second
	testVerifyGrace    = 2 * time.Second
)

func TestMain(m *testing.M) {
	workflows.SetTimes(testAttemptTimeout, testVerifyGrace)
	latchkeytest.Main(m)
}
