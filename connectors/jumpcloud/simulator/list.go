package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Bounds of a page, as JumpCloud documents them. More than the maximum gets the maximum.
const (
	defaultLimit = 10
	maximumLimit = 100
)

// search is the body of POST /search/systemusers.
type search struct {
	Filter json.RawMessage `json:"filter"`
	Limit  *int            `json:"limit"`
	Skip   int             `json:"skip"`
	Sort   string          `json:"sort"`
	Fields string          `json:"fields"`
}

// page is what a list or search asks for.
type page struct {
	filter      *filter
	limit, skip int
	sort        []string
	fields      []string
	object      func(*user) kit.Fields
}

// serveList is GET /systemusers?filter=&limit=&skip=&sort=&fields=.
func (s *Simulator) serveList(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit, errLimit := number(query.Get("limit"), defaultLimit)
	skip, errSkip := number(query.Get("skip"), 0)
	f, err := parseQuery(query["filter"])
	switch {
	case errLimit != nil:
		s.refuse(w, http.StatusBadRequest, "invalid limit")
	case errSkip != nil:
		s.refuse(w, http.StatusBadRequest, "invalid skip")
	case err != nil:
		s.refuse(w, http.StatusBadRequest, err.Error())
	default:
		s.writePage(w, page{
			filter: f, limit: limit, skip: skip, object: s.read,
			sort: words(query.Get("sort")), fields: words(query.Get("fields")),
		})
	}
}

// serveSearch is POST /search/systemusers.
func (s *Simulator) serveSearch(w http.ResponseWriter, r *http.Request) {
	body, err := jsonBody(r)
	if err != nil {
		s.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	var order search
	if err := json.Unmarshal(kit.JSON(body), &order); err != nil {
		s.refuse(w, http.StatusBadRequest, "invalid search")
		return
	}
	f, err := parseSearch(order.Filter)
	if err != nil {
		s.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	limit := defaultLimit
	if order.Limit != nil {
		limit = *order.Limit
	}
	if limit < 0 || order.Skip < 0 {
		s.refuse(w, http.StatusBadRequest, "invalid limit or skip")
		return
	}
	s.writePage(w, page{
		filter: f, limit: limit, skip: order.Skip, object: s.found,
		sort: words(order.Sort), fields: words(order.Fields),
	})
}

func (s *Simulator) writePage(w http.ResponseWriter, p page) {
	s.mu.Lock()
	if p.limit = min(p.limit, maximumLimit); p.limit == 0 {
		p.limit = defaultLimit
	}
	found, total := s.find(p)
	results := make([]kit.Fields, 0, len(found))
	for _, u := range found {
		results = append(results, p.pick(p.object(u)))
	}
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, kit.Fields{ // sorted by key
		{Key: "results", Value: kit.JSON(results)}, {Key: "totalCount", Value: kit.JSON(total)},
	})
}

// find returns the page of the users that match, as readers see them now, in the order
// asked for, and how many match in all. Users come by _id, so that in this order only the
// page is kept: most searches ask for it, and many users may match.
func (s *Simulator) find(p page) (found []*user, total int) {
	byID := !slices.ContainsFunc(p.sort, func(key string) bool { return key != "_id" && key != "id" })
	if byID && p.filter.wantsLocked() && s.stale.None() {
		return s.locked[min(p.skip, len(s.locked)):min(p.skip+p.limit, len(s.locked))], len(s.locked)
	}
	view := s.stale.Reader(s.now())
	var seen *user
	get := func(key string) json.RawMessage { return s.value(seen, key) }
	for _, u := range s.candidates(p.filter) {
		seen = view(u.id, u)
		if p.filter.locked != nil && *p.filter.locked != seen.lock.locked() || !p.filter.holds(get) {
			continue
		}
		if !byID || total >= p.skip && total-p.skip < p.limit {
			found = append(found, seen)
		}
		total++
	}
	if byID {
		return found, total
	}
	for _, key := range slices.Backward(p.sort) {
		s.sortBy(found, key)
	}
	found = found[min(p.skip, total):]
	return found[:min(p.limit, len(found))], total
}

// candidates are the users among whom all matches are.
func (s *Simulator) candidates(f *filter) []*user {
	if f.name == "" {
		return s.users.All()
	}
	if u := s.users.ID(f.name); u != nil {
		return []*user{u}
	}
	return s.users.Named(f.name)
}

// sortBy orders by one key, downwards with a leading "-". Users come by _id already.
func (s *Simulator) sortBy(users []*user, key string) {
	key, down := strings.CutPrefix(key, "-")
	if (key == "_id" || key == "id") && !down {
		return
	}
	slices.SortStableFunc(users, func(a, b *user) int {
		x, _ := plain(s.value(a, key))
		y, _ := plain(s.value(b, key))
		if down {
			return compare(y, x)
		}
		return compare(x, y)
	})
}

// pick leaves only the fields asked for, and the ids.
func (p *page) pick(object kit.Fields) kit.Fields {
	if len(p.fields) == 0 {
		return object
	}
	return object.Only(append([]string{"_id", "id"}, p.fields...)...)
}

func number(text string, otherwise int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, kit.Bad("not a number from 0: %q", text)
	}
	return n, nil
}

// words splits a list of keys at spaces and commas.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
}

// serveOrganizations is GET /organizations.
func (s *Simulator) serveOrganizations(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	readable := s.settings.OrganizationReadable
	s.mu.Unlock()
	if !readable {
		s.refuse(w, http.StatusForbidden, "Forbidden")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"totalCount": 1, "results": []any{
		map[string]any{"id": s.options.OrgID, "_id": s.options.OrgID, "displayName": "Simulated Organization", "logoUrl": ""},
	}})
}

// serveOrganization is GET /organizations/{id}, with the policy that locks accounts.
func (s *Simulator) serveOrganization(w http.ResponseWriter, id string) {
	s.mu.Lock()
	settings := s.settings
	s.mu.Unlock()
	switch {
	case !settings.OrganizationReadable:
		s.refuse(w, http.StatusForbidden, "Forbidden")
	case !isID(id):
		s.refuse(w, settings.BadIDStatus, "invalid organization id")
	case !strings.EqualFold(id, s.options.OrgID):
		s.refuse(w, http.StatusNotFound, "organization not found")
	default:
		writeJSON(w, http.StatusOK, map[string]any{
			"_id": s.options.OrgID, "id": s.options.OrgID, "displayName": "Simulated Organization",
			"settings": map[string]any{
				"name": "Simulated Organization", "passwordPolicy": settings.PasswordPolicy,
				"systemUsersCanEdit": false, "disableUM": false,
			},
		})
	}
}
