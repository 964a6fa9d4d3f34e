package unlockuser_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// timesRunOut are attempts that do not end, and steps that run out of time.
func timesRunOut() map[string]scenario {
	return map[string]scenario{
		"the first look-up outlives the time": {
			script: func(s *stage) {
				s.OnLookup = func(context.Context, int) (*connectors.Account, error) { s.hang(); return nil, nil }
			},
			input:   within(testTimeout),
			failure: string(connectors.Unavailable),
		},
		"the first unlock outlives the time, without effect": {
			script:  func(s *stage) { s.OnUnlock = func(context.Context, int) error { s.hang(); return nil } },
			input:   within(testTimeout),
			failure: string(connectors.Unavailable), sent: connectors.Unknown,
			check: func(t *testing.T, _ *stage, result *workflows.Result) {
				require.Positive(t, result.Attempts.Verify, "an unlock that timed out is verified")
				require.Equal(t, 1, result.Attempts.Unlock)
				require.True(t, result.After.Locked())
			},
		},
		"the first unlock outlives the time, with effect": {
			script:  func(s *stage) { s.AfterUnlock = func(context.Context, int) error { s.hang(); return nil } },
			input:   within(testTimeout),
			outcome: workflows.Unlocked, sent: connectors.Unknown,
		},
		"a later unlock outlives the time": {
			script: func(s *stage) {
				s.OnUnlock = func(_ context.Context, n int) error {
					if n == 1 {
						return latchkeytest.Fail(connectors.RateLimited)
					}
					s.hang()
					return nil
				}
			},
			input:   within(testTimeout),
			failure: string(connectors.RateLimited), sent: connectors.Unknown,
			check: func(t *testing.T, _ *stage, result *workflows.Result) {
				require.Positive(t, result.Attempts.Verify, "what the second attempt sent is not known")
			},
		},
		"an attempt is killed and the next succeeds": {
			script: func(s *stage) {
				s.AfterUnlock = func(_ context.Context, n int) error {
					if n == 1 {
						s.Change(func(a *connectors.Account) { a.State.Locks = []connectors.Lock{latchkeytest.PasswordLock()} })
						s.hang()
					}
					return nil
				}
			},
			outcome: workflows.Unlocked, sent: connectors.Yes,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				_, unlocks := s.Calls()
				require.Equal(t, 2, unlocks)
				require.Equal(t, 2, result.Attempts.Unlock)
			},
		},
		"the worker dies during the unlock and nobody follows": {
			script:    func(s *stage) { s.OnUnlock = s.hangThen(nil) },
			meanwhile: func(_ *testing.T, s *stage) { <-s.reached; go s.stop() },
			input:     within(testAttemptTimeout + testTimeout),
			failure:   string(connectors.Unavailable), sent: connectors.Unknown,
		},
		"the provider is down at the unlock": {
			script: func(s *stage) {
				s.OnUnlock = func(context.Context, int) error { return latchkeytest.FailAfter(connectors.Unavailable, tooLong) }
			},
			failure: string(connectors.Unavailable), sent: connectors.No,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				require.Equal(t, 1, result.Attempts.Unlock)
				require.Zero(t, result.Attempts.Verify, "nothing was sent")
				require.Contains(t, s.failure.Message, "time ran out")
			},
		},
		"the wait that the provider asks for is longer than the time": {
			script: func(s *stage) {
				s.OnLookup = func(context.Context, int) (*connectors.Account, error) {
					return nil, latchkeytest.FailAfter(connectors.RateLimited, tooLong)
				}
			},
			failure: string(connectors.RateLimited),
		},
	}
}
