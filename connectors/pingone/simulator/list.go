package simulator

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
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
	settings := s.model.Settings()
	f, err := s.filterOf(r.Query.Get("filter"), settings)
	limit, after := defaultLimit, uint64(0)
	switch {
	case err != nil:
		return invalid("filter", err.Error())
	case r.Query.Has("limit"):
		if limit, err = strconv.Atoi(r.Query.Get("limit")); err != nil || limit < 1 {
			return invalid("limit", "limit must be a number above zero.")
		}
	}
	if r.Query.Has("cursor") {
		if after, err = readCursor(r.Query.Get("cursor")); err != nil {
			return invalid("cursor", "The cursor is not valid.")
		}
	}
	if refusal := s.unknownKeys(r); refusal != nil {
		return *refusal
	}
	page := s.model.Find(f.query(s.model.Value, after, min(limit, maximumLimit)))
	users := kit.AppendList(nil, len(page.Users), func(dst []byte, i int) []byte { return s.asked(page.Users[i], r).AppendJSON(dst) })
	base := s.base(r)
	pageLinks := map[string]any{"self": href(base + "/users?" + r.URL.RawQuery)}
	if page.Next > 0 {
		query := r.URL.Query()
		query.Set("cursor", cursor(page.Next))
		if settings.NextBaseURL != "" {
			base = strings.TrimRight(settings.NextBaseURL, "/") + s.environmentPath()
		}
		pageLinks["next"] = href(base + "/users?" + query.Encode())
	}
	return kit.OK(kit.Fields{ // sorted by key
		{Key: "_embedded", Value: kit.JSON(kit.Fields{{Key: "users", Value: users}})}, {Key: "_links", Value: kit.JSON(pageLinks)},
		{Key: "count", Value: kit.JSON(page.Total)}, {Key: "size", Value: kit.JSON(len(page.Users))},
	})
}

// findOrList tells a search for somebody from a walk over everybody.
func findOrList(r *kit.Request) string {
	f, err := parseFilter(r.Query.Get("filter"))
	if err == nil && slices.ContainsFunc(f.attributes, func(attribute string) bool {
		return slices.Contains([]string{"id", "username", "email", "externalId"}, attribute)
	}) {
		return OpFind
	}
	return OpList
}

// environmentPath is the path of the environment's API, under which all links stand.
func (s *Simulator) environmentPath() string {
	return "/v1/environments/" + s.options.EnvironmentID
}

// base is what links begin with: the host that the client called.
func (s *Simulator) base(r *kit.Request) string {
	if s.options.PublicURL != "" {
		return strings.TrimRight(s.options.PublicURL, "/") + s.environmentPath()
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + s.environmentPath()
}

func href(url string) kit.Fields { return kit.Fields{{Key: "href", Value: kit.JSON(url)}} }

func links(self string) kit.Fields {
	to := func(url string) json.RawMessage { return href(url).AppendJSON(nil) }
	return kit.Fields{ // sorted by key
		{Key: "account.lock", Value: to(self)}, {Key: "account.unlock", Value: to(self)}, {Key: "enabled", Value: to(self + "/enabled")},
		{Key: "password", Value: to(self + "/password")}, {Key: "self", Value: to(self)},
	}
}

// shown is the user's object with links that begin with base.
func (s *Simulator) shown(u *kit.User, base string) kit.Fields {
	object := s.model.Native(u).With("_links", links(base+"/users/"+u.ID))
	if s.model.Settings().EmbedPasswordStatus {
		object = object.With("_embedded", map[string]any{"password": map[string]string{"status": passwordStatus(u)}})
	}
	return object
}

// included are the keys that the query asks for beside the user; one empty key for none.
func included(query url.Values) []string {
	return strings.Split(strings.Join(query["include"], ","), ",")
}

func expanded(query url.Values) []string {
	return strings.Split(strings.Join(query["expand"], ","), ",")
}

// unknownKeys refuses what include and expand do not know.
func (s *Simulator) unknownKeys(r *kit.Request) *kit.Reply {
	if s.model.Settings().IgnoresUnknown {
		return nil
	}
	for target, keys := range map[string][]string{"include": included(r.Query), "expand": expanded(r.Query)} {
		for _, key := range keys {
			if key != "" && !slices.Contains(map[string][]string{"include": onRequest, "expand": {"population"}}[target], key) {
				refusal := invalid(target, target+" does not know "+key+".")
				return &refusal
			}
		}
	}
	return nil
}

// asked is a user with what include and expand ask for. Of several includes the first
// alone is answered, unless a setting says otherwise.
func (s *Simulator) asked(u *kit.User, r *kit.Request) kit.Fields {
	base := s.base(r)
	object := s.shown(u, base)
	keys := included(r.Query)
	if !s.model.Settings().AnswersEveryInclude {
		keys = keys[:1]
	}
	for _, key := range keys {
		if slices.Contains(onRequest, key) {
			object = object.With(key, ownList(u, key))
		}
	}
	if slices.Contains(expanded(r.Query), "population") {
		population, _ := kit.ParseFields(s.model.Value(u, "population"), "population")
		object = object.With("population", kit.MustFields(`{"name":"`+PopulationName+`","description":""}`).
			With("_links", map[string]any{"self": href(base + "/populations/" + population.Text("id"))}).Over(population))
	}
	return object
}

const cursorPrefix = "after:"

func cursor(after uint64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorPrefix + strconv.FormatUint(after, 10)))
}

func readCursor(text string) (uint64, error) {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	number, prefixed := strings.CutPrefix(string(plain), cursorPrefix)
	if err != nil || !prefixed {
		return 0, kit.Bad("not a cursor")
	}
	return strconv.ParseUint(number, 10, 64)
}
