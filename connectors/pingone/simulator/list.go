package simulator

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Bounds of a page. More than the maximum gets the maximum.
const (
	defaultLimit = 100
	maximumLimit = 200
)

// serveList is GET …/users?filter=&limit=&cursor=.
func (s *Simulator) serveList(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := r.URL.Query()
	f, err := parseFilter(query.Get("filter"), s.settings.FilterIgnoresCase)
	if err != nil {
		invalidData("filter", err.Error()).write(w)
		return
	}
	if attribute := f.refused(s.settings.AccountStatusFilterable); attribute != "" {
		invalidData("filter", "The attribute "+attribute+" cannot be filtered by.").write(w)
		return
	}
	limit, ok := readLimit(query.Get("limit"))
	if !ok {
		invalidData("limit", "limit must be a number above zero.").write(w)
		return
	}
	after, ok := readCursor(query.Get("cursor"))
	if !ok {
		invalidData("cursor", "The cursor is not valid.").write(w)
		return
	}
	found, total, more := s.find(f, after, limit)
	s.writePage(w, r, found, total, more)
}

// find returns the matches behind a position, as readers see them now, how many
// there are in all, and whether more follow.
func (s *Simulator) find(f *filter, after uint64, limit int) (found []*user, total int, more bool) {
	view := s.stale.Reader(s.now())
	var seen *user
	get := func(path string) json.RawMessage { return s.value(seen, path) }
	users := s.candidates(f)
	start := sort.Search(len(users), func(i int) bool { return users[i].seq > after })
	for i, u := range users {
		if len(f.attributes) == 0 {
			// Nothing to decide, so those before and behind the page need no look.
			total = len(users)
			if i < start || more {
				continue
			}
		}
		seen = view(u.id, u)
		if !f.matches(get) {
			continue
		}
		if len(f.attributes) > 0 {
			total++
		}
		switch {
		case i < start:
		case len(found) == limit:
			more = true
		default:
			found = append(found, seen)
		}
	}
	return found, total, more
}

// candidates are the users among whom all matches are, in order.
func (s *Simulator) candidates(f *filter) []*user {
	if f.name == "" {
		return s.users.All()
	}
	if u := s.users.ID(strings.ToLower(f.name)); u != nil {
		return []*user{u}
	}
	named := slices.Clone(s.users.Named(f.name))
	slices.SortFunc(named, func(a, b *user) int { return cmp.Compare(a.seq, b.seq) })
	return named
}

func (s *Simulator) writePage(w http.ResponseWriter, r *http.Request, found []*user, total int, more bool) {
	base, query := s.base(r), r.URL.Query()
	users := make([]kit.Fields, 0, len(found))
	for _, u := range found {
		users = append(users, s.asked(u, base, query))
	}
	self := base + "/users"
	if r.URL.RawQuery != "" {
		self += "?" + r.URL.RawQuery
	}
	pageLinks := map[string]any{"self": map[string]string{"href": self}}
	if more {
		query.Set("cursor", cursor(found[len(found)-1].seq))
		next := s.elsewhere(base) + "/users?" + query.Encode()
		pageLinks["next"] = map[string]string{"href": next}
	}
	writeJSON(w, kit.Fields{ // sorted by key
		{Key: "_embedded", Value: kit.JSON(kit.Fields{{Key: "users", Value: kit.JSON(users)}})},
		{Key: "_links", Value: kit.JSON(pageLinks)},
		{Key: "count", Value: kit.JSON(total)}, {Key: "size", Value: kit.JSON(len(users))},
	})
}

// elsewhere puts the links of next pages on another host, if a setting says so.
func (s *Simulator) elsewhere(base string) string {
	if s.settings.NextBaseURL == "" {
		return base
	}
	return strings.TrimRight(s.settings.NextBaseURL, "/") + s.environmentPath()
}

// included are the keys that the query asks for beside the user; one empty key for none.
func included(query url.Values) []string {
	return strings.Split(strings.Join(query["include"], ","), ",")
}

// asked is a user with what include and expand ask for; what they do not know
// is passed over. Of several includes the first alone is answered, unless a setting says
// otherwise.
func (s *Simulator) asked(u *user, base string, query url.Values) kit.Fields {
	object := s.native(u, base)
	keys := included(query)
	if !s.settings.AnswersEveryInclude {
		keys = keys[:1]
	}
	for _, key := range keys {
		if !slices.Contains(onRequest, key) {
			continue
		}
		groups, found := u.own.Get(key)
		if !found {
			groups = json.RawMessage("[]")
		}
		object = object.With(key, groups)
	}
	if slices.Contains(strings.Split(query.Get("expand"), ","), "population") {
		object = object.With("population", map[string]any{
			"id": u.population, "name": PopulationName, "description": "",
			"_links": map[string]any{"self": map[string]string{"href": base + "/populations/" + u.population}},
		})
	}
	return object
}

func readLimit(text string) (int, bool) {
	if text == "" {
		return defaultLimit, true
	}
	n, err := strconv.Atoi(text)
	return min(n, maximumLimit), err == nil && n > 0
}

const cursorPrefix = "after:"

func cursor(seq uint64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorPrefix + strconv.FormatUint(seq, 10)))
}

func readCursor(text string) (uint64, bool) {
	if text == "" {
		return 0, true
	}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	number, prefixed := strings.CutPrefix(string(plain), cursorPrefix)
	if err != nil || !prefixed {
		return 0, false
	}
	seq, err := strconv.ParseUint(number, 10, 64)
	return seq, err == nil
}
