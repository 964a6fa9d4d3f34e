package simulator

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Content types that say what a POST means; exactly one must come, and no parameters.
const (
	typeAccountUnlock  = "application/vnd.pingidentity.account.unlock+json"
	typeAccountLock    = "application/vnd.pingidentity.account.lock+json"
	typePasswordUnlock = "application/vnd.pingidentity.password.unlock+json"
)

// userRoutes are the resources of one user by their last segment, with the
// operation of each method.
var userRoutes = map[string]map[string]string{
	"":                {http.MethodGet: OpLookup, http.MethodPost: OpUnlock},
	"password":        {http.MethodGet: OpPassword, http.MethodPost: OpUnlockPassword},
	"enabled":         {http.MethodGet: OpEnabled, http.MethodPut: OpEnabled},
	"roleAssignments": {http.MethodGet: OpRoleAssignments},
}

// target is what a request is about, as its path says.
type target struct {
	token       bool
	environment string
	users       bool // the collection
	id          string
	methods     map[string]string // of one user's resource
}

// parse reads the path; false for one that leads nowhere.
func parse(r *http.Request) (target, bool) {
	segments, err := kit.Segments(r.URL.EscapedPath())
	if err != nil {
		return target{}, false
	}
	if len(segments) == 3 && segments[1] == "as" && segments[2] == "token" {
		return target{token: true, environment: segments[0]}, true
	}
	if len(segments) < 3 || segments[0] != "v1" || segments[1] != "environments" {
		return target{}, false
	}
	t := target{environment: segments[2]}
	rest := segments[3:]
	switch {
	case len(rest) == 1 && rest[0] == "users":
		t.users = true
	case len(rest) >= 2 && len(rest) <= 3 && rest[0] == "users":
		t.id = rest[1]
		t.methods = userRoutes[strings.Join(rest[2:], "")]
	}
	return t, true
}

// operation names the call that a request makes.
func operation(r *http.Request) string {
	t, known := parse(r)
	switch {
	case !known:
		return OpOther
	case t.token:
		return OpToken
	case t.users && r.Method == http.MethodGet:
		return findOrList(r)
	case t.methods[r.Method] == OpUnlock && slices.Contains(r.Header.Values("Content-Type"), typeAccountLock):
		return OpLock
	case t.methods[r.Method] == OpLookup && included(r.URL.Query())[0] == "memberOfGroupIDs":
		return OpGroupIDs
	case t.methods[r.Method] != "":
		return t.methods[r.Method]
	}
	return OpOther
}

// findOrList tells a search for somebody from a walk over everybody.
func findOrList(r *http.Request) string {
	f, err := parseFilter(r.URL.Query().Get("filter"), false)
	if err == nil && slices.ContainsFunc(f.attributes, func(attribute string) bool {
		return slices.Contains([]string{"id", "username", "email", "externalId"}, attribute)
	}) {
		return OpFind
	}
	return OpList
}

// serve answers the API and the token endpoint.
func (s *Simulator) serve(w http.ResponseWriter, r *http.Request) {
	t, known := parse(r)
	if !known {
		notFound.write(w)
		return
	}
	if t.token {
		s.serveToken(w, r, t.environment)
		return
	}
	role, valid := s.authenticate(r)
	op := operation(r)
	switch {
	case !valid:
		invalidToken.write(w)
	case !strings.EqualFold(t.environment, s.options.EnvironmentID) || !role.may(op, r.Method):
		// An environment that is not there looks like one that is closed.
		insufficientPermissions.write(w)
	case t.users && r.Method == http.MethodGet:
		s.serveList(w, r)
	case t.users || (t.methods != nil && t.methods[r.Method] == ""):
		wrongMethod.write(w)
	case t.methods == nil || !isID(t.id):
		notFound.write(w)
	default:
		s.serveUser(w, r, op, strings.ToLower(t.id))
	}
}

// serveUser answers what concerns one user.
func (s *Simulator) serveUser(w http.ResponseWriter, r *http.Request, op, id string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		invalidRequest("The body cannot be read.").write(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users.ID(id)
	if u == nil {
		notFound.write(w)
		return
	}
	switch {
	case op == OpEnabled && r.Method == http.MethodPut:
		s.serveEnable(w, r, u, body)
	case r.Method == http.MethodGet:
		s.serveRead(w, r, op, s.stale.Reader(s.now())(u.id, u))
	case op == OpUnlockPassword:
		s.serveUnlockPassword(w, r, u, body)
	default:
		s.serveAccount(w, r, u, body)
	}
}

func (s *Simulator) serveRead(w http.ResponseWriter, r *http.Request, op string, u *user) {
	base := s.base(r)
	switch op {
	case OpPassword:
		s.writePassword(w, base, u)
	case OpEnabled:
		writeJSON(w, map[string]any{"enabled": u.enabled})
	case OpRoleAssignments:
		assignments, found := u.own.Get("roleAssignments")
		if !found {
			assignments = []byte("[]")
		}
		writeJSON(w, map[string]any{"_embedded": map[string]any{"roleAssignments": assignments}})
	default:
		writeJSON(w, s.asked(u, base, r.URL.Query()))
	}
}

func (s *Simulator) writePassword(w http.ResponseWriter, base string, u *user) {
	id := func(id string) map[string]string { return map[string]string{"id": id} }
	self := base + "/users/" + u.id + "/password"
	state := map[string]any{
		"_links":      map[string]any{"self": map[string]string{"href": self}, "password.unlock": map[string]string{"href": self}},
		"environment": id(s.options.EnvironmentID), "user": id(u.id), "status": u.status(),
		"passwordPolicy": id(passwordPolicyID),
	}
	if u.hasPassword() {
		state["lastChangedAt"] = kit.Stamp(u.created)
	}
	if until := u.passwordLock.until; !until.IsZero() {
		state["secondsUntilUnlock"] = secondsUntil(until, s.now())
	}
	writeJSON(w, state)
}

// serveAccount is POST …/users/{id}: lock or unlock, as the Content-Type says.
func (s *Simulator) serveAccount(w http.ResponseWriter, r *http.Request, u *user, body []byte) {
	prior := *u
	switch soleType(r) {
	case typeAccountUnlock:
		if len(body) > 0 {
			invalidRequest("The unlock takes no body.").write(w)
			return
		}
		s.unlockAccount(u, kit.CauseUnlockCall)
	case typeAccountLock:
		until, problem := s.lockEnd(body)
		if problem != nil {
			problem.write(w)
			return
		}
		s.lockAccount(u, kit.CauseAdmin, s.now(), until)
	default:
		unsupportedType.write(w)
		return
	}
	s.stale.Remember(u.id, prior, kit.StaleFrom(r.Context()), s.now())
	writeJSON(w, s.native(u, s.base(r)))
}

// lockEnd reads the optional {"unlockAt":…} of the lock call.
func (s *Simulator) lockEnd(body []byte) (time.Time, *problem) {
	if len(bytes.TrimSpace(body)) == 0 {
		return time.Time{}, nil
	}
	fields, err := kit.ParseFields(body, "body")
	p := kit.Parts{Fields: fields}
	until := p.Time("unlockAt")
	if err != nil || p.Err() != nil || (p.Has("unlockAt") && !until.After(s.now())) {
		wrong := invalidData("unlockAt", "unlockAt must be a time to come.")
		return time.Time{}, &wrong
	}
	return until, nil
}

func (s *Simulator) serveUnlockPassword(w http.ResponseWriter, r *http.Request, u *user, body []byte) {
	switch {
	case soleType(r) != typePasswordUnlock:
		unsupportedType.write(w)
	case len(body) > 0:
		invalidRequest("The unlock takes no body.").write(w)
	default:
		s.stale.Remember(u.id, *u, kit.StaleFrom(r.Context()), s.now())
		s.unlockPassword(u, kit.CauseUnlockCall)
		s.writePassword(w, s.base(r), u)
	}
}

// serveEnable is PUT …/users/{id}/enabled.
func (s *Simulator) serveEnable(w http.ResponseWriter, r *http.Request, u *user, body []byte) {
	mediaType, _, err := mime.ParseMediaType(soleType(r))
	if err != nil || mediaType != "application/json" {
		unsupportedType.write(w)
		return
	}
	fields, err := kit.ParseFields(body, "body")
	p := kit.Parts{Fields: fields}
	enabled := p.Bool("enabled", false)
	if err != nil || p.Err() != nil || !p.Has("enabled") {
		invalidData("enabled", "enabled must be true or false.").write(w)
		return
	}
	s.stale.Remember(u.id, *u, kit.StaleFrom(r.Context()), s.now())
	u.enabled, u.updated = enabled, s.now()
	writeJSON(w, map[string]any{"enabled": enabled})
}

// soleType is the Content-Type if exactly one came.
func soleType(r *http.Request) string {
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return ""
	}
	return types[0]
}
