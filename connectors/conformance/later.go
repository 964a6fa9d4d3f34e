package conformance

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/simulator"
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
	require.NoError(t, connector.Unlock(t.Context(), before))
	unlockedAt := before.AsOf
	require.Positive(t, b.unlocks())
	for range 3 {
		stale, err := connector.Lookup(t.Context(), b.user.Ref())
		require.NoError(t, err)
		require.Len(t, stale.State.Locks, len(before.State.Locks))
		for i, lock := range stale.State.Locks {
			require.True(t, lock.Same(before.State.Locks[i]), "the same lock is told from another by its beginning")
		}
		require.False(t, stale.AsOf.Before(unlockedAt))
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
			require.True(t, lock.Since.After(unlockedAt), "a lock made after the unlock begins after it")
		}
	}
}

// locksRunOut: a lock is one until 60 seconds beyond its end by our clock, however long
// the provider shows it; and none as soon as the provider says so.
func locksRunOut(t *testing.T, fresh maker) {
	b := fresh(t)
	locker, ok := b.HTTPHarness.(TimedLocker)
	if !ok {
		return // the provider does not tell when a lock ends
	}
	const duration = 10 * time.Minute
	user := b.makeUser("")
	locker.LockFor(t, user, duration)
	var ahead time.Duration
	connector := b.openAt(func() time.Time { return b.Peer().Clock.Now().Add(ahead) })
	account, err := connector.Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	require.Len(t, account.State.Locks, 1)
	until := account.State.Locks[0].Until
	require.NotNil(t, until)
	require.False(t, account.State.Locks[0].Permanent)
	require.WithinDuration(t, b.Peer().Clock.Now().Add(duration), *until, patience)

	// Our clock alone goes on: the provider's tells of a lock that we see at its end.
	for _, test := range []struct {
		beyond time.Duration
		locked bool
	}{
		{-time.Minute, true}, {0, true}, {connectors.RunOutGrace - patience, true}, {connectors.RunOutGrace + patience, false}, {24 * time.Hour, false},
	} {
		ahead = duration + test.beyond
		for _, read := range b.readsOf(connector, user) {
			require.Equal(t, test.locked, read, "%s beyond the end", test.beyond)
		}
	}
	// Behind ours, and its lock has run out by its own.
	ahead = -time.Hour
	require.NoError(t, b.Peer().Clock.Advance(duration+time.Second))
	for _, read := range b.readsOf(connector, user) {
		require.False(t, read)
	}
}

// readsOf says whether the user is locked, by a look-up and by the list.
func (b *bench) readsOf(connector connectors.Connector, user User) []bool {
	account, err := connector.Lookup(b.t.Context(), user.Ref())
	require.NoError(b.t, err)
	reads := []bool{account.State.Locked()}
	if lister, ok := connector.(connectors.LockedLister); ok {
		page, err := lister.ListLocked(b.t.Context(), "", listLimit)
		require.NoError(b.t, err)
		reads = append(reads, outcome{accounts: page.Accounts}.account(user.ID) != nil)
	}
	return reads
}
