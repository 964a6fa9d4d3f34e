package simulator

import (
	"slices"
	"sort"
	"time"
)

// User is one user of a tenant. What it shares with all others stays in the
// vendor's template; Own holds the rest. A copy is a snapshot: nothing that it
// refers to is changed in place.
type User struct {
	ID, Username, Email string // the address may be absent: ""
	Password            string
	// State is a value of the vendor's that no other field holds, such as what
	// became of the password.
	State            string
	Suspended        bool // or disabled, as the vendor calls it
	Created, Updated time.Time
	Own              Fields
	Locks            []Lock // at most one a layer
	Failures         Failures

	number uint64 // the order of creation
}

// Lock is one layer of a user's lock.
type Lock struct {
	Layer, Cause string
	Since        time.Time
	Until        time.Time // zero: until somebody unlocks it
	// Lifted says that the account was let go in spite of it.
	Lifted bool
}

// Lock returns the lock at a layer; its Cause is empty where there is none.
func (u *User) Lock(layer string) Lock {
	for _, lock := range u.Locks {
		if lock.Layer == layer {
			return lock
		}
	}
	return Lock{}
}

// Locked reports whether a lock holds the account.
func (u *User) Locked() bool {
	return slices.ContainsFunc(u.Locks, func(lock Lock) bool { return !lock.Lifted })
}

func (u *User) put(lock Lock) { u.Locks = append(u.without(lock.Layer), lock) }

// without returns a list of its own, since snapshots share the old one.
func (u *User) without(layer string) []Lock {
	return slices.DeleteFunc(slices.Clone(u.Locks), func(lock Lock) bool { return lock.Layer == layer })
}

func (u *User) names() []string { return []string{u.Username, u.Email} }

// Failures counts failed sign-ins in a sliding window. Its zero value is no failures.
type Failures struct{ times []time.Time }

// Add counts a failure and returns how many stand in the window; 0 is an endless one.
func (f *Failures) Add(now time.Time, window time.Duration) int {
	// A copy, because snapshots of the user share the old list.
	f.times = append(slices.Clone(f.times), now)
	return f.Count(now, window)
}

// Count returns how many failures stand in the window.
func (f *Failures) Count(now time.Time, window time.Duration) int {
	if window <= 0 {
		return len(f.times)
	}
	return len(f.times) - sort.Search(len(f.times), func(i int) bool {
		return f.times[i].After(now.Add(-window))
	})
}

// Clear forgets the failures.
func (f *Failures) Clear() { f.times = nil }
