package workflows_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestUnderstand reads the ends of a step that a server can tell of. What matters most: an
// attempt that may have sent an unlock is never taken for one that did not.
func TestUnderstand(t *testing.T) {
	t.Parallel()
	details := func(sent connectors.Answer, attempt int) activities.FailureDetails {
		return activities.FailureDetails{Sent: sent, Attempt: attempt}
	}
	application := func(kind string, told ...any) error {
		return temporal.NewApplicationErrorWithOptions("it failed", kind, temporal.ApplicationErrorOptions{Details: told})
	}
	const (
		start       = enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
		closed      = enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
		attempt     = enumspb.TIMEOUT_TYPE_START_TO_CLOSE
		unavailable = string(connectors.Unavailable)
	)
	for name, test := range map[string]struct {
		err  error
		want workflows.Understood
		text string
	}{
		"a real failure": {application("RateLimited", details(connectors.No, 3)),
			workflows.Understood{Kind: "RateLimited", Sent: connectors.No, Attempt: 3}, "it failed"},
		"a failure that tells nothing": {application("RateLimited"),
			workflows.Understood{Kind: "RateLimited", Sent: connectors.Unknown}, "it failed"},
		"an unknown type": {application("PanicError"), workflows.Understood{Kind: workflows.TypeInternal, Sent: connectors.Unknown}, "failed as PanicError"},
		"never taken up":  {temporal.NewTimeoutError(start, nil), workflows.Understood{Kind: workflows.TypeNoWorker, Sent: connectors.No}, "no worker took the step up"},
		"not taken up again after a failure": {temporal.NewTimeoutError(start, application("Unavailable", details(connectors.No, 2)), details(connectors.No, 2)),
			workflows.Understood{Kind: unavailable, Sent: connectors.No, Attempt: 2}, "time ran out; the last attempt failed so: it failed"},
		"not taken up again after a death": {temporal.NewTimeoutError(start, temporal.NewTimeoutError(attempt, nil)),
			workflows.Understood{Kind: unavailable, Sent: connectors.Unknown, Attempt: 1}, "no attempt ended in time"},
		"died while sending": {temporal.NewTimeoutError(closed, nil, details(connectors.Unknown, 4)),
			workflows.Understood{Kind: unavailable, Sent: connectors.Unknown, Attempt: 4}, "no attempt ended in time"},
		"died before sending": {temporal.NewTimeoutError(closed, nil, details(connectors.No, 2)),
			workflows.Understood{Kind: unavailable, Sent: connectors.No, Attempt: 2}, "no attempt ended in time"},
		"told nothing": {temporal.NewTimeoutError(closed, nil),
			workflows.Understood{Kind: unavailable, Sent: connectors.Unknown, Attempt: 1}, "no attempt ended in time"},
		"failed, then died while sending": {temporal.NewTimeoutError(closed, application("RateLimited", details(connectors.No, 1)), details(connectors.Unknown, 2)),
			workflows.Understood{Kind: "RateLimited", Sent: connectors.Unknown, Attempt: 2}, "time ran out"},
		"failed, then told nothing": {temporal.NewTimeoutError(closed, application("RateLimited", details(connectors.No, 1))),
			workflows.Understood{Kind: "RateLimited", Sent: connectors.Unknown, Attempt: 1}, "time ran out"},
		"anything else": {errors.New("broken for " + latchkeytest.Email), workflows.Understood{Kind: workflows.TypeInternal, Sent: connectors.Unknown}, "unforeseen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := workflows.Understand(test.err)
			require.Contains(t, got.Message, test.text)
			require.NotContains(t, got.Message, latchkeytest.Email)
			got.Message = ""
			require.Equal(t, test.want, got)
		})
	}
}

// TestOutageOfDays waits a provider's outage out, in skipped time.
func TestOutageOfDays(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(latchkeytest.Silent())
	environment := suite.NewTestWorkflowEnvironment()
	// The limits that the environment sets by the wall clock are those of an idle machine.
	environment.SetTestTimeout(latchkeytest.Patience)
	environment.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: latchkeytest.Patience})
	began := environment.Now()
	var asked atomic.Int64 // It fails for 48 hours; the environment makes ten attempts at most.
	latchkeytest.Connection{Name: "c-1"}.Activities().Register(environment)
	account := latchkeytest.Account(latchkeytest.FailedSignIns(began))
	environment.OnActivity(activities.LookupName, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.LookupInput) (*activities.LookupResult, error) {
			if asked.Add(1) <= 8 {
				return nil, temporal.NewApplicationErrorWithOptions("down", "Unavailable", temporal.ApplicationErrorOptions{NextRetryDelay: 6 * time.Hour})
			}
			return &activities.LookupResult{Account: account, Provider: "fake", Verdict: guard.Verdict{Decision: guard.Unlock}, ReadAt: began, Attempt: 9}, nil
		})
	environment.OnActivity(activities.UnlockName, mock.Anything, mock.Anything).Return(
		&activities.UnlockResult{Verdict: guard.Verdict{Decision: guard.Unlock}, Sent: connectors.Yes, Attempt: 1}, nil)
	environment.OnActivity(activities.VerifyName, mock.Anything, mock.Anything).Return(
		&activities.VerifyResult{Finding: activities.FoundClear, Account: latchkeytest.Account(), Attempt: 1}, nil)
	workflows.Register(environment, nil)
	environment.ExecuteWorkflow(workflows.UnlockUserName, workflows.Input{Connection: "c-1", UserID: latchkeytest.UserID, Timeout: workflows.Duration(72 * time.Hour)})
	require.NoError(t, environment.GetWorkflowError())
	var result workflows.Result
	require.NoError(t, environment.GetWorkflowResult(&result))
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.GreaterOrEqual(t, result.FinishedAt.Sub(result.StartedAt), 48*time.Hour)
}
