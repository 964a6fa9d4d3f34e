package unlockmany_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/unlockmany"
)

// noon is when the tests of sightings begin.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// seenAt is when each user was first seen.
func seenAt(s workflows.Sightings) map[string]time.Time {
	at := map[string]time.Time{}
	for _, sighting := range s {
		for _, id := range sighting.UserIDs {
			at[id] = sighting.Since
		}
	}
	return at
}

// TestSightings: what is kept of a lock without a date from run to run.
func TestSightings(t *testing.T) {
	t.Parallel()
	later := noon.Add(time.Hour)
	before := workflows.Sightings{{Since: noon, Print: "p", UserIDs: []string{"a", "b"}}}
	for name, test := range map[string]struct {
		act  func(*unlockmany.SightBook)
		all  bool
		want map[string]time.Time
	}{
		"seen again keeps its date":          {func(b *unlockmany.SightBook) { b.See("a", "p", later) }, true, map[string]time.Time{"a": noon}},
		"another lock has a date of its own": {func(b *unlockmany.SightBook) { b.See("a", "q", later) }, true, map[string]time.Time{"a": later}},
		"a new one begins now":               {func(b *unlockmany.SightBook) { b.See("c", "p", later) }, true, map[string]time.Time{"c": later}},
		"who was not seen is not locked":     {func(*unlockmany.SightBook) {}, true, map[string]time.Time{}},
		"unless the walk was cut short":      {func(b *unlockmany.SightBook) { b.See("a", "q", later) }, false, map[string]time.Time{"a": later, "b": noon}},
		"forgotten before it was seen":       {func(b *unlockmany.SightBook) { b.Forget("a") }, false, map[string]time.Time{"b": noon}},
		"forgotten after it was seen":        {func(b *unlockmany.SightBook) { b.See("a", "p", later); b.Forget("a") }, false, map[string]time.Time{"b": noon}},
		"a list that is read anew":           {func(b *unlockmany.SightBook) { b.See("c", "p", noon); b.Again(); b.See("c", "p", later) }, true, map[string]time.Time{"c": noon}},
		"read anew, and gone":                {func(b *unlockmany.SightBook) { b.See("a", "p", later); b.Again() }, true, map[string]time.Time{}},
		"seen twice in one run":              {func(b *unlockmany.SightBook) { b.See("c", "p", noon); b.See("c", "p", later) }, true, map[string]time.Time{"c": noon}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := unlockmany.NewSightBook(before)
			test.act(book)
			require.Equal(t, test.want, seenAt(book.Kept(test.all)))
			require.Equal(t, test.want, seenAt(book.Continued().Kept(test.all)), "the next run of the chain knows as much")
		})
	}
}

// TestSightingsRoundTrip: packing loses nothing, in one order whatever the map's.
func TestSightingsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		book, want := unlockmany.NewSightBook(nil), map[string]time.Time{}
		for range rapid.IntRange(0, 60).Draw(t, "sightings") {
			id := fmt.Sprintf("u%d", rapid.IntRange(0, 20).Draw(t, "id"))
			of := rapid.SampledFrom([]string{"p", "q"}).Draw(t, "print")
			at := noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "hour")) * time.Hour)
			since := book.See(id, of, at)
			require.False(t, since.After(at) && want[id].IsZero())
			want[id] = since
		}
		kept := book.Kept(true)
		require.Equal(t, want, seenAt(kept))
		for i := 1; i < len(kept); i++ {
			require.False(t, kept[i].Since.Before(kept[i-1].Since), "the oldest first")
		}
		data, err := json.Marshal(kept)
		require.NoError(t, err)
		var read workflows.Sightings
		require.NoError(t, json.Unmarshal(data, &read))
		again := unlockmany.NewSightBook(read)
		require.Equal(t, kept, again.Kept(false))
		require.Equal(t, kept, again.Continued().Kept(false))
	})
}

// TestSightingsAreBounded: of too many the oldest stay, in a run's result and in what it hands
// to the next, and so many fit a payload.
func TestSightingsAreBounded(t *testing.T) {
	t.Parallel()
	const many, payload = 20_000, 1 << 19
	for name, step := range map[string]time.Duration{"each at a moment of its own": time.Minute, "all at one moment": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var before workflows.Sightings
			for n := range many {
				before = append(before, workflows.Sighting{Since: noon.Add(time.Duration(n) * step), Print: "p", UserIDs: []string{latchkeytest.MemberID(n)}})
			}
			book := unlockmany.NewSightBook(before)
			for n := range many / 2 {
				book.See(latchkeytest.MemberID(n), "p", noon)
			}
			for _, kept := range []workflows.Sightings{book.Kept(false), book.Continued().Kept(false)} {
				require.Less(t, activities.StoredSize(kept), payload)
				require.Greater(t, activities.StoredSize(kept), payload*3/4)
				at := seenAt(kept)
				require.Contains(t, at, latchkeytest.MemberID(0))
				require.NotContains(t, at, latchkeytest.MemberID(many-1))
			}
		})
	}
}
