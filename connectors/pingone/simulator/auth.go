package simulator

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// serveToken is POST /{env}/as/token: client credentials, by HTTP Basic or in
// the form, as the application is set.
func (s *Simulator) serveToken(w http.ResponseWriter, r *http.Request, environment string) {
	switch {
	case r.Method != http.MethodPost:
		wrongMethod.write(w)
		return
	case !strings.EqualFold(environment, s.options.EnvironmentID):
		notFound.write(w)
		return
	}
	form, err := kit.Form(r)
	if err != nil {
		oauthError(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	s.mu.Lock()
	settings := s.settings
	s.mu.Unlock()
	client, known := s.application(r, form, settings.TokenEndpointAuthMethod)
	switch {
	case !known:
		w.Header().Set("WWW-Authenticate", "Basic")
		oauthError(w, http.StatusUnauthorized, "invalid_client", "Request denied: Unsupported authentication method or wrong credentials")
	case form.Get("grant_type") != "client_credentials":
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type", "The grant type is not supported")
	default:
		lifetime := settings.TokenLifetime.D()
		writeToken(w, http.StatusOK, map[string]any{
			"access_token": s.tokens.Issue(client.Role, s.now(), lifetime),
			"token_type":   "Bearer", "expires_in": int(lifetime.Seconds()),
		})
	}
}

// application finds the client that asks for a token. Credentials in the wrong
// place, or in both places, are no credentials.
func (s *Simulator) application(r *http.Request, form url.Values, method string) (Client, bool) {
	id, secret, basic := basicAuth(r)
	if inForm := form.Has("client_secret"); basic == inForm {
		return Client{}, false
	} else if inForm {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	client, known := s.options.client(id)
	if client.AuthMethod != "" {
		method = client.AuthMethod
	}
	if !known || (method == AuthBasic && !basic) || (method == AuthPost && basic) {
		return Client{}, false
	}
	return client, subtle.ConstantTimeCompare([]byte(secret), []byte(client.Secret)) == 1
}

// basicAuth reads HTTP Basic credentials, which are form-encoded before they
// are joined (RFC 6749 §2.3.1).
func basicAuth(r *http.Request) (id, secret string, found bool) {
	id, secret, found = r.BasicAuth()
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	return id, secret, found && errID == nil && errSecret == nil
}

func oauthError(w http.ResponseWriter, status int, code, description string) {
	writeToken(w, status, map[string]any{"error": code, "error_description": description})
}

func writeToken(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(kit.JSON(value))
}

// authenticate finds out what the caller may do; false says that the token is
// missing, unknown or has expired.
func (s *Simulator) authenticate(r *http.Request) (Role, bool) {
	text, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return RoleNone, false
	}
	return s.tokens.Holder(text, s.now())
}

// may tells whether a role permits an operation.
func (role Role) may(operation, method string) bool {
	switch role {
	case RoleAdmin:
		return true
	case RoleReadOnly:
		return method == http.MethodGet
	case RoleNoPassword:
		return operation != OpPassword && operation != OpUnlockPassword
	default:
		return false
	}
}
