package simulator

import (
	"sync"
	"time"
)

// What happened to a lock.
const (
	Locked   = "locked"
	Unlocked = "unlocked"
	RanOut   = "ran_out"
)

// Why it happened.
const (
	CauseFailedSignIn = "failed_sign_in" // too many failed sign-ins
	CauseAdmin        = "admin"          // an administrator, by the console or by the lock call
	CauseMFA          = "mfa"            // too many failed second factors
	CauseExpiry       = "expiry"         // a password or an enrolment that expired
	CauseUnlockCall   = "unlock_call"    // the provider's unlock call
	CauseUpdateCall   = "update_call"    // the provider's update call
	CauseTime         = "time"           // the lock had an end
)

// Layers of a lock.
const (
	LayerAccount  = "account"
	LayerPassword = "password"
)

// Change is one effective change of a lock. Unlocking what is not locked
// changes nothing and is not in the book; it is among the calls.
type Change struct {
	Seq    int64     `json:"seq"`
	Time   time.Time `json:"time"` // by the simulator's clock; of a lock that ran out, its end
	UserID string    `json:"userId"`
	What   string    `json:"what"`
	Layer  string    `json:"layer"`
	Cause  string    `json:"cause"`
}

// Book is the truth about locks, in the order in which they changed: what a
// test holds against what Latchkey reports.
type Book struct {
	mu      sync.Mutex
	changes []Change
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{} }

// Write enters a change and numbers it.
func (b *Book) Write(change Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change.Seq = int64(len(b.changes)) + 1
	b.changes = append(b.changes, change)
}

// List returns the changes after a sequence number, of one user or, for "", of all.
func (b *Book) List(userID string, after int64) []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := []Change{}
	if after < 0 {
		after = 0
	}
	for i := after; i < int64(len(b.changes)); i++ {
		if userID == "" || b.changes[i].UserID == userID {
			out = append(out, b.changes[i])
		}
	}
	return out
}

// All returns every change.
func (b *Book) All() []Change { return b.List("", 0) }

// Clear empties the book.
func (b *Book) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes = nil
}
