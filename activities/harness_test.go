package activities_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

const connection = "jc-prod"

// bench runs activities of one connection against a scripted provider.
type bench struct {
	*latchkeytest.Connector
	environment *testsuite.TestActivityEnvironment
	rules       guard.Rules
	ceiling     activities.Ceiling
	logs        *observer.ObservedLogs
	steps       *activities.Activities
}

func newBench(account *connectors.Account) *bench {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	core, logs := observer.New(zap.DebugLevel)
	b := &bench{Connector: latchkeytest.NewConnector(account), environment: suite.NewTestActivityEnvironment(), logs: logs}
	b.steps = &activities.Activities{
		Connection: connection, Provider: latchkeytest.Provider, Connector: b, AbsentID: latchkeytest.AbsentID, Audit: zap.New(core),
	}
	b.environment.SetWorkerOptions(sdkworker.Options{Interceptors: b.steps.Interceptors()})
	return b
}

// run executes one attempt and returns what it answered.
func run[R any](b *bench, step any, in any) (*R, error) {
	b.steps.Rules, b.steps.Ceiling = b.rules, b.ceiling
	b.environment.RegisterActivity(step)
	value, err := b.environment.ExecuteActivity(step, in)
	if err != nil {
		return nil, err
	}
	var result R
	return &result, value.Get(&result)
}

// requireFailure takes an attempt's failure apart.
func requireFailure(t *testing.T, err error, kind string) (*temporal.ApplicationError, activities.FailureDetails) {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, kind, failure.Type())
	for _, personal := range latchkeytest.Personal() {
		require.NotContains(t, failure.Error(), personal)
	}
	var details activities.FailureDetails
	require.NoError(t, failure.Details(&details))
	return failure, details
}

// unlockInput is an unlock of the account whose look-up is this old.
func unlockInput(b *bench, age time.Duration) activities.UnlockInput {
	return activities.UnlockInput{Account: b.Account().WithoutUser(), ReadAt: time.Now().Add(-age), Demands: activities.Demands{RequestedBy: "soar"}, RequestReason: "INC-4711"}
}

// failOnce fails the first unlock.
func failOnce(failure error) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		if n == 1 {
			return failure
		}
		return nil
	}
}

// locked is an account that failed sign-ins locked.
func locked() *connectors.Account {
	return latchkeytest.Account(latchkeytest.FailedSignIns(time.Now()))
}
