package conformance

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// staleReads: the connector reports what it reads. A lock that the provider still shows
// after the unlock is the old one, with its old beginning; a new one differs from it.
func staleReads(t *testing.T, fresh newFixture) {
	f := fresh(t)
	connector := f.open()
	before, err := connector.Lookup(t.Context(), f.user.Ref())
	require.NoError(t, err)
	for _, step := range f.Steps() {
		if step.Unlocks {
			f.order(step, simulator.Fault{Kind: simulator.KindStale, For: simulator.Duration(5 * time.Minute)})
		}
	}
	unlocked, err := connector.Unlock(t.Context(), before)
	require.NoError(t, err)
	require.Positive(t, f.unlocks())
	for range 3 {
		stale, err := connector.Lookup(t.Context(), f.user.Ref())
		require.NoError(t, err)
		require.Len(t, stale.State.Locks, len(before.State.Locks))
		for i, lock := range stale.State.Locks {
			require.True(t, lock.Same(before.State.Locks[i]), "the same lock keeps its beginning")
		}
		require.False(t, stale.AsOf.Before(unlocked.At))
	}
	f.Peer().Faults.Clear()
	require.NoError(t, f.Peer().Clock.Advance(6*time.Minute))
	after, err := connector.Lookup(t.Context(), f.user.Ref())
	require.NoError(t, err)
	require.True(t, after.State.Clear())

	f.LockAsAdministrator(t, f.user)
	again, err := connector.Lookup(t.Context(), f.user.Ref())
	require.NoError(t, err)
	require.True(t, again.State.Locked())
	for _, lock := range again.State.Locks {
		if lock.Since != nil {
			require.True(t, lock.Since.After(unlocked.At), "a lock made after the unlock begins after it")
		}
	}
}

// locksRunOut: an account is locked for as long as the provider says so, whatever our clock
// says of the lock's end; and is not as soon as the provider says that.
func locksRunOut(t *testing.T, fresh newFixture) {
	f := fresh(t)
	locker, ok := f.HTTPHarness.(TimedLocker)
	if !ok {
		return // the provider does not report when a lock ends
	}
	const duration = 10 * time.Minute
	user := f.makeUser("")
	locker.LockFor(t, user, duration)
	end := f.Peer().Clock.Now().Add(duration)
	for _, ahead := range []time.Duration{0, -24 * time.Hour, -duration, duration, duration + 2*time.Minute, 24 * time.Hour} {
		connector := f.openWith(f.Config(), func() time.Time { return f.Peer().Clock.Now().Add(ahead) })
		account, err := connector.Lookup(t.Context(), user.Ref())
		require.NoError(t, err)
		require.Len(t, account.State.Locks, 1, "our clock is %s ahead", ahead)
		until := account.State.Locks[0].Until
		require.NotNil(t, until)
		require.False(t, account.State.Locks[0].Permanent)
		require.WithinDuration(t, end, *until, patience)
		require.WithinDuration(t, f.Peer().Clock.Now(), account.AsOf, patience, "the provider's time is its own")
		for _, locked := range f.readsOf(connector, user) {
			require.True(t, locked, "our clock is %s ahead", ahead)
		}
	}
	require.NoError(t, f.Peer().Clock.Advance(duration+time.Second))
	for _, locked := range f.readsOf(f.openWith(f.Config(), func() time.Time { return end.Add(-time.Hour) }), user) {
		require.False(t, locked)
	}
}

// readsOf says whether the user is locked, by a look-up and by the list.
func (f *fixture) readsOf(connector Connector, user User) []bool {
	account, err := connector.Lookup(f.t.Context(), user.Ref())
	require.NoError(f.t, err)
	reads := []bool{account.State.Locked()}
	if connector.Lists() {
		page, err := connector.ListLocked(f.t.Context(), "", listLimit)
		require.NoError(f.t, err)
		reads = append(reads, outcome{accounts: page.Accounts}.account(user.ID) != nil)
	}
	return reads
}
