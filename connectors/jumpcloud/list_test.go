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

func hexOf(number int) string { return fmt.Sprintf("%024x", number) }

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
		results = append(results, map[string]any{"_id": hexOf(id), "account_locked": id%7 != 0, "suspended": false})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"totalCount": len(s.ids), "results": results})
	if s.change != nil {
		s.change(s)
	}
}

func (s *shrinking) remove(unlocked string) {
	s.ids = slices.DeleteFunc(s.ids, func(id int) bool { return hexOf(id) == unlocked })
}

func walkAll(ctx context.Context, t require.TestingT, connector *connectors.Connector, limit int, unlock func(id string)) ([]string, error) {
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
				s.remove(hexOf(order[0]))
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
				require.NoError(t, unlock(t, connector, &connectors.Account{ID: id}))
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
			require.Contains(t, ids, hexOf(id))
		}
	})
}

func numberOf(id string) int {
	number, _ := strconv.ParseInt(id, 16, 64)
	return int(number)
}

func openAt(t require.TestingT, address string) *connectors.Connector {
	config := &Config{APIKey: testKey, Region: "us", BaseURL: address}
	connector, err := connectors.Open(Provider(), config, connectors.Options{})
	require.NoError(t, err)
	return connector
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
		require.NoError(t, unlock(t, connector, &connectors.Account{ID: unlocked}))
	})
	require.NoError(t, err)
	require.Len(t, ids, 250)
	require.Equal(t, 5, set.pages, "what was unlocked is not read again")
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

	one, two := fixture(t, nil), fixture(t, map[string]any{"_id": hexOf(1)})
	search := postSearch + `{"filter":[{"account_locked":true}],"limit":100,"skip":0,"sort":"_id"}`
	_, err = newFake(t, map[string]string{search: listOf(one, two)}).open(t).ListLocked(t.Context(), "", 100)
	require.Equal(t, connectors.MalformedResponse, connectors.KindOf(err), "not sorted")

	page, err := newFake(t, map[string]string{search: listOf(), getOrg: orgOf3}).open(t).ListLocked(t.Context(), "", 100)
	require.NoError(t, err)
	require.Equal(t, connectors.Page{Accounts: []*connectors.Account{}}, page)
}

// holed is a search whose rows may be null or left out, and whose pages may be too long.
type holed struct {
	rows []string // as they stand in an answer; an empty one is counted and left out
	// most bounds the rows of a page: beyond it the page is longer than is read.
	most int
	// short answers with so many rows at most.
	short int
}

func (h holed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var query struct{ Skip, Limit int }
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &query)
	rest := h.rows[min(query.Skip, len(h.rows)):]
	rest = slices.DeleteFunc(slices.Clone(rest[:min(query.Limit, h.short, len(rest))]), func(row string) bool { return row == "" })
	w.Header().Set("Content-Type", "application/json")
	padding := ""
	if len(rest) > h.most {
		padding = strings.Repeat(" ", 5<<20)
	}
	_, _ = fmt.Fprintf(w, `{"totalCount":%d,"results":[%s]%s}`, len(h.rows), strings.Join(rest, ","), padding)
}

func TestAListThatIsNotWholeSaysSo(t *testing.T) {
	t.Parallel()
	locked := func(number int) string {
		return fmt.Sprintf(`{"_id":%q,"account_locked":true,"suspended":false}`, hexOf(number))
	}
	full := func(count int) []string {
		var rows []string
		for number := 1; number <= count; number++ {
			rows = append(rows, locked(number))
		}
		return rows
	}
	without := func(rows []string, from, to int, instead string) []string {
		rows = slices.Clone(rows)
		for i := from; i < to; i++ {
			rows[i] = instead
		}
		return rows
	}
	long := fmt.Sprintf(`{"_id":%q,"account_locked":true,"suspended":false,"x":%q}`, hexOf(5), strings.Repeat("x", 2<<20))
	for name, test := range map[string]struct {
		tenant holed
		met    int
		want   connectors.Missing
	}{
		"whole":                       {tenant: holed{rows: full(300), most: 100, short: 100}, met: 300},
		"short pages":                 {tenant: holed{rows: full(300), most: 100, short: 7}, met: 300},
		"a row a page":                {tenant: holed{rows: full(30), most: 100, short: 1}, met: 30},
		"a hole of a page":            {tenant: holed{rows: without(full(300), 99, 199, ""), most: 100, short: 100}, met: 200, want: connectors.Missing{Rows: 100}},
		"a null row":                  {tenant: holed{rows: without(full(300), 150, 151, "null"), most: 100, short: 100}, met: 299, want: connectors.Missing{Rows: 1}},
		"a null row where pages meet": {tenant: holed{rows: without(full(300), 99, 100, "null"), most: 100, short: 100}, met: 299, want: connectors.Missing{Rows: 1}},
		"a row of another shape":      {tenant: holed{rows: without(full(10), 4, 5, `{"_id":"`+hexOf(5)+`","account_locked":"yes"}`), most: 100, short: 100}, met: 9, want: connectors.Missing{Rows: 1, UserIDs: []string{hexOf(5)}}},
		"a row that is too long":      {tenant: holed{rows: without(full(10), 4, 5, long), most: 100, short: 100}, met: 9, want: connectors.Missing{Rows: 1, UserIDs: []string{hexOf(5)}}},
		"pages that are too long":     {tenant: holed{rows: full(120), most: 30, short: 100}, met: 120},
		"all but one are too long":    {tenant: holed{rows: full(30), most: 1, short: 100}, met: 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.tenant)
			t.Cleanup(server.Close)
			page, err := openAt(t, server.URL).ListLocked(t.Context(), "", 1000)
			require.NoError(t, err)
			require.Len(t, page.Accounts, test.met)
			require.Empty(t, page.Next)
			require.Equal(t, test.want, page.Missing)
		})
	}
	server := httptest.NewServer(holed{rows: full(3), short: 100})
	t.Cleanup(server.Close)
	_, err := openAt(t, server.URL).ListLocked(t.Context(), "", 1000)
	require.Equal(t, connectors.Unsupported, connectors.KindOf(err), "what cannot change is not tried again: %v", err)
	server = httptest.NewServer(holed{rows: make([]string, 1_000_000), short: 100})
	t.Cleanup(server.Close)
	_, err = openAt(t, server.URL).ListLocked(t.Context(), "", 1000)
	require.Equal(t, connectors.MalformedResponse, connectors.KindOf(err), "nothing could be read")
}
