package unlockuser_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// onServer is the lock of one of several servers.
func onServer(name string) connectors.Lock {
	lock := latchkeytest.FailedSignIns(time.Now())
	lock.Server = name
	return lock
}

// refusedByTwo has one of several servers not accept the unlock.
func refusedByTwo(s *stage) {
	s.Refused = []connectors.Refused{{Server: "two", Kind: connectors.PermissionDenied, Message: "as the test ordered"}}
}

// maxCleanEvents is how long the history of a clean unlock may get; package client starts it with
// its search attributes, which saves one.
const maxCleanEvents = 26

// outcomes are the ways in which an unlock ends well or is refused.
func outcomes() map[string]scenario {
	return map[string]scenario{
		"unlocked": {outcome: workflows.Unlocked, sent: connectors.Yes, check: func(t *testing.T, s *stage, result *workflows.Result) {
			require.Equal(t, workflows.Attempts{Lookup: 1, Unlock: 1, Verify: 1}, result.Attempts)
			require.Equal(t, latchkeytest.UserID, result.UserID)
			require.Equal(t, latchkeytest.Provider, result.Provider)
			require.Equal(t, latchkeytest.RequestID, result.ProviderRequestID)
			require.True(t, result.Before.Locked())
			require.True(t, result.After.Clear())
			require.Equal(t, connectors.Yes, result.After.CanSignIn)
			require.Contains(t, string(result.User), "9007199254740993", "no digit is lost")
			require.False(t, result.FinishedAt.Before(result.StartedAt))
			lookups, unlocks := s.Calls()
			require.Equal(t, []int{2, 1}, []int{lookups, unlocks}, "a fresh look-up is not repeated")
			length := len(events(t, s).GetEvents())
			t.Logf("a clean unlock takes %d events", length)
			require.LessOrEqual(t, length, maxCleanEvents)
		}},
		"unlocked by email, summary": {
			input: func(in *workflows.Input) {
				in.UserID, in.Email, in.Emit = "", latchkeytest.Email, workflows.EmitSummary
			},
			outcome: workflows.Unlocked, sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) {
				require.Empty(t, result.User)
				require.Equal(t, latchkeytest.UserID, result.UserID)
			},
		},
		"unlocked although disabled": {
			account: func() *connectors.Account {
				account := latchkeytest.Account(latchkeytest.FailedSignIns(time.Now()))
				account.State.Disabled = true
				return account
			}(),
			rules:   guard.Rules{PermitOverride: []string{connectors.BlockDisabled}},
			input:   func(in *workflows.Input) { in.Override = []string{connectors.BlockDisabled} },
			outcome: workflows.Unlocked, sent: connectors.Yes,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				require.Equal(t, []string{connectors.BlockDisabled}, result.StillBlockedBy)
				require.True(t, s.Account().State.Disabled, "unlocking never enables")
			},
		},
		"unlocked behind a provider that throttles": {
			script: func(s *stage) {
				s.OnLookup = func(_ context.Context, n int) (*connectors.Account, error) {
					if n == 1 {
						return nil, latchkeytest.FailAfter(connectors.RateLimited, 2*time.Second)
					}
					return nil, nil
				}
				s.OnUnlock = func(_ context.Context, n int) error {
					if n == 1 {
						return latchkeytest.FailAfter(connectors.Unavailable, time.Second)
					}
					return nil
				}
			},
			outcome: workflows.Unlocked, sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) {
				require.Equal(t, workflows.Attempts{Lookup: 2, Unlock: 2, Verify: 1}, result.Attempts)
				require.GreaterOrEqual(t, result.FinishedAt.Sub(result.StartedAt), 3*time.Second, "Retry-After is honoured")
			},
		},
		"unlocked after stale reads": {
			script: func(s *stage) {
				s.OnLookup = func(_ context.Context, n int) (*connectors.Account, error) {
					if n == 2 || n == 3 {
						return latchkeytest.Account(latchkeytest.PasswordLock(), latchkeytest.FailedSignIns(time.Now())), nil
					}
					return nil, nil
				}
			},
			outcome: workflows.Unlocked, sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) { require.Equal(t, 3, result.Attempts.Verify) },
		},
		"unlocked when it is sent again": {
			script: func(s *stage) {
				locks := s.Account().State.Locks
				s.AfterUnlock = func(_ context.Context, n int) error {
					if n == 1 { // Accepted, as by something that is not the provider.
						s.Change(func(a *connectors.Account) { a.State.Locks = locks })
					}
					return nil
				}
			},
			outcome: workflows.Unlocked, sent: connectors.Yes,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				_, unlocks := s.Calls()
				require.Equal(t, 2, unlocks)
				require.Equal(t, 2, result.Attempts.Unlock)
				require.Greater(t, result.Attempts.Verify, 1)
			},
		},
		"refused when it is sent again": {
			script: func(s *stage) {
				locks := s.Account().State.Locks
				s.AfterUnlock = func(context.Context, int) error {
					s.Change(func(a *connectors.Account) { a.State.Locks, a.State.Suspended = locks, true })
					return nil
				}
			},
			outcome: workflows.Refused, refusal: guard.CodeSuspended, sent: connectors.Yes,
		},
		"already unlocked": {account: latchkeytest.Account(), outcome: workflows.AlreadyUnlocked, check: func(t *testing.T, s *stage, result *workflows.Result) {
			_, unlocks := s.Calls()
			require.Zero(t, unlocks)
			require.NotEmpty(t, result.User)
			require.NotNil(t, result.After)
		}},
		"already unlocked, sent all the same": {
			account: latchkeytest.Account(),
			input:   func(in *workflows.Input) { in.EvenIfUnlocked = true },
			outcome: workflows.AlreadyUnlocked, sent: connectors.Yes,
		},
		"would unlock": {
			input:   func(in *workflows.Input) { in.DryRun = true },
			outcome: workflows.WouldUnlock,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				require.True(t, s.Account().State.Locked())
				require.NotEmpty(t, result.User)
			},
		},
		"refused, suspended": {
			account: func() *connectors.Account {
				account := latchkeytest.Account(latchkeytest.PasswordLock())
				account.State.Suspended = true
				return account
			}(),
			outcome: workflows.Refused, refusal: guard.CodeSuspended,
			check: func(t *testing.T, _ *stage, result *workflows.Result) { require.NotEmpty(t, result.User) },
		},
		"refused, dry run": {
			rules:   guard.Rules{ProtectedUsers: []string{"jane.*"}},
			input:   func(in *workflows.Input) { in.DryRun = true },
			outcome: workflows.Refused, refusal: guard.CodeProtectedUser,
		},
		"refused by the caller's guard": {
			account: latchkeytest.Account(latchkeytest.PasswordLock()),
			input: func(in *workflows.Input) {
				in.Guard.OnlyReasons = []connectors.Reason{connectors.ReasonFailedSignIn}
			},
			outcome: workflows.Refused, refusal: guard.CodeLockReason,
		},
		"refused at the last moment": {
			script: func(s *stage) {
				s.OnUnlock = func(_ context.Context, n int) error {
					if n == 1 {
						s.Change(func(a *connectors.Account) { a.State.Suspended = true })
						return latchkeytest.Fail(connectors.Unavailable)
					}
					return nil
				}
			},
			outcome: workflows.Refused, refusal: guard.CodeSuspended,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				_, unlocks := s.Calls()
				require.Equal(t, 1, unlocks)
				require.Equal(t, 2, result.Attempts.Unlock)
				require.True(t, result.After.Suspended)
			},
		},
		"partially unlocked": {
			account: latchkeytest.Account(latchkeytest.FailedSignIns(time.Now()), latchkeytest.PasswordLock()),
			script: func(s *stage) {
				s.OnUnlock = func(context.Context, int) error {
					s.Change(func(a *connectors.Account) { a.State.Locks = []connectors.Lock{latchkeytest.PasswordLock()} })
					return latchkeytest.FailSent(connectors.PermissionDenied, connectors.Yes)
				}
			},
			outcome: workflows.PartiallyUnlocked, sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) {
				require.Equal(t, connectors.LayerPassword, result.After.Locks[0].Layer)
			},
		},
		"partially unlocked, a server refuses": {
			account: latchkeytest.Account(onServer("one"), onServer("two")),
			script:  refusedByTwo,
			input:   within(3 * time.Second),
			outcome: workflows.PartiallyUnlocked, sent: connectors.Yes,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				require.Equal(t, s.Refused, result.RefusedBy)
				require.Equal(t, "two", result.After.Locks[0].Server)
				require.Contains(t, result.Explanation, "the server two did not accept the unlock (PermissionDenied)")
			},
		},
		"unlocked, a server refuses": {
			account: latchkeytest.Account(onServer("one")),
			script: func(s *stage) {
				refusedByTwo(s)
				// One tells it anew at the unlock, two does not.
				s.Change(func(a *connectors.Account) {
					a.Evidence = []connectors.Evidence{{Server: "one", Failures: 3}, {Server: "two", Failures: 1}}
				})
				s.Evidence = []connectors.Evidence{{Server: "one", Failures: 4}}
			},
			outcome: workflows.Unlocked, sent: connectors.Yes,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				require.ElementsMatch(t, []connectors.Evidence{{Server: "one", Failures: 4}, {Server: "two", Failures: 1}}, result.Evidence)
				require.Equal(t, s.Refused, result.RefusedBy)
			},
		},
		"partially unlocked, a layer unread": {
			script: func(s *stage) {
				s.AfterUnlock = func(context.Context, int) error {
					s.Change(func(a *connectors.Account) {
						a.State.Unread = []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.PermissionDenied}}
					})
					return nil
				}
			},
			outcome: workflows.PartiallyUnlocked, sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) { require.Equal(t, 3, result.Attempts.Verify) },
		},
		"the answer of the unlock was lost": {
			script: func(s *stage) {
				s.AfterUnlock = func(context.Context, int) error {
					return latchkeytest.FailSent(connectors.Unavailable, connectors.Unknown)
				}
			},
			outcome: workflows.Unlocked, sent: connectors.Unknown,
			check: func(t *testing.T, s *stage, result *workflows.Result) {
				_, unlocks := s.Calls()
				require.Equal(t, 1, unlocks, "what is unlocked is not unlocked again")
				require.Equal(t, 2, result.Attempts.Unlock)
			},
		},
	}
}

// relocks are about locks that appear after the unlock.
func relocks() map[string]scenario {
	watchFor := func(d time.Duration) func(*workflows.Input) {
		return func(in *workflows.Input) { in.WatchFor = workflows.Duration(d) }
	}
	relock := func(s *stage, since *time.Time) {
		s.Change(func(a *connectors.Account) {
			a.State.Locks = []connectors.Lock{{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn, Since: since}}
		})
	}
	provider := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) // Far from our clock.
	providersAccount := func() *connectors.Account {
		account := latchkeytest.Account(latchkeytest.FailedSignIns(provider))
		account.AsOf = provider
		return account
	}
	return map[string]scenario{
		"relocked by the provider's times": {
			account: providersAccount(),
			script: func(s *stage) {
				s.AfterUnlock = func(context.Context, int) error {
					since := provider.Add(2 * time.Second)
					relock(s, &since)
					return nil
				}
			},
			outcome: workflows.Relocked, sent: connectors.Yes,
		},
		"relocked while it was watched": {
			script: func(s *stage) {
				s.OnLookup = func(_ context.Context, n int) (*connectors.Account, error) {
					if n == 4 {
						relock(s, nil)
					}
					return nil, nil
				}
			},
			input:   watchFor(time.Minute),
			outcome: workflows.Relocked, sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) {
				require.True(t, result.After.Locked())
			},
		},
		"unlocked and watched": {input: watchFor(time.Second), outcome: workflows.Unlocked, sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) {
				require.GreaterOrEqual(t, result.FinishedAt.Sub(result.StartedAt), time.Second)
				require.Contains(t, result.Explanation, "no new lock appeared within 1s")
			}},
		"unlocked, the watch failed": {
			script: func(s *stage) {
				s.OnLookup = func(_ context.Context, n int) (*connectors.Account, error) {
					if n > 2 {
						return nil, latchkeytest.Fail(connectors.Unauthenticated)
					}
					return nil, nil
				}
			},
			input:   watchFor(time.Second),
			outcome: workflows.Unlocked, sent: connectors.Yes,
			check: func(t *testing.T, _ *stage, result *workflows.Result) {
				require.Contains(t, result.Explanation, "could not be watched to the end")
			},
		},
	}
}
