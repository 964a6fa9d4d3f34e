package workflows

import (
	"time"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// SetTimes shortens what a test would otherwise wait for. Call it before any workflow runs.
func SetTimes(attempt, grace, check time.Duration) {
	attemptTimeout, verifyGrace, checkTimeout = attempt, grace, check
	listTimeout, sendAgainAfter = attempt, 2*grace
}

// SetUsersPerRun lets chains come with few users, and returns what puts the number back.
func SetUsersPerRun(n int) (reset func()) {
	before := usersPerRun
	usersPerRun = n
	return func() { usersPerRun = before }
}

// SetCeiling shortens an hour and the runs of a ceiling. Call it before any workflow runs.
func SetCeiling(window time.Duration, asks int) { ceilingWindow, asksPerRun = window, asks }

// Counted is what a ceiling has counted.
type Counted struct{ ceiling }

// Admit counts those that find a place.
func (c *Counted) Admit(now time.Time, limit int, runs ...string) []bool {
	return c.admit(now, AdmitRequest{Limit: limit, Runs: runs}).Admitted
}

// Complete fills in the defaults of a policy and returns the guard that it makes.
func Complete(p *Policy, given, hidesPrivilege bool) Guard {
	p.complete(given)
	return p.guard(hidesPrivilege)
}

// SightBook is a book of sightings for tests.
type SightBook struct{ sightings }

// NewSightBook opens the book with which a scheduled run begins.
func NewSightBook(before Sightings) *SightBook {
	return &SightBook{*newSightings(sightBook{Old: before})}
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
func (b *SightBook) Kept(walkedAll bool) Sightings { return b.kept(walkedAll) }

// Continued is the book as the next run of a chain gets it.
func (b *SightBook) Continued() *SightBook { return &SightBook{*newSightings(b.book())} }

// Understood is what understand reads out of an error.
type Understood struct {
	Kind, Message string
	Sent          connectors.Answer
	Attempt       int
}

// Understand reads why an activity failed.
func Understand(err error) Understood {
	failed := understand(err, "c-1")
	return Understood{Kind: failed.kind, Message: failed.message, Sent: failed.sent, Attempt: failed.attempt}
}

// HandOn plays a chain without a server: each run decides as decide says and is told what
// command says as often as it takes that. See is handed what each run hands to the next.
func HandOn(in BulkInput, decide func(*connectors.UserRef) Decision, command Command, listed []activities.Listed, book Sightings, see func(BulkInput)) {
	carried := Carried{Given: in.Given(), Waiting: listed, Book: sightBook{Old: book, New: book}, Result: BulkResult{
		Counts: map[string]int{}, Codes: map[string]int{}, RequestReason: in.RequestReason, RequestedBy: in.RequestedBy}}
	for _, each := range listed {
		carried.Result.Missing.Merge(connectors.Missing{UserIDs: []string{each.UserID}})
	}
	for {
		run := &bulkRun{in: &in, Carried: carried, sightings: newSightings(carried.Book), done: map[string]bool{}}
		run.Result.Decisions = []Decision{}
		run.failuresSize = activities.StoredSize(run.Result.Failures)
		if len(run.Result.Interventions) == 0 {
			for range maxInterventions + 1 {
				run.remember(Intervention{Command: command, What: PauseUpdate})
			}
		}
		for range usersPerRun {
			switch {
			case len(in.Users) > 0:
				ref := in.Users[0]
				in.Users = in.Users[1:]
				run.note(decide(&ref))
			case len(run.Waiting) > 0:
				run.Waiting = run.Waiting[1:]
				run.note(decide(nil))
			}
		}
		see(run.handedOn())
		if len(in.Users) == 0 { // What was listed only gets less.
			return
		}
		carried = run.Carried
	}
}
