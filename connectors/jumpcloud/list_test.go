package jumpcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
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
// however many leave the set meanwhile.
func TestListMissesNobody(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set := &shrinking{pageSize: rapid.IntRange(2, 120).Draw(t, "page size")}
		set.ids = rapid.SliceOfNDistinct(rapid.IntRange(1, 5000), 0, 400, rapid.ID[int]).Draw(t, "locked")
		leaving := rapid.IntRange(0, 400).Draw(t, "leaving")
		order := rapid.Permutation(slices.Clone(set.ids)).Draw(t, "order")
		order = order[:min(leaving, len(order))]
		staying := slices.DeleteFunc(slices.Clone(set.ids), func(id int) bool { return slices.Contains(order, id) || id%7 == 0 })
		slices.Sort(staying)
		set.change = func(s *shrinking) {
			gone := rapid.IntRange(0, 60).Draw(t, "gone")
			for ; gone > 0 && len(order) > 0; gone-- {
				s.ids = slices.DeleteFunc(s.ids, func(id int) bool { return id == order[0] })
				order = order[1:]
			}
		}
		server := httptest.NewServer(set)
		defer server.Close()
		connector := openAt(t, server.URL)
		ids, err := walkAll(t.Context(), t, connector, rapid.IntRange(1, 150).Draw(t, "limit"), nil)
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
	ids, err := walkAll(t.Context(), t, openAt(t, server.URL), 50, func(unlocked string) {
		set.ids = slices.DeleteFunc(set.ids, func(id int) bool { return idOf(id) == unlocked })
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
