package simulator

import (
	"container/heap"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// StaleOrder says for how many reads, or for how long, a write stays unseen.
type StaleOrder struct {
	Reads int
	For   time.Duration
}

// Stale holds the states from before writes that reads do not see yet. It is
// guarded by its owner's lock. U must be a value that later writes do not change.
type Stale[U any] struct{ views map[string]*staleView[U] }

type staleView[U any] struct {
	prior *U
	reads int
	until time.Time
}

// Remember keeps the state from before a write. A write to a user that is stale
// already stays hidden behind the same old state.
func (s *Stale[U]) Remember(id string, prior U, order *StaleOrder, now time.Time) {
	if order == nil {
		return
	}
	if s.views == nil {
		s.views = map[string]*staleView[U]{}
	}
	view := s.views[id]
	if view == nil {
		view = &staleView[U]{prior: &prior}
		s.views[id] = view
	}
	view.reads = order.Reads
	if order.For > 0 {
		view.until = now.Add(order.For)
	}
}

// Reader returns the look through which one read call sees users: the old state
// of those that are stale, once a call counted.
func (s *Stale[U]) Reader(now time.Time) func(id string, current *U) *U {
	seen := map[string]bool{}
	return func(id string, current *U) *U {
		view := s.views[id]
		if view == nil {
			return current
		}
		if !seen[id] {
			if view.reads <= 0 && !now.Before(view.until) {
				delete(s.views, id)
				return current
			}
			seen[id] = true
			view.reads--
		}
		return view.prior
	}
}

// None says that every reader sees the state as it is.
func (s *Stale[U]) None() bool { return len(s.views) == 0 }

// Forget makes all writes seen.
func (s *Stale[U]) Forget() { s.views = nil }

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

// Due is a lock with an end.
type Due struct {
	At    time.Time
	ID    string
	Layer string
}

// Dues gives locks back in the order in which they end.
type Dues struct{ due dueHeap }

// Add enters a lock with an end.
func (d *Dues) Add(due Due) { heap.Push(&d.due, due) }

// Next takes out the earliest lock whose end is not after now. Its owner
// decides whether the lock still stands.
func (d *Dues) Next(now time.Time) (Due, bool) {
	if len(d.due) == 0 || d.due[0].At.After(now) {
		return Due{}, false
	}
	return heap.Pop(&d.due).(Due), true
}

type dueHeap []Due

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].At.Before(h[j].At) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(Due)) }
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	due := (*h)[last]
	*h = (*h)[:last]
	return due
}

// Directory holds users in order and finds them by id, username and email.
// It is guarded by its owner's lock.
type Directory[U any] struct {
	before func(a, b *U) bool
	order  []*U
	byID   map[string]*U
	byName map[string][]*U // names and addresses, in lower case
}

// NewDirectory returns an empty directory whose order is given by before.
func NewDirectory[U any](before func(a, b *U) bool) *Directory[U] {
	return &Directory[U]{before: before, byID: map[string]*U{}, byName: map[string][]*U{}}
}

// Add enters a user under an id and names; empty names are left out. Adding
// users in order costs the same however many there are.
func (d *Directory[U]) Add(u *U, id string, names ...string) {
	at := sort.Search(len(d.order), func(i int) bool { return d.before(u, d.order[i]) })
	d.order = slices.Insert(d.order, at, u)
	d.byID[id] = u
	d.Rename(u, nil, names)
}

// Rename takes a user's old names away and gives it new ones.
func (d *Directory[U]) Rename(u *U, old, names []string) {
	for _, name := range distinct(old) {
		left := slices.DeleteFunc(slices.Clone(d.byName[name]), func(other *U) bool { return other == u })
		if d.byName[name] = left; len(left) == 0 {
			delete(d.byName, name)
		}
	}
	for _, name := range distinct(names) {
		d.byName[name] = append(slices.Clip(d.byName[name]), u)
	}
}

// Remove takes a user out.
func (d *Directory[U]) Remove(u *U, id string, names ...string) {
	delete(d.byID, id)
	d.Rename(u, names, nil)
	d.order = slices.DeleteFunc(d.order, func(other *U) bool { return other == u })
}

// ID returns the user with an id, nil if there is none.
func (d *Directory[U]) ID(id string) *U { return d.byID[id] }

// Named returns the users with a name or address, whatever its case.
func (d *Directory[U]) Named(name string) []*U { return d.byName[strings.ToLower(name)] }

// Ref returns the one user with an id, name or address.
func (d *Directory[U]) Ref(ref string) (*U, error) {
	if u := d.byID[ref]; u != nil {
		return u, nil
	}
	switch named := d.Named(ref); len(named) {
	case 0:
		return nil, Missing("there is no user %q", ref)
	case 1:
		return named[0], nil
	default:
		return nil, Bad("%d users are called %q: name one by its id", len(named), ref)
	}
}

// All returns the users in order; the list must not be changed.
func (d *Directory[U]) All() []*U { return d.order }

// Len counts the users.
func (d *Directory[U]) Len() int { return len(d.order) }

func distinct(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		if name = strings.ToLower(name); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// maxTokens bounds the access tokens that are kept; beyond it those that have
// expired go, and if none has, all go.
const maxTokens = 100_000

// Tokens are the access tokens issued, each for a holder of type H.
type Tokens[H any] struct {
	mu     sync.Mutex
	tokens map[string]token[H]
}

type token[H any] struct {
	holder  H
	expires time.Time
}

// Issue makes a token.
func (t *Tokens[H]) Issue(holder H, now time.Time, lifetime time.Duration) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.tokens) >= maxTokens {
		t.sweep(now)
	}
	if t.tokens == nil {
		t.tokens = map[string]token[H]{}
	}
	text := uuid.NewString()
	t.tokens[text] = token[H]{holder: holder, expires: now.Add(lifetime)}
	return text
}

// Holder returns whose token it is; false if it is unknown or has expired.
func (t *Tokens[H]) Holder(text string, now time.Time) (H, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.tokens[text]
	if !ok || !now.Before(found.expires) {
		var nobody H
		return nobody, false
	}
	return found.holder, true
}

// Revoke makes all tokens invalid.
func (t *Tokens[H]) Revoke() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens = nil
}

func (t *Tokens[H]) sweep(now time.Time) {
	for text, found := range t.tokens {
		if !now.Before(found.expires) {
			delete(t.tokens, text)
		}
	}
	if len(t.tokens) >= maxTokens {
		t.tokens = nil
	}
}
