package main

import (
	"slices"
	"time"

	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// past is how a user's locks changed, in the order of time.
type past []simulator.Change

// past is that of one user.
func (e *evidence) past(userID string) past {
	var found past
	for _, change := range e.books[e.accounts[userID].connection] {
		if change.UserID == userID {
			found = append(found, change)
		}
	}
	slices.SortStableFunc(found, func(one, other simulator.Change) int { return one.Time.Compare(other.Time) })
	return found
}

// within reports whether there was a moment between the two at which the user was locked, on
// whatever layer, or was not.
func (p past) within(from, to time.Time, locked bool) bool {
	layers := map[string]bool{}
	for _, change := range p {
		if change.Time.After(to) {
			break
		}
		// What held until this change held at `from` if the change came after it.
		if change.Time.After(from) && (len(layers) > 0) == locked {
			return true
		}
		if change.What == simulator.Locked {
			layers[change.Layer] = true
		} else {
			delete(layers, change.Layer)
		}
	}
	return (len(layers) > 0) == locked
}

// changed reports whether anything changed between the two.
func (p past) changed(from, to time.Time) bool {
	return slices.ContainsFunc(p, func(change simulator.Change) bool {
		return change.Time.After(from) && !change.Time.After(to)
	})
}

// byAdministrator reports whether a lock of an administrator's stood between the two.
func (p past) byAdministrator(from, to time.Time) bool {
	standing := map[string]bool{}
	for _, change := range p {
		if change.Time.After(to) {
			break
		}
		if change.Time.After(from) && len(standing) > 0 {
			return true
		}
		if change.What == simulator.Locked && change.Cause == simulator.CauseAdmin {
			standing[change.Layer] = true
		} else {
			delete(standing, change.Layer)
		}
	}
	return len(standing) > 0
}
