package simulator

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// access is what a credential permits.
type access struct {
	write       bool
	multiTenant bool // must say by x-org-id which organization it means
}

// authenticate finds out who calls; false says that it has answered already.
func (s *Simulator) authenticate(w http.ResponseWriter, r *http.Request) (access, bool) {
	key := r.Header.Get("x-api-key")
	bearer, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if key == "" && !isBearer {
		// Nobody in particular is sent to the console's login page.
		w.Header().Set("Location", "/login")
		w.WriteHeader(http.StatusFound)
		return access{}, false
	}
	who, known := s.byKey(key)
	if key == "" {
		who, known = s.tokens.Holder(bearer, s.now())
	}
	if !known {
		s.refuse(w, http.StatusUnauthorized, "Unauthorized: api key user not found")
		return access{}, false
	}
	return who, s.checkOrg(w, r, who)
}

func (s *Simulator) byKey(key string) (access, bool) {
	switch {
	case key == "":
		return access{}, false
	case same(key, s.options.APIKey):
		return access{write: true}, true
	case same(key, s.options.ReadOnlyAPIKey):
		return access{}, true
	case same(key, s.options.MultiTenantAPIKey):
		return access{write: true, multiTenant: true}, true
	}
	return access{}, false
}

// checkOrg judges x-org-id: 400 malformed, 401 missing for a multi-tenant
// administrator, 403 where it is not taken, 404 unknown.
func (s *Simulator) checkOrg(w http.ResponseWriter, r *http.Request, who access) bool {
	orgs := r.Header.Values("x-org-id")
	switch aboutOrgs := operation(r, nil) == OpOrganization; {
	case aboutOrgs && len(orgs) == 0:
		return true
	case aboutOrgs:
		s.refuse(w, http.StatusForbidden, "x-org-id is included on unsupported route")
	case len(orgs) == 0 && who.multiTenant:
		s.refuse(w, http.StatusUnauthorized, "Unauthorized: x-org-id is required")
	case len(orgs) == 0:
		return true
	case len(orgs) > 1 || !isID(orgs[0]):
		s.refuse(w, http.StatusBadRequest, "x-org-id is malformed")
	case !strings.EqualFold(orgs[0], s.options.OrgID):
		s.refuse(w, http.StatusNotFound, "organization not found")
	default:
		return true
	}
	return false
}

// serveToken is the token endpoint of service accounts: HTTP Basic and a form.
func (s *Simulator) serveToken(w http.ResponseWriter, r *http.Request) {
	form, err := kit.Form(r)
	if err != nil {
		oauthError(w, http.StatusBadRequest, "invalid_request")
		return
	}
	who, known := s.serviceAccount(r)
	switch {
	case !known:
		w.Header().Set("WWW-Authenticate", "Basic")
		oauthError(w, http.StatusUnauthorized, "invalid_client")
	case form.Get("grant_type") != "client_credentials":
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type")
	case form.Get("scope") != "api":
		oauthError(w, http.StatusBadRequest, "invalid_scope")
	default:
		s.mu.Lock()
		lifetime := s.settings.TokenLifetime.D()
		s.mu.Unlock()
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": s.tokens.Issue(who, s.now(), lifetime),
			"token_type":   "bearer", "expires_in": int(lifetime.Seconds()), "scope": "api",
		})
	}
}

func (s *Simulator) serviceAccount(r *http.Request) (access, bool) {
	id, secret, _ := r.BasicAuth()
	// RFC 6749 §2.3.1: both are form-encoded before they are joined.
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	switch {
	case errID != nil || errSecret != nil:
		return access{}, false
	case same(id, s.options.ClientID) && same(secret, s.options.ClientSecret):
		return access{write: true}, true
	case same(id, s.options.ReadOnlyClientID) && same(secret, s.options.ReadOnlyClientSecret):
		return access{}, true
	}
	return access{}, false
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func oauthError(w http.ResponseWriter, status int, code string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": strings.ReplaceAll(code, "_", " ")})
}

// refuse answers an error in the shape that the settings choose.
func (s *Simulator) refuse(w http.ResponseWriter, status int, message string) {
	s.mu.Lock()
	body := errorBody(s.settings.ErrorShape, status, message)
	s.mu.Unlock()
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func errorBody(shape string, status int, message string) json.RawMessage {
	if shape == ErrorShapeLive || shape == ErrorShapeMixed && status == http.StatusUnauthorized {
		return kit.JSON(map[string]string{"error": http.StatusText(status), "message": message})
	}
	name := strings.ToUpper(strings.ReplaceAll(http.StatusText(status), " ", "_"))
	return kit.JSON(map[string]any{"code": status, "message": message, "status": name, "details": []any{}})
}

const contentType = "application/json; charset=utf-8"

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(kit.JSON(value))
}
