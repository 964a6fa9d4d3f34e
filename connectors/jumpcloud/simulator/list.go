package simulator

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Bounds of a page, as JumpCloud documents them. More than the maximum, or than the
// setting pageLimit, gets no more.
const (
	defaultLimit = 10
	maximumLimit = 100
)

// search is what a list or search asks for.
type search struct {
	Filter       any  `json:"filter"`
	SearchFilter any  `json:"searchFilter"`
	Limit        int  `json:"limit"`
	Skip         int  `json:"skip"`
	Sort         keys `json:"sort"`
	Fields       keys `json:"fields"`
}

// keys are a list, or one string with spaces or commas between.
type keys []string

// UnmarshalJSON reads either.
func (k *keys) UnmarshalJSON(raw []byte) error {
	var list []string
	err := json.Unmarshal(raw, &list)
	if err != nil {
		var text string
		err = json.Unmarshal(raw, &text)
		list = words(text)
	}
	*k = list
	return err
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
}

// findOrList names the operation: a search for one user, or a list of all or of the locked ones.
func findOrList(r *kit.Request) string {
	asked := r.URL.RawQuery + string(r.Sent)
	if strings.Contains(asked, "account_locked") || !strings.Contains(asked, "ilter") && !strings.Contains(asked, "search") {
		return OpList
	}
	return OpFind
}

// list is GET /systemusers and POST /search/systemusers.
func (s *Simulator) list(r *kit.Request) kit.Reply {
	asked, filter, err := s.asked(r)
	if err != nil {
		return s.refuse(http.StatusBadRequest, err.Error())
	}
	hidden := map[string]string{http.MethodGet: "memberof", http.MethodPost: "delegatedAuthority"}[r.Method]
	rows, total := s.page(asked, filter)
	results := make([]any, len(rows)) // nil for a null row
	for i, u := range rows {
		if u == nil {
			continue
		}
		shown := s.Model.Native(u)
		maps.DeleteFunc(shown, func(key string, _ jsontext.Value) bool {
			return key == hidden || len(asked.Fields) > 0 && key != "_id" && key != "id" && !slices.Contains(asked.Fields, key)
		})
		results[i] = shown
	}
	return kit.OK(map[string]any{"results": results, "totalCount": total})
}

// asked reads the query, and the body of a search, which wins.
func (s *Simulator) asked(r *kit.Request) (asked search, filter kit.Filter, err error) {
	asked = search{
		Limit: number(r.Query, "limit", defaultLimit), Skip: number(r.Query, "skip", 0),
		Sort: words(r.Query.Get("sort")), Fields: words(r.Query.Get("fields")),
	}
	g := grammar{s.Model, s.Settings().IgnoresUnknown}
	if r.Method == http.MethodPost {
		if err := asked.read(r, g.ignores); err != nil {
			return asked, filter, err
		}
	}
	if asked.Limit < 0 || asked.Skip < 0 {
		return asked, filter, kit.Bad("invalid limit or skip")
	}
	asked.Limit = cmp.Or(asked.Limit, defaultLimit)
	for _, key := range asked.Sort {
		if key = strings.TrimPrefix(key, "-"); !s.Model.Knows(key) && !g.ignores {
			return asked, filter, kit.Bad("invalid sort: there is no field %q", key)
		}
	}
	filter, err = g.json([]any{filterOf(r.Query), asked.Filter})
	for _, order := range []any{textOf(r.Query), asked.SearchFilter} {
		if order != nil && err == nil {
			var also kit.Filter
			also, err = g.text(order)
			filter = filter.And(also)
		}
	}
	return asked, filter, err
}

func (asked *search) read(r *kit.Request, ignoresUnknown bool) error {
	body, err := r.Object()
	switch {
	case err != nil:
		return err
	case ignoresUnknown:
		return body.Into(asked)
	}
	return kit.Decode(r.Sent, "search", asked)
}

// number reads a parameter; -1 for what is none.
func number(query url.Values, name string, otherwise int) int {
	if !query.Has(name) {
		return otherwise
	}
	n, err := strconv.Atoi(query.Get(name))
	if err != nil {
		return -1
	}
	return n
}

// page is the rows of a page, nil for a null row, and how many there are in all. The
// gap takes its part of the page, if it is reached.
func (s *Simulator) page(asked search, filter kit.Filter) (rows []*kit.User, total int) {
	query := kit.Query{Filter: filter, Order: s.order(asked.Sort)}
	gap := s.Settings().Gap
	end := gap.At + gap.Count
	part := func(from, to int) []*kit.User {
		query.Skip, query.Limit = from, max(0, to-from)
		page := s.Model.Find(query)
		total = page.Total
		return page.Users
	}
	from, to := asked.Skip, asked.Skip+min(asked.Limit, s.Settings().PageLimit)
	if gap.Count == 0 {
		return part(from, to), total
	}
	if rows = part(from, min(to, gap.At)); total < gap.At {
		return part(from, to), total
	}
	if gap.Null {
		rows = append(rows, make([]*kit.User, max(0, min(to, end)-max(from, gap.At)))...)
	}
	rows = append(rows, part(max(from, end)-gap.Count, to-gap.Count)...)
	return rows, total + gap.Count
}

// order sorts by keys, downwards with a leading "-"; nil for the order of _id, in which
// users come.
func (s *Simulator) order(keys []string) func(a, b *kit.User) int {
	if len(keys) == 0 || keys[0] == "_id" || keys[0] == "id" {
		return nil
	}
	g := grammar{model: s.Model}
	return func(a, b *kit.User) int {
		for _, key := range keys {
			key, down := strings.CutPrefix(key, "-")
			if down {
				a, b = b, a
			}
			x, _ := plain(g.have(a, key))
			y, _ := plain(g.have(b, key))
			if order := compare(x, y); order != 0 {
				return order
			}
			if down {
				a, b = b, a
			}
		}
		return 0
	}
}
