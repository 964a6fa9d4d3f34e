package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

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
	filter      filter
	limit, skip int
	sort        []string
	fields      []string
}

// list is GET /systemusers and POST /search/systemusers.
func (s *Simulator) list(r *kit.Request) kit.Reply {
	asked, err := parse(r, &grammar{knows: s.model.Knows, ignores: s.model.Settings().IgnoresUnknown})
	if err != nil {
		return s.refuse(http.StatusBadRequest, err.Error())
	}
	object := s.read
	if r.Method == http.MethodPost {
		object = s.found
	}
	rows, total := s.page(asked)
	results := kit.AppendList(nil, len(rows), func(dst []byte, i int) []byte {
		if rows[i] == nil {
			return append(dst, "null"...)
		}
		shown := object(rows[i])
		if len(asked.fields) > 0 {
			shown = shown.Only(append([]string{"_id", "id"}, asked.fields...)...)
		}
		return shown.AppendJSON(dst)
	})
	return kit.OK(kit.Fields{{Key: "results", Value: results}, {Key: "totalCount", Value: kit.JSON(total)}})
}

// page is the rows of a page, nil for a null row, and how many there are in all. The
// gap takes its part of the page, if it is reached.
func (s *Simulator) page(asked search) (rows []*kit.User, total int) {
	query := asked.filter.query(s.model.Value)
	query.Order = s.order(asked.sort)
	gap := s.model.Settings().Gap
	end := gap.At + gap.Count
	part := func(from, to int) []*kit.User {
		query.Skip, query.Limit = from, max(0, to-from)
		page := s.model.Find(query)
		total = page.Total
		return page.Users
	}
	from, to := asked.skip, asked.skip+min(asked.limit, s.model.Settings().PageLimit)
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
	return func(a, b *kit.User) int {
		for _, key := range keys {
			key, down := strings.CutPrefix(key, "-")
			x, _ := plain(s.model.Value(a, key))
			y, _ := plain(s.model.Value(b, key))
			order := compare(x, y)
			if down {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	}
}

// findOrList tells a search for somebody from a walk over everybody or all the locked.
func findOrList(r *kit.Request) string {
	asked, err := parse(r, &grammar{knows: func(string) bool { return true }})
	if err == nil && (asked.filter.everybody() || asked.filter.asksLocked) {
		return OpList
	}
	return OpFind
}

// parse reads the query, and the body of a search, which wins.
func parse(r *kit.Request, g *grammar) (search, error) {
	asked := search{limit: defaultLimit}
	if err := asked.takeQuery(r.Query, g); err != nil {
		return asked, err
	}
	if r.Method == http.MethodPost {
		body, err := r.Object()
		if err == nil {
			err = asked.takeBody(body, g)
		}
		if err != nil {
			return asked, err
		}
	}
	if asked.limit == 0 {
		asked.limit = defaultLimit
	}
	for _, key := range asked.sort {
		if key = strings.TrimPrefix(key, "-"); !g.knows(key) && !g.ignores {
			return asked, kit.Bad("invalid sort: there is no field %q", key)
		}
	}
	return asked, nil
}

func (asked *search) takeQuery(query url.Values, g *grammar) error {
	asked.sort, asked.fields = words(query.Get("sort")), words(query.Get("fields"))
	for name, into := range map[string]*int{"limit": &asked.limit, "skip": &asked.skip} {
		if !query.Has(name) {
			continue
		}
		n, err := strconv.Atoi(query.Get(name))
		if err != nil || n < 0 {
			return kit.Bad("invalid %s", name)
		}
		*into = n
	}
	var err error
	asked.filter, err = g.query(query)
	return err
}

func (asked *search) takeBody(body kit.Fields, g *grammar) error {
	for _, field := range body {
		var err error
		switch field.Key {
		case "filter":
			var also filter
			also, err = g.json(field.Value)
			asked.filter = asked.filter.and(also)
		case "searchFilter":
			err = g.text(field.Value, &asked.filter)
		case "limit":
			err = json.Unmarshal(field.Value, &asked.limit)
		case "skip":
			err = json.Unmarshal(field.Value, &asked.skip)
		case "sort":
			asked.sort, err = listOf(field.Value)
		case "fields":
			asked.fields, err = listOf(field.Value)
		default:
			if !g.ignores {
				err = kit.Bad("there is no key %q in a search", field.Key)
			}
		}
		if err != nil {
			return kit.Bad("invalid %s: %s", field.Key, err)
		}
	}
	if asked.limit < 0 || asked.skip < 0 {
		return kit.Bad("invalid limit or skip")
	}
	return nil
}

// listOf reads keys from a list, or from one string.
func listOf(raw json.RawMessage) ([]string, error) {
	var list []string
	if err := json.Unmarshal(raw, &list); err == nil {
		return list, nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return words(text), err
}

// words splits a list of keys at spaces and commas.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
}
