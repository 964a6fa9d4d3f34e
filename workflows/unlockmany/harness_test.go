package unlockmany_test

import (
	"testing"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

func TestMain(m *testing.M) {
	run.AttemptTimeout, run.ListTimeout = testAttemptTimeout, testAttemptTimeout
	latchkeytest.Main(m)
}

// These take the place of the times of production.
const (
	testAttemptTimeout = 12 * time.Second
	// testTimeout is for runs whose time runs out while the first attempt lasts.
	testTimeout = 8 * time.Second
)

func to[T any](value T) *T { return &value }

func minutes(n int) workflows.Duration { return workflows.Duration(time.Duration(n) * time.Minute) }

// noDate is a lock that the provider does not date.
func noDate() connectors.Lock {
	return connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn}
}

func since(ago time.Duration, reason connectors.Reason) connectors.Lock {
	lock := latchkeytest.FailedSignIns(time.Now().Add(time.Hour - ago))
	lock.Reason = reason
	return lock
}

// manySuspended is how many of mostlySuspended are left out: they fill a run at little cost.
const manySuspended = 240

// mostlySuspended returns n members, the first of whom are suspended.
func mostlySuspended(n int) []*connectors.Account {
	members := latchkeytest.Locked(n)
	for _, member := range members[:manySuspended] {
		member.State.Suspended = true
	}
	return members
}
