package conformance

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// staleReads: the connector reports what it reads. A lock that the provider still shows
// after the unlock is the old one, with its old beginning; a new one is told from it.
func staleReads(t *testing.T, fresh maker) {
	b := fresh(t)
	connector := b.open()
	before, err := connector.Lookup(t.Context(), b.user.Ref())
	require.NoError(t, err)
	for _, step := range b.Steps() {
		if step.Unlocks {
			b.order(step, simulator.Fault{Kind: simulator.KindStale, For: simulator.Duration(5 * time.Minute)})
		}
	}
	unlocked, err := connector.Unlock(t.Context(), before)
	require.NoError(t, err)
	require.Positive(t, b.unlocks())
	for range 3 {
		stale, err := connector.Lookup(t.Context(), b.user.Ref())
		require.NoError(t, err)
		require.Len(t, stale.State.Locks, len(before.State.Locks))
		for i, lock := range stale.State.Locks {
			require.True(t, lock.Same(before.State.Locks[i]), "the same lock is told from another by its beginning")
		}
		require.False(t, stale.AsOf.Before(unlocked.At))
	}
	b.Peer().Faults.Clear()
	require.NoError(t, b.Peer().Clock.Advance(6*time.Minute))
	after, err := connector.Lookup(t.Context(), b.user.Ref())
	require.NoError(t, err)
	require.True(t, after.State.Clear())

	b.LockAsAdministrator(t, b.user)
	again, err := connector.Lookup(t.Context(), b.user.Ref())
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
func locksRunOut(t *testing.T, fresh maker) {
	b := fresh(t)
	locker, ok := b.HTTPHarness.(TimedLocker)
	if !ok {
		return // the provider does not tell when a lock ends
	}
	const duration = 10 * time.Minute
	user := b.makeUser("")
	locker.LockFor(t, user, duration)
	end := b.Peer().Clock.Now().Add(duration)
	for _, ahead := range []time.Duration{0, -24 * time.Hour, -duration, duration, duration + 2*time.Minute, 24 * time.Hour} {
		connector := b.openAt(func() time.Time { return b.Peer().Clock.Now().Add(ahead) })
		account, err := connector.Lookup(t.Context(), user.Ref())
		require.NoError(t, err)
		require.Len(t, account.State.Locks, 1, "our clock is %s ahead", ahead)
		until := account.State.Locks[0].Until
		require.NotNil(t, until)
		require.False(t, account.State.Locks[0].Permanent)
		require.WithinDuration(t, end, *until, patience)
		require.WithinDuration(t, b.Peer().Clock.Now(), account.AsOf, patience, "the provider's time is its own")
		for _, locked := range b.readsOf(connector, user) {
			require.True(t, locked, "our clock is %s ahead", ahead)
		}
	}
	require.NoError(t, b.Peer().Clock.Advance(duration+time.Second))
	for _, locked := range b.readsOf(b.openAt(func() time.Time { return end.Add(-time.Hour) }), user) {
		require.False(t, locked)
	}
}

// readsOf says whether the user is locked, by a look-up and by the list.
func (b *bench) readsOf(connector Connector, user User) []bool {
	account, err := connector.Lookup(b.t.Context(), user.Ref())
	require.NoError(b.t, err)
	reads := []bool{account.State.Locked()}
	if connector.Lists() {
		page, err := connector.ListLocked(b.t.Context(), "", listLimit)
		require.NoError(b.t, err)
		reads = append(reads, outcome{accounts: page.Accounts}.account(user.ID) != nil)
	}
	return reads
}
