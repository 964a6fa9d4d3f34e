package unlockuser_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// tooLong is a wait that no timeout here has room for, so that the server gives up at once.
const tooLong = 24 * time.Hour

// lookupFailures are a failure of every kind at the look-up.
func lookupFailures() map[string]scenario {
	all := map[string]scenario{}
	for _, kind := range connectors.Kinds() {
		all["look-up fails as "+string(kind)] = scenario{
			script: func(s *stage) {
				s.OnLookup = func(context.Context, int) (*connectors.Account, error) {
					return nil, latchkeytest.FailAfter(kind, tooLong)
				}
			},
			failure: string(kind),
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				attempts := 1
				if kind == connectors.PermissionDenied { // which the provider may not mean
					attempts = 3
				}
				require.Equal(t, attempts, result.Attempts.Lookup)
				require.Nil(t, result.Before)
				require.Empty(t, result.Outcome)
				if kind.Retryable() {
					require.Contains(t, s.failure.Message, "time ran out")
				} else {
					require.NotContains(t, s.failure.Message, "time ran out")
				}
			},
		}
	}
	return all
}

// failures are the others.
func failures() map[string]scenario {
	return map[string]scenario{
		"invalid input":  {raw: []any{map[string]any{"connection": "x"}}, failure: workflows.TypeInvalidInput},
		"no input":       {raw: []any{}, failure: workflows.TypeInvalidInput},
		"input is bytes": {raw: []any{[]byte("x")}, failure: workflows.TypeInvalidInput},
		"input is null":  {raw: []any{nil}, failure: workflows.TypeInvalidInput},
		"still locked": {
			script:  func(s *stage) { keepLocked(s, nil) },
			input:   within(testTimeout),
			failure: workflows.TypeStillLocked, sent: connectors.Yes,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				require.Greater(t, result.Attempts.Verify, 1)
				require.True(t, result.After.Locked())
				require.NotEmpty(t, result.User)
				_, unlocks := s.Calls()
				require.Equal(t, 2, unlocks, "it is sent once more, and never a third time")
				require.Equal(t, 2, result.Attempts.Unlock)
			},
		},
		"still locked by what may be a new lock": {
			script: func(s *stage) {
				s.AfterUnlock = func(context.Context, int) error {
					s.Change(func(a *connectors.Account) {
						a.State.Locks = []connectors.Lock{latchkeytest.FailedSignIns(time.Now().Add(time.Minute))}
					})
					return nil
				}
			},
			input:   within(testTimeout),
			failure: workflows.TypeStillLocked, sent: connectors.Yes,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				_, unlocks := s.Calls()
				require.Equal(t, 1, unlocks, "it is not sent again")
				require.Equal(t, 1, result.Attempts.Unlock)
			},
		},
		"the provider fails until the time is over": {
			script: func(s *stage) {
				s.OnUnlock = func(context.Context, int) error {
					failed := latchkeytest.FailSent(connectors.Unavailable, connectors.Unknown)
					failed.Status = 503
					return failed
				}
			},
			input:   within(13 * time.Second),
			failure: string(connectors.Unavailable), sent: connectors.Unknown,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				require.Greater(t, result.Attempts.Unlock, 4, "attempts go on where the wait before the next would be too long")
				took := result.FinishedAt.Sub(result.StartedAt)
				require.Greater(t, took, 11*time.Second)
				require.Less(t, took, 20*time.Second, "the run ends soon after")
				require.Contains(t, s.failure.Message, "time ran out")
			},
		},
		"unlock refused by the provider": {
			script: func(s *stage) {
				s.OnUnlock = func(context.Context, int) error { return latchkeytest.Fail(connectors.RejectedByProvider) }
			},
			failure: string(connectors.RejectedByProvider),
			check: func(t *testing.T, _ *stage, result *workflows.Result) {
				require.Equal(t, workflows.Attempts{Lookup: 1, Unlock: 1}, result.Attempts)
				require.True(t, result.Before.Locked())
			},
		},
		"unlock sent, failed and verified": {
			script: func(s *stage) {
				s.OnUnlock = func(context.Context, int) error {
					return latchkeytest.FailSent(connectors.PermissionDenied, connectors.Yes)
				}
			},
			failure: string(connectors.PermissionDenied), sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) { require.Positive(t, result.Attempts.Verify) },
		},
		"verify fails": {
			script: func(s *stage) {
				s.OnLookup = func(_ context.Context, n int) (*connectors.Account, error) {
					if n > 1 {
						return nil, latchkeytest.Fail(connectors.PermissionDenied)
					}
					return nil, nil
				}
			},
			failure: string(connectors.PermissionDenied), sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) { require.Equal(t, 3, result.Attempts.Verify) },
		},
		"gone before the retry": {
			script: func(s *stage) {
				s.OnUnlock = func(context.Context, int) error { return latchkeytest.Fail(connectors.Unavailable) }
				s.OnLookup = func(_ context.Context, n int) (*connectors.Account, error) {
					if n > 1 {
						return nil, latchkeytest.Fail(connectors.NotFound)
					}
					return nil, nil
				}
			},
			failure: string(connectors.NotFound),
		},
		"an unclassified error": {
			script: func(s *stage) {
				s.OnLookup = func(context.Context, int) (*connectors.Account, error) {
					return nil, errors.New("broken for " + latchkeytest.Email)
				}
			},
			failure: workflows.TypeInternal,
		},
		"a connector that panics": {
			script: func(s *stage) {
				s.OnLookup = func(context.Context, int) (*connectors.Account, error) { panic("broken for " + latchkeytest.Email) }
			},
			failure: workflows.TypeInternal,
		},
		"no worker": {unserved: true, input: within(time.Second), failure: workflows.TypeNoWorker, check: func(t *testing.T, _ *stage, result *workflows.Result) {
			require.Equal(t, workflows.Attempts{}, result.Attempts)
		}},
	}
}

// keepLocked lets unlocks be accepted without effect; failing may be nil.
func keepLocked(s *stage, failing func(n int) error) {
	locks := s.Account().State.Locks
	s.AfterUnlock = func(_ context.Context, n int) error {
		s.Change(func(a *connectors.Account) { a.State.Locks = locks })
		if failing != nil {
			return failing(n)
		}
		return nil
	}
}

// cancellations are runs that somebody cancels.
func cancellations() map[string]scenario {
	cancel := func(t *testing.T, s *stage) {
		t.Helper()
		<-s.reached
		require.NoError(t, s.Temporal.Client.CancelWorkflow(t.Context(), s.run.GetID(), s.run.GetRunID()))
	}
	cancelMeanwhile := func(t *testing.T, s *stage) {
		t.Helper()
		cancel(t, s)
		require.Eventually(t, func() bool {
			return slices.ContainsFunc(events(t, s).GetEvents(), func(event *historypb.HistoryEvent) bool {
				return event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
			})
		}, latchkeytest.Patience, 10*time.Millisecond)
		s.release()
	}
	lost := latchkeytest.FailSent(connectors.RejectedByProvider, connectors.Unknown)
	return map[string]scenario{
		"cancelled before the unlock": {
			script: func(s *stage) {
				s.OnLookup = func(_ context.Context, n int) (*connectors.Account, error) {
					if n == 1 {
						close(s.reached)
					}
					return nil, latchkeytest.Fail(connectors.Unavailable)
				}
			},
			meanwhile: cancel,
			failure:   workflows.TypeCancelled,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				_, unlocks := s.Calls()
				require.Zero(t, unlocks)
				require.Equal(t, "cancelled before anything was sent", result.Explanation)
				require.Contains(t, s.details(t), "**cancelled**: "+result.Explanation)
			},
		},
		"cancelled during the unlock": {
			script: func(s *stage) {
				s.OnUnlock = func(_ context.Context, n int) error {
					if n == 1 {
						close(s.reached)
						return latchkeytest.FailAfter(connectors.Unavailable, 5*time.Minute)
					}
					return nil
				}
			},
			meanwhile: func(t *testing.T, s *stage) {
				t.Helper()
				require.Eventually(t, func() bool {
					described, err := s.Temporal.Client.DescribeWorkflowExecution(t.Context(), s.run.GetID(), s.run.GetRunID())
					require.NoError(t, err)
					pending := described.GetPendingActivities()
					return len(pending) == 1 && pending[0].GetLastFailure() != nil
				}, latchkeytest.Patience, 10*time.Millisecond)
				cancel(t, s)
			},
			failure: workflows.TypeCancelled, sent: connectors.Unknown,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				_, unlocks := s.Calls()
				require.Equal(t, 1, unlocks, "no further attempt begins")
				require.Empty(t, result.Outcome)
				require.True(t, result.After.Locked(), "it was read before the run closed")
				require.Contains(t, s.details(t), "**cancelled**: "+result.Explanation)
			},
		},
		"cancelled during an unlock whose answer was lost": {
			script:    func(s *stage) { s.AfterUnlock = s.hangThen(lost) },
			meanwhile: cancelMeanwhile,
			failure:   workflows.TypeCancelled, sent: connectors.Unknown,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				require.Equal(t, workflows.Unlocked, result.Outcome, "it was read before the run closed")
				require.Contains(t, s.details(t), "**unlocked**: "+result.Explanation)
			},
		},
		"cancelled during an unlock that was not sent": {
			script:    func(s *stage) { s.OnUnlock = s.hangThen(latchkeytest.Fail(connectors.Unavailable)) },
			meanwhile: cancelMeanwhile,
			failure:   workflows.TypeCancelled,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				_, unlocks := s.Calls()
				require.Equal(t, 1, unlocks, "no further attempt begins")
				require.Equal(t, "cancelled before anything was sent", result.Explanation)
				require.Contains(t, s.details(t), "**cancelled**: "+result.Explanation)
			},
		},
		"cancelled during an unlock that had no effect": {
			script:    func(s *stage) { s.OnUnlock = s.hangThen(lost) },
			meanwhile: cancelMeanwhile,
			failure:   workflows.TypeCancelled, sent: connectors.Unknown,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				require.Empty(t, result.Outcome)
				require.True(t, result.After.Locked())
				require.Contains(t, s.details(t), result.Explanation)
			},
		},
		"cancelled while the account is read again": {
			script: func(s *stage) { keepLocked(s, nil) },
			meanwhile: func(t *testing.T, s *stage) {
				t.Helper()
				s.awaitStep(t, workflows.StepVerify)
				require.Contains(t, s.details(t), "more at most")
				close(s.reached)
				cancel(t, s)
			},
			failure: workflows.TypeCancelled, sent: connectors.Yes,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				require.Less(t, result.FinishedAt.Sub(result.StartedAt), workflows.DefaultTimeout/2, "it does not wait until all time is over")
				require.True(t, result.After.Locked(), "it was read before the run closed")
				require.Contains(t, s.details(t), "**cancelled**: "+result.Explanation)
			},
		},
		"cancelled during the watch": {
			script: func(s *stage) {
				s.OnLookup = func(_ context.Context, n int) (*connectors.Account, error) {
					if n == 3 {
						close(s.reached)
					}
					return nil, nil
				}
			},
			input: func(in *workflows.Input) { in.WatchFor = workflows.Duration(time.Hour) },
			meanwhile: func(t *testing.T, s *stage) {
				t.Helper()
				<-s.reached
				s.requireCounted(t, connectors.Yes)
				cancel(t, s)
			},
			failure: workflows.TypeCancelled, sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) {
				require.Equal(t, workflows.Unlocked, result.Outcome)
				require.Contains(t, result.Explanation, "watch")
			},
		},
	}
}
