package jumpcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/connectors"
)

// shrinking is a search over a set of locked users that changes between two pages.
type shrinking struct {
	ids    []int
	change func(s *shrinking)
	pages  int
	// pageSize caps pages below what is asked for; ignoreSkip answers with the first page always.
	pageSize   int
	ignoreSkip bool
}

func idOf(number int) string { return fmt.Sprintf("%024x", number) }

func (s *shrinking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if unlocked, found := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/systemusers/"), "/unlock"); found {
		s.remove(unlocked)
		return
	}
	var query struct {
		Filter      []map[string]bool
		Sort        string
		Skip, Limit int
	}
	body, _ := io.ReadAll(r.Body)
	if json.Unmarshal(body, &query) != nil || len(query.Filter) != 1 || !query.Filter[0]["account_locked"] || query.Sort != "_id" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.pages++
	if s.ignoreSkip {
		query.Skip = 0
	}
	slices.Sort(s.ids)
	rest := s.ids[min(query.Skip, len(s.ids)):]
	results := []map[string]any{}
	for _, id := range rest[:min(query.Limit, s.pageSize, len(rest))] {
		results = append(results, map[string]any{"_id": idOf(id), "account_locked": id%7 != 0, "suspended": false})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"totalCount": len(s.ids), "results": results})
	if s.change != nil {
		s.change(s)
	}
}

func (s *shrinking) remove(unlocked string) {
	s.ids = slices.DeleteFunc(s.ids, func(id int) bool { return idOf(id) == unlocked })
}

func walkAll(ctx context.Context, t require.TestingT, connector *Connector, limit int, unlock func(id string)) ([]string, error) {
	var ids []string
	for after := ""; ; {
		page, err := connector.ListLocked(ctx, after, limit)
		if err != nil {
			return nil, err
		}
		require.LessOrEqual(t, len(page.Accounts), limit)
		require.GreaterOrEqual(t, page.Read, len(page.Accounts))
		for _, account := range page.Accounts {
			ids = append(ids, account.ID)
			require.Empty(t, account.User, "pages are long")
			if unlock != nil {
				unlock(account.ID)
			}
		}
		if after = page.Next; after == "" {
			return ids, nil
		}
	}
}

// TestListMissesNobody: whoever is locked throughout is listed, once and in order,
// however many leave the set and join it meanwhile.
func TestListMissesNobody(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set := &shrinking{pageSize: rapid.IntRange(2, 120).Draw(t, "page size")}
		all := rapid.SliceOfNDistinct(rapid.IntRange(1, 5000), 0, 400, rapid.ID[int]).Draw(t, "locked")
		joining := all[:rapid.IntRange(0, len(all)).Draw(t, "joining")]
		set.ids = slices.Clone(all[len(joining):])
		order := rapid.Permutation(slices.Clone(set.ids)).Draw(t, "order")
		order = order[:min(rapid.IntRange(0, 400).Draw(t, "leaving"), len(order))]
		staying := slices.DeleteFunc(slices.Clone(set.ids), func(id int) bool { return slices.Contains(order, id) || id%7 == 0 })
		set.change = func(s *shrinking) {
			for gone := rapid.IntRange(0, 60).Draw(t, "gone"); gone > 0 && len(order) > 0; gone-- {
				s.remove(idOf(order[0]))
				order = order[1:]
			}
			for come := rapid.IntRange(0, 20).Draw(t, "come"); come > 0 && len(joining) > 0; come-- {
				s.ids, joining = append(s.ids, joining[0]), joining[1:]
			}
		}
		server := httptest.NewServer(set)
		defer server.Close()
		connector := openAt(t, server.URL)
		unlock := func(id string) {
			set.change(set) // between pages too
			if rapid.IntRange(0, 9).Draw(t, "by us") == 0 && slices.Contains(order, numberOf(id)) {
				require.NoError(t, connector.Unlock(t.Context(), &connectors.Account{ID: id}))
			}
		}
		ids, err := walkAll(t.Context(), t, connector, rapid.IntRange(1, 150).Draw(t, "limit"), unlock)
		if connectors.KindOf(err) == connectors.Conflict {
			return // it says so instead of missing somebody
		}
		require.NoError(t, err)
		require.True(t, slices.IsSorted(ids))
		require.Len(t, slices.Compact(slices.Clone(ids)), len(ids))
		for _, id := range staying {
			require.Contains(t, ids, idOf(id))
		}
	})
}

func numberOf(id string) int {
	number, _ := strconv.ParseInt(id, 16, 64)
	return int(number)
}

// TestListGoesOnFromItsPlace: accounts that stay locked are not read again at each page,
// by whatever worker the page before was handed out.
func TestListGoesOnFromItsPlace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ workers, locked, limit, most int }{
		"one worker": {1, 5000, 500, 61}, "three": {3, 1500, 150, 65},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := &shrinking{pageSize: 100}
			for id := range test.locked {
				set.ids = append(set.ids, id*7+1)
			}
			server := httptest.NewServer(set)
			t.Cleanup(server.Close)
			workers := []*Connector{}
			for range test.workers {
				workers = append(workers, openAt(t, server.URL))
			}
			met, after := 0, ""
			for turn := 0; turn == 0 || after != ""; turn++ {
				page, err := workers[turn%len(workers)].ListLocked(t.Context(), after, test.limit)
				require.NoError(t, err)
				met, after = met+len(page.Accounts), page.Next
			}
			require.Equal(t, test.locked, met)
			require.LessOrEqual(t, set.pages, test.most)
		})
	}
}

// TestPlaces: few are kept, the oldest go, and the nearest before is the next best.
func TestPlaces(t *testing.T) {
	t.Parallel()
	var known places
	require.Zero(t, known.of(idOf(1)))
	for number := range 3 * maxPlaces {
		known.remember(idOf(number), number)
		known.remember(idOf(number), 10*number)
	}
	require.Len(t, known.known, maxPlaces)
	require.Zero(t, known.of(idOf(2*maxPlaces-1)))
	require.Equal(t, 20*maxPlaces, known.of(idOf(2*maxPlaces)))
	require.Equal(t, 10*(3*maxPlaces-1), known.of(idOf(9999)))
	known.left(idOf(2*maxPlaces + 1))
	require.Equal(t, 20*maxPlaces, known.of(idOf(2*maxPlaces)))
	require.Equal(t, 20*maxPlaces+9, known.of(idOf(2*maxPlaces+1)))
}

// TestListGoesBack: when all that was handed out has been unlocked elsewhere, the rest is
// found in few steps back, which are one setback however many they are.
func TestListGoesBack(t *testing.T) {
	t.Parallel()
	set := &shrinking{pageSize: 100}
	for id := range 6000 {
		set.ids = append(set.ids, id*7+1)
	}
	server := httptest.NewServer(set)
	t.Cleanup(server.Close)
	connector := openAt(t, server.URL)
	page, err := connector.ListLocked(t.Context(), "", 5000)
	require.NoError(t, err)
	set.ids, set.pages = set.ids[5000:], 0
	page, err = connector.ListLocked(t.Context(), page.Next, 100)
	require.NoError(t, err)
	require.Equal(t, idOf(5000*7+1), page.Accounts[0].ID)
	require.LessOrEqual(t, set.pages, 8)
}

func openAt(t require.TestingT, address string) *Connector {
	config := &Config{APIKey: testKey, Region: "us", BaseURL: address}
	connector, err := config.Open(connectors.Options{})
	require.NoError(t, err)
	opened, ok := connector.(*Connector)
	require.True(t, ok)
	return opened
}

func TestListWhileUnlocking(t *testing.T) {
	t.Parallel()
	set := &shrinking{pageSize: 100}
	for id := 1; id <= 250; id++ {
		set.ids = append(set.ids, id*7+1)
	}
	server := httptest.NewServer(set)
	t.Cleanup(server.Close)
	connector := openAt(t, server.URL)
	ids, err := walkAll(t.Context(), t, connector, 50, func(unlocked string) {
		require.NoError(t, connector.Unlock(t.Context(), &connectors.Account{ID: unlocked}))
	})
	require.NoError(t, err)
	require.Len(t, ids, 250)
	require.Equal(t, 6, set.pages, "what was unlocked is not read again")
}

func TestListRefusesWhatItCannotWalk(t *testing.T) {
	t.Parallel()
	set := &shrinking{pageSize: 10, ignoreSkip: true}
	for id := 1; id <= 30; id++ {
		set.ids = append(set.ids, id)
	}
	server := httptest.NewServer(set)
	t.Cleanup(server.Close)
	_, err := openAt(t, server.URL).ListLocked(t.Context(), "", 100)
	require.Equal(t, connectors.Conflict, connectors.KindOf(err))

	one, two := fixture(t, nil), fixture(t, map[string]any{"_id": idOf(1)})
	search := postSearch + `{"filter":[{"account_locked":true}],"limit":100,"skip":0,"sort":"_id"}`
	_, err = newFake(t, map[string]string{search: listOf(one, two)}).open(t).ListLocked(t.Context(), "", 100)
	require.Equal(t, connectors.MalformedResponse, connectors.KindOf(err), "not sorted")

	page, err := newFake(t, map[string]string{search: listOf(), getOrg: orgOf3}).open(t).ListLocked(t.Context(), "", 100)
	require.NoError(t, err)
	require.Equal(t, connectors.Page{Accounts: []*connectors.Account{}}, page)
}
