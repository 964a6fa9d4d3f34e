package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

const loginPage = "<!DOCTYPE html>\n<html><head><title>JumpCloud</title></head><body><form>Log in</form></body></html>\n"

// operation names the call that a request makes.
func operation(r *http.Request, body []byte) string {
	segments, err := kit.Segments(r.URL.EscapedPath())
	if err != nil {
		return OpOther
	}
	switch path := strings.Join(segments, "/"); {
	case path == "oauth2/token":
		return OpToken
	case path == "api/systemusers" && r.Method == http.MethodGet:
		f, err := parseQuery(r.URL.Query()["filter"])
		return findOrList(f, err)
	case path == "api/search/systemusers" && r.Method == http.MethodPost:
		var order search
		_ = json.Unmarshal(body, &order)
		f, err := parseSearch(order.Filter)
		return findOrList(f, err)
	}
	switch {
	case route(segments, "api", "systemusers", "*") && r.Method == http.MethodGet:
		return OpLookup
	case route(segments, "api", "systemusers", "*") && r.Method == http.MethodPut:
		return OpUpdate
	case route(segments, "api", "systemusers", "*", "unlock") && r.Method == http.MethodPost:
		return OpUnlock
	case len(segments) >= 2 && route(segments[:2], "api", "organizations"):
		return OpOrganization
	}
	return OpOther
}

func findOrList(f *filter, err error) string {
	if err == nil && (len(f.conditions) == 0 || f.asksLocked) {
		return OpList
	}
	return OpFind
}

func route(segments []string, pattern ...string) bool {
	if len(segments) != len(pattern) {
		return false
	}
	for i, part := range pattern {
		if part != "*" && part != segments[i] {
			return false
		}
	}
	return true
}

// serve answers the API.
func (s *Simulator) serve(w http.ResponseWriter, r *http.Request) {
	segments, err := kit.Segments(r.URL.EscapedPath())
	switch {
	case err != nil:
		s.refuse(w, http.StatusBadRequest, "malformed path")
	case route(segments, "oauth2", "token"):
		s.only(w, r, http.MethodPost, s.serveToken)
	case route(segments, "login"):
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, loginPage)
	case segments[0] != "api":
		s.refuse(w, http.StatusNotFound, "not found")
	default:
		if who, ok := s.authenticate(w, r); ok {
			s.serveAPI(w, r, who, segments[1:])
		}
	}
}

func (s *Simulator) only(w http.ResponseWriter, r *http.Request, method string, handle http.HandlerFunc) {
	if r.Method != method {
		s.refuse(w, http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	handle(w, r)
}

func (s *Simulator) serveAPI(w http.ResponseWriter, r *http.Request, who access, segments []string) {
	switch {
	case route(segments, "systemusers"):
		s.only(w, r, http.MethodGet, s.serveList)
	case route(segments, "search", "systemusers"):
		s.only(w, r, http.MethodPost, s.serveSearch)
	case route(segments, "organizations"):
		s.only(w, r, http.MethodGet, s.serveOrganizations)
	case route(segments, "organizations", "*"):
		s.only(w, r, http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			s.serveOrganization(w, segments[1])
		})
	case route(segments, "systemusers", "*"), route(segments, "systemusers", "*", "unlock"):
		s.serveUser(w, r, who, segments)
	default:
		s.refuse(w, http.StatusNotFound, "not found")
	}
}

// serveUser answers what concerns one user.
func (s *Simulator) serveUser(w http.ResponseWriter, r *http.Request, who access, segments []string) {
	unlock := len(segments) == 3
	write := r.Method == http.MethodPut && !unlock || r.Method == http.MethodPost && unlock
	switch id := segments[1]; {
	case !write && (unlock || r.Method != http.MethodGet):
		s.refuse(w, http.StatusMethodNotAllowed, "method not allowed")
	case write && !who.write:
		s.refuse(w, http.StatusForbidden, "Forbidden: the scope users is required")
	case !isID(id):
		s.mu.Lock()
		status := s.settings.BadIDStatus
		s.mu.Unlock()
		s.refuse(w, status, "invalid user id")
	case unlock:
		s.serveUnlock(w, r, id)
	case write:
		s.serveUpdate(w, r, id)
	default:
		s.serveRead(w, id)
	}
}

func (s *Simulator) serveRead(w http.ResponseWriter, id string) {
	s.mu.Lock()
	u := s.users.ID(strings.ToLower(id))
	var body kit.Fields
	if u != nil {
		body = s.read(s.stale.Reader(s.now())(u.id, u))
	}
	s.mu.Unlock()
	if u == nil {
		s.refuse(w, http.StatusNotFound, "user not found")
		return
	}
	writeJSON(w, http.StatusOK, body)
}

// serveUnlock clears the lock and the count of failures. It ignores its body
// and succeeds on a user that is not locked.
func (s *Simulator) serveUnlock(w http.ResponseWriter, r *http.Request, id string) {
	s.mu.Lock()
	u := s.users.ID(strings.ToLower(id))
	answer := s.settings.UnlockAnswer
	if u != nil {
		s.stale.Remember(u.id, *u, kit.StaleFrom(r.Context()), s.now())
		s.unlockUser(u, kit.CauseUnlockCall)
	}
	s.mu.Unlock()
	if u == nil {
		s.refuse(w, http.StatusNotFound, "user not found")
		return
	}
	switch answer {
	case UnlockAnswerOK:
		writeJSON(w, http.StatusOK, "OK")
	case UnlockAnswerObject:
		writeJSON(w, http.StatusOK, struct{}{})
	case UnlockAnswerText:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "User unlocked")
	default:
		w.WriteHeader(http.StatusOK)
	}
}

func (s *Simulator) serveUpdate(w http.ResponseWriter, r *http.Request, id string) {
	change, err := jsonBody(r)
	if err != nil {
		s.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	s.mu.Lock()
	u := s.users.ID(strings.ToLower(id))
	var body kit.Fields
	if u != nil {
		prior := *u
		if err = s.update(u, change); err == nil {
			s.stale.Remember(u.id, prior, kit.StaleFrom(r.Context()), s.now())
		}
		body = s.read(u)
	}
	s.mu.Unlock()
	switch {
	case u == nil:
		s.refuse(w, http.StatusNotFound, "user not found")
	case err != nil:
		s.refuse(w, http.StatusBadRequest, err.Error())
	default:
		writeJSON(w, http.StatusOK, body)
	}
}

// update changes a user as the update call does: read-only keys are passed over.
func (s *Simulator) update(u *user, change kit.Fields) error {
	p := kit.Parts{Fields: change}
	locked, suspended := p.Bool("account_locked", false), p.Bool("suspended", false)
	username, email := p.Text("username", u.username), p.Text("email", u.email)
	password := p.Text("password", u.password)
	if err := p.Err(); err != nil {
		return err
	}
	s.rename(u, username, email)
	u.password = password
	if p.Has("suspended") {
		u.suspend(suspended)
	}
	if p.Has("account_locked") {
		if locked {
			s.lockUser(u, kit.CauseAdmin, s.now())
		} else {
			s.unlockUser(u, kit.CauseUpdateCall)
		}
	}
	handled := append([]string{"account_locked", "suspended", "state", "username", "email", "password"}, readOnly...)
	u.own = change.Without(handled...).Over(u.own)
	return nil
}

func (s *Simulator) rename(u *user, username, email string) {
	old := u.names()
	u.username, u.email = username, email
	s.users.Rename(u, old, u.names())
}

func jsonBody(r *http.Request) (kit.Fields, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return nil, kit.Bad("the Content-Type must be application/json")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return nil, kit.Bad("the body must be a JSON object")
	}
	return kit.ParseFields(body, "body")
}
