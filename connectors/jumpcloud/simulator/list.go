package simulator

import (
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
	Filter       any            `json:"filter"`
	SearchFilter jsontext.Value `json:"searchFilter"`
	Limit        int            `json:"limit"`
	Skip         int            `json:"skip"`
	Sort         keys           `json:"sort"`
	Fields       keys           `json:"fields"`
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

// findOrList tells a search for somebody from a walk over everybody or all the locked.
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
func (s *Simulator) asked(r *kit.Request) (search, kit.Filter, error) {
	asked := search{Limit: defaultLimit, Sort: words(r.Query.Get("sort")), Fields: words(r.Query.Get("fields"))}
	g := grammar{s.Model, s.Settings().IgnoresUnknown}
	filter, err := g.query(r.Query)
	for _, read := range []func() error{
		func() error { return number(r.Query, "limit", &asked.Limit) },
		func() error { return number(r.Query, "skip", &asked.Skip) },
		func() error { return s.body(r, &asked) },
		func() error { return kit.Need(asked.Limit >= 0 && asked.Skip >= 0, "invalid limit or skip") },
		func() error {
			also, err := g.json(asked.Filter)
			filter = filter.And(also)
			return err
		},
		func() error {
			if asked.SearchFilter == nil {
				return nil
			}
			also, err := g.text(asked.SearchFilter)
			filter = filter.And(also)
			return err
		},
	} {
		if err == nil {
			err = read()
		}
	}
	if asked.Limit == 0 {
		asked.Limit = defaultLimit
	}
	for _, key := range asked.Sort {
		if key = strings.TrimPrefix(key, "-"); err == nil && !s.Model.Knows(key) && !g.ignores {
			err = kit.Bad("invalid sort: there is no field %q", key)
		}
	}
	return asked, filter, err
}

func (s *Simulator) body(r *kit.Request, asked *search) error {
	if r.Method != http.MethodPost {
		return nil
	}
	body, err := r.Object()
	switch {
	case err != nil:
		return err
	case s.Settings().IgnoresUnknown:
		return body.Into(asked)
	}
	return kit.Decode(r.Sent, "search", asked)
}

func number(query url.Values, name string, into *int) error {
	if !query.Has(name) {
		return nil
	}
	n, err := strconv.Atoi(query.Get(name))
	*into = n
	return kit.Need(err == nil, "invalid %s", name)
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
