package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

// provider is the provider's clock, far from ours: nothing may compare the two.
var provider = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func lockAt(offset time.Duration) connectors.Lock {
	since := provider.Add(offset)
	return connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn, Since: &since}
}

func unreadAccount(kind connectors.Kind, locks ...connectors.Lock) *connectors.Account {
	account := latchkeytest.Account(locks...)
	account.State.Unread = []connectors.Unread{{Layer: connectors.LayerPassword, Kind: kind}}
	return account
}

func TestVerify(t *testing.T) {
	t.Parallel()
	timeless := connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonAdmin}
	for name, test := range map[string]struct {
		account    *connectors.Account
		unlockedAt time.Time
		over       bool // The deadline has come.
		want       activities.Finding
		again      bool
	}{
		"clear":                       {account: latchkeytest.Account(), want: activities.FoundClear},
		"locked":                      {account: locked(), again: true},
		"locked at the deadline":      {account: locked(), over: true, want: activities.FoundLocked},
		"locked before the unlock":    {account: latchkeytest.Account(lockAt(-time.Second)), unlockedAt: provider, again: true},
		"locked in the same second":   {account: latchkeytest.Account(lockAt(0)), unlockedAt: provider, again: true},
		"locked just after":           {account: latchkeytest.Account(lockAt(999 * time.Millisecond)), unlockedAt: provider, again: true},
		"locked a second after":       {account: latchkeytest.Account(lockAt(time.Second)), unlockedAt: provider, want: activities.FoundRelocked},
		"one old and one new":         {account: latchkeytest.Account(timeless, lockAt(time.Minute)), unlockedAt: provider, want: activities.FoundRelocked},
		"no time of the unlock":       {account: latchkeytest.Account(lockAt(time.Hour)), again: true},
		"no time of the lock":         {account: latchkeytest.Account(timeless), unlockedAt: provider, again: true},
		"unread for ever":             {account: unreadAccount(connectors.Unsupported), want: activities.FoundUnread},
		"refused at first":            {account: unreadAccount(connectors.PermissionDenied), again: true},
		"unread for now":              {account: unreadAccount(connectors.Unavailable), again: true},
		"unread at the deadline":      {account: unreadAccount(connectors.Unavailable), over: true, want: activities.FoundUnread},
		"locked and unread":           {account: unreadAccount(connectors.PermissionDenied, timeless), again: true},
		"locked and unread, deadline": {account: unreadAccount(connectors.PermissionDenied, timeless), over: true, want: activities.FoundLocked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(test.account)
			in := activities.VerifyInput{AccountID: latchkeytest.UserID, UnlockedAt: test.unlockedAt, Deadline: time.Now().Add(time.Minute)}
			if test.over {
				in.Deadline = time.Now()
			}
			result, err := run[activities.VerifyResult](b, b.steps.Verify, in)
			if test.again {
				requireAgain(t, err, activities.TypeStillLocked, 250*time.Millisecond)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, result.Finding)
			require.Equal(t, 1, result.Attempt)
			require.NotEmpty(t, result.Account.User)
		})
	}
}

// requireAgain checks a failure that asks for another read: expected, hence benign.
func requireAgain(t *testing.T, err error, kind string, delay time.Duration) {
	t.Helper()
	failure, details := requireFailure(t, err, kind)
	require.False(t, failure.NonRetryable())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, failure.Category())
	require.InDelta(t, delay, failure.NextRetryDelay(), float64(time.Second)/100)
	require.Equal(t, 1, details.Attempt)
}

func TestVerifyAndWatchFail(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	b.OnLookup = func(context.Context, int) (*connectors.Account, error) {
		return nil, latchkeytest.FailAfter(connectors.RateLimited, time.Minute)
	}
	_, err := run[activities.VerifyResult](b, b.steps.Verify, activities.VerifyInput{AccountID: latchkeytest.UserID})
	failure, _ := requireFailure(t, err, "RateLimited")
	require.Equal(t, time.Minute, failure.NextRetryDelay())
	_, err = run[activities.VerifyResult](b, b.steps.Watch, activities.WatchInput{AccountID: latchkeytest.UserID})
	_, _ = requireFailure(t, err, "RateLimited")
}

func TestWatch(t *testing.T) {
	t.Parallel()
	timeless := connectors.Lock{Layer: connectors.LayerAccount}
	for name, test := range map[string]struct {
		account    *connectors.Account
		unlockedAt time.Time
		length     time.Duration
		over       bool
		want       activities.Finding
		delay      time.Duration
	}{
		"clear, a short watch":   {account: latchkeytest.Account(), length: 5 * time.Second, delay: time.Second},
		"clear, a watch":         {account: latchkeytest.Account(), length: time.Minute, delay: 6 * time.Second},
		"clear, a long watch":    {account: latchkeytest.Account(), length: time.Hour, delay: 30 * time.Second},
		"clear at the end":       {account: latchkeytest.Account(), over: true, want: activities.FoundClear},
		"a new lock":             {account: latchkeytest.Account(lockAt(time.Millisecond)), unlockedAt: provider, length: time.Hour, want: activities.FoundRelocked},
		"a lock without a time":  {account: latchkeytest.Account(timeless), unlockedAt: provider, length: time.Hour, want: activities.FoundRelocked},
		"an unlock without time": {account: latchkeytest.Account(lockAt(0)), length: time.Hour, want: activities.FoundRelocked},
		"a read that lags":       {account: latchkeytest.Account(lockAt(-time.Hour)), unlockedAt: provider, length: time.Hour, delay: 30 * time.Second},
		"lags until the end":     {account: latchkeytest.Account(lockAt(-time.Hour)), unlockedAt: provider, over: true, want: activities.FoundClear},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(test.account)
			in := activities.WatchInput{AccountID: latchkeytest.UserID, UnlockedAt: test.unlockedAt, For: test.length, Until: time.Now().Add(time.Hour)}
			if test.over {
				in.Until = time.Now()
			}
			result, err := run[activities.VerifyResult](b, b.steps.Watch, in)
			if test.want == "" {
				requireAgain(t, err, activities.TypeWatching, test.delay)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, result.Finding)
		})
	}
}

func TestQueues(t *testing.T) {
	t.Parallel()
	require.Equal(t, "latchkey/jc-prod", activities.Queue("jc-prod"))
	require.Equal(t, "jc-prod", activities.ConnectionOf("latchkey/jc-prod"))
	require.Empty(t, activities.ConnectionOf("latchkey"))
	require.Empty(t, activities.ConnectionOf("other/jc-prod"))
}
