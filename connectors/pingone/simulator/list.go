package simulator

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Bounds of a page. More than the maximum gets the maximum.
const (
	defaultLimit = 100
	maximumLimit = 200
)

// list is GET …/users?filter=&limit=&cursor=.
func (s *Simulator) list(r *kit.Request) kit.Reply {
	filter, err := s.filter(r.Query.Get("filter"))
	limit, errLimit := strconv.Atoi(cmp.Or(r.Query.Get("limit"), strconv.Itoa(defaultLimit)))
	after, errCursor := readCursor(r.Query.Get("cursor"))
	switch {
	case err != nil:
		return invalid("filter", err.Error())
	case errLimit != nil || limit < 1:
		return invalid("limit", "limit must be a number above zero.")
	case errCursor != nil:
		return invalid("cursor", "The cursor is not valid.")
	}
	if refusal := s.unknownKeys(r); refusal.Status != 0 {
		return refusal
	}
	page := s.Model.Find(kit.Query{Filter: filter, After: after, Limit: min(limit, maximumLimit)})
	users := make([]kit.Fields, len(page.Users))
	for i, u := range page.Users {
		users[i] = s.asked(u, r)
	}
	base := s.base(r)
	links := map[string]any{"self": href(base + "/users?" + r.URL.RawQuery)}
	if page.Next > 0 {
		if elsewhere := s.Settings().NextBaseURL; elsewhere != "" {
			base = strings.TrimRight(elsewhere, "/") + environmentPath
		}
		query := r.URL.Query()
		query.Set("cursor", cursorPrefix+strconv.FormatUint(page.Next, 36))
		links["next"] = href(base + "/users?" + query.Encode())
	}
	return kit.OK(map[string]any{
		"_embedded": map[string]any{"users": users}, "_links": links, "count": page.Total, "size": len(users),
	})
}

const cursorPrefix = "after-"

func readCursor(text string) (after uint64, err error) {
	if text == "" {
		return 0, nil
	}
	number, prefixed := strings.CutPrefix(text, cursorPrefix)
	if after, err = strconv.ParseUint(number, 36, 64); err == nil {
		err = kit.Need(prefixed, "not a cursor")
	}
	return after, err
}

// somebody is a filter's comparison by what few users or one have.
var somebody = regexp.MustCompile(`(^|[ (])(id|username|email|externalId) `)

// findOrList names the operation: a search for one user, or a list.
func findOrList(r *kit.Request) string {
	if somebody.MatchString(r.Query.Get("filter")) {
		return OpFind
	}
	return OpList
}

// environmentPath is the path of the environment's API, under which all links stand.
const environmentPath = "/v1/environments/" + DefaultEnvironmentID

// base is what links begin with: the host that the client called.
func (s *Simulator) base(r *kit.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host + environmentPath
	}
	return "http://" + r.Host + environmentPath
}

func href(url string) map[string]string { return map[string]string{"href": url} }

// shown is the user's object with its links.
func (s *Simulator) shown(u *kit.User, r *kit.Request) kit.Fields {
	self := s.base(r) + "/users/" + u.ID
	object := s.Model.Native(u).With("_links", map[string]any{
		"self": href(self), "account.lock": href(self), "account.unlock": href(self),
		"enabled": href(self + "/enabled"), "password": href(self + "/password"),
	})
	if s.Settings().EmbedPasswordStatus {
		object["_embedded"] = kit.JSON(map[string]any{"password": map[string]string{"status": passwordStatus(u)}})
	}
	return object
}

// askedFor are the keys that a parameter names, in one value or several.
func askedFor(r *kit.Request, parameter string) []string {
	return strings.FieldsFunc(strings.Join(r.Query[parameter], ","), func(c rune) bool { return c == ',' })
}

// unknownKeys refuses what include and expand do not know.
func (s *Simulator) unknownKeys(r *kit.Request) (refusal kit.Reply) {
	for parameter, known := range map[string][]string{"include": onRequest, "expand": {"population"}} {
		for _, key := range askedFor(r, parameter) {
			if !slices.Contains(known, key) && !s.Settings().IgnoresUnknown {
				refusal = invalid(parameter, parameter+" does not know "+key+".")
			}
		}
	}
	return refusal
}

// asked is a user with what include and expand ask for. Of several includes the first
// alone is answered, unless a setting says otherwise.
func (s *Simulator) asked(u *kit.User, r *kit.Request) kit.Fields {
	object := s.shown(u, r)
	for i, key := range askedFor(r, "include") {
		if slices.Contains(onRequest, key) && (i == 0 || s.Settings().AnswersEveryInclude) {
			object[key] = kit.JSON(groups(u, key))
		}
	}
	if slices.Contains(askedFor(r, "expand"), "population") {
		population, _ := kit.ParseFields(object["population"], "population")
		object["population"] = kit.JSON(kit.Fields{
			"name": kit.JSON(PopulationName), "description": kit.JSON(""),
			"_links": kit.JSON(map[string]any{"self": href(s.base(r) + "/populations/" + population.Text("id"))}),
		}.Over(population))
	}
	return object
}
