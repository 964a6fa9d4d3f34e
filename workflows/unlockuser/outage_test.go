package unlockuser_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/unlockuser"
)

// TestOutageOfDays waits a provider's outage out, in skipped time.
func TestOutageOfDays(t *testing.T) {
	t.Parallel()
	environment := latchkeytest.Connection{Name: "c-1"}.Environment()
	began := environment.Now()
	var asked atomic.Int64 // It fails for 48 hours; the environment makes ten attempts at most.
	account := latchkeytest.Account(latchkeytest.FailedSignIns(began))
	environment.OnActivity(activities.LookupName, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.LookupInput) (*activities.LookupResult, error) {
			if asked.Add(1) <= 8 {
				return nil, latchkeytest.FailAfter(connectors.Unavailable, 6*time.Hour)
			}
			return &activities.LookupResult{Account: account, Provider: "fake", Verdict: guard.Verdict{Decision: guard.Unlock}, ReadAt: began, Attempt: 9}, nil
		})
	environment.OnActivity(activities.UnlockName, mock.Anything, mock.Anything).Return(
		&activities.UnlockResult{Verdict: guard.Verdict{Decision: guard.Unlock}, Sent: connectors.Yes, Attempt: 1}, nil)
	environment.OnActivity(activities.VerifyName, mock.Anything, mock.Anything).Return(
		&activities.VerifyResult{Finding: activities.FoundClear, Account: latchkeytest.Account(), Attempt: 1}, nil)
	unlockuser.Register(environment, nil)
	environment.ExecuteWorkflow(workflows.UnlockUserName, workflows.Input{Connection: "c-1", UserID: latchkeytest.UserID, Timeout: workflows.Duration(72 * time.Hour)})
	require.NoError(t, environment.GetWorkflowError())
	var result workflows.Result
	require.NoError(t, environment.GetWorkflowResult(&result))
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.GreaterOrEqual(t, result.FinishedAt.Sub(result.StartedAt), 48*time.Hour)
}
