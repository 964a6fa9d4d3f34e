package unlockmany

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/workflows"
)

// maxSightingsSize bounds what is kept, in bytes as they are stored, so that it fits a payload:
// some 12,000 users. Of more, the oldest stay: a user who is forgotten waits longer.
const maxSightingsSize = 480 << 10

// sightings is a workflows.SightBook to look things up in.
type sightings struct{ old, seen map[string]sight }

type sight struct {
	since time.Time
	// of tells one lock from another; see workflows.Sighting.Print.
	of string
}

func newSightings(book workflows.SightBook) *sightings {
	return &sightings{old: unpack(book.Old), seen: unpack(book.New)}
}

// see returns since when the lock is known, and remembers it.
func (s *sightings) see(userID, of string, now time.Time) time.Time {
	current := sight{since: now, of: of}
	for _, before := range []map[string]sight{s.old, s.seen} {
		if known, found := before[userID]; found && known.of == of {
			current.since = known.since
		}
	}
	delete(s.old, userID)
	s.seen[userID] = current
	return current.since
}

// forget drops a user whose lock is gone.
func (s *sightings) forget(userID string) {
	delete(s.old, userID)
	delete(s.seen, userID)
}

// again begins anew with the same list.
func (s *sightings) again() {
	maps.Copy(s.old, s.seen)
	s.seen = map[string]sight{}
}

func (s *sightings) book() workflows.SightBook {
	seen := pack(s.seen, maxSightingsSize)
	return workflows.SightBook{Old: pack(s.old, maxSightingsSize-activities.StoredSize(seen)), New: seen}
}

// kept is what the next scheduled run is to know: after a list that was read whole, who was not
// seen is not locked any more.
func (s *sightings) kept(walkedAll bool) workflows.Sightings {
	if walkedAll {
		return pack(s.seen, maxSightingsSize)
	}
	all := maps.Clone(s.old)
	maps.Copy(all, s.seen)
	return pack(all, maxSightingsSize)
}

func unpack(s workflows.Sightings) map[string]sight {
	unpacked := map[string]sight{}
	for _, each := range s {
		for _, id := range each.UserIDs {
			unpacked[id] = sight{since: each.Since, of: each.Print}
		}
	}
	return unpacked
}

// pack groups by moment, the oldest first, in an order that does not depend on the map's, as
// many as take no more than most bytes.
func pack(sights map[string]sight, most int) workflows.Sightings {
	ids := slices.SortedFunc(maps.Keys(sights), func(a, b string) int {
		one, other := sights[a], sights[b]
		return cmp.Or(one.since.Compare(other.since), cmp.Compare(one.of, other.of), cmp.Compare(a, b))
	})
	packed, size := workflows.Sightings{}, len("[]")
	for _, id := range ids {
		current, last := sights[id], len(packed)-1
		fresh := last < 0 || !packed[last].Since.Equal(current.since) || packed[last].Print != current.of
		if fresh {
			size += activities.StoredSize(workflows.Sighting{Since: current.since, Print: current.of, UserIDs: []string{}}) + len(",")
		}
		if size += activities.StoredSize(id) + len(","); size > most {
			break
		}
		if fresh {
			packed = append(packed, workflows.Sighting{Since: current.since, Print: current.of})
			last++
		}
		packed[last].UserIDs = append(packed[last].UserIDs, id)
	}
	return packed
}
