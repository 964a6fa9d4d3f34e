package unlockmany

import (
	"time"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// SetUsersPerRun lets chains come with few users, and returns what puts the number back.
func SetUsersPerRun(n int) (reset func()) {
	before := usersPerRun
	usersPerRun = n
	return func() { usersPerRun = before }
}

// Demands is a policy as the guard that it makes.
func Demands(p *workflows.Policy, hidesPrivilege bool) workflows.Guard {
	return demandsOf(p, hidesPrivilege)
}

// SightBook is a book of sightings for tests.
type SightBook struct{ sightings }

// NewSightBook opens the book with which a scheduled run begins.
func NewSightBook(before workflows.Sightings) *SightBook {
	return &SightBook{*newSightings(workflows.SightBook{Old: before})}
}

// See notes a lock of unknown age and returns since when it is known.
func (b *SightBook) See(userID, of string, now time.Time) time.Time {
	return b.see(userID, of, now)
}

// Forget drops a user.
func (b *SightBook) Forget(userID string) { b.forget(userID) }

// Again begins anew with the same list.
func (b *SightBook) Again() { b.again() }

// Kept is what the next scheduled run is to know.
func (b *SightBook) Kept(walkedAll bool) workflows.Sightings { return b.kept(walkedAll) }

// Continued is the book as the next run of a chain gets it.
func (b *SightBook) Continued() *SightBook { return &SightBook{*newSightings(b.book())} }

// HandOn plays a chain without a server: each run decides as decide says and is told what
// command says as often as it takes that. See is handed what each run hands to the next.
func HandOn(in workflows.BulkInput, decide func(*connectors.UserRef) workflows.Decision, command workflows.Command, listed []activities.Listed, book workflows.Sightings, see func(workflows.BulkInput)) {
	carried := workflows.Carried{Given: in.Given(), Waiting: listed, Book: workflows.SightBook{Old: book, New: book}, Result: workflows.BulkResult{
		Counts: map[string]int{}, Codes: map[string]int{}, RequestReason: in.RequestReason, RequestedBy: in.RequestedBy}}
	for _, each := range listed {
		carried.Result.Missing.Merge(connectors.Missing{UserIDs: []string{each.UserID}})
	}
	for {
		r := assemble(&in, &carried)
		if len(r.Result.Interventions) == 0 {
			for range maxInterventions + 1 {
				r.remember(workflows.Intervention{Command: command, What: workflows.PauseUpdate})
			}
		}
		for range usersPerRun {
			switch {
			case len(in.Users) > 0:
				ref := in.Users[0]
				in.Users = in.Users[1:]
				r.note(decide(&ref))
			case len(r.Waiting) > 0:
				r.Waiting = r.Waiting[1:]
				r.note(decide(nil))
			}
		}
		see(r.handedOn())
		if len(in.Users) == 0 { // What was listed only gets less.
			return
		}
	}
}
