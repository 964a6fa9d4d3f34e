package simulator

import (
	"crypto/subtle"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// maxTokens bounds the access tokens that are kept; beyond it all go.
const maxTokens = 100_000

// tokens are the access tokens issued, each with what it permits.
type tokens struct{ issued map[string]token }

type token struct {
	access  string
	expires time.Time
}

func (t *tokens) issue(access string, now time.Time, lifetime time.Duration) string {
	if t.issued == nil || len(t.issued) >= maxTokens {
		t.issued = map[string]token{}
	}
	text := uuid.NewString()
	t.issued[text] = token{access: access, expires: now.Add(lifetime)}
	return text
}

// access returns what a token permits; false if it is unknown or has expired.
func (t *tokens) access(text string, now time.Time) (string, bool) {
	found, known := t.issued[text]
	if !known || !now.Before(found.expires) {
		return "", false
	}
	return found.access, true
}

func (t *tokens) revoke() { t.issued = nil }

// Client is an application or a service account that may ask for tokens.
type Client struct {
	ID, Secret  string
	Access      string // what its tokens permit
	Basic, Form bool   // where it may give its secret
}

// TokenForm is how a vendor's token endpoint is asked and how it answers.
type TokenForm struct {
	Clients  []Client
	Scope    string // that must be asked for; "" for none
	Type     string // of the token, "Bearer" in the case of the vendor's
	Lifetime time.Duration
}

// Token answers a token endpoint for client credentials (RFC 6749 §4.4).
// Credentials in the wrong place, or in two places, are no credentials.
func (m *Model) Token(r *Request, form TokenForm) Reply {
	values, err := formOf(r)
	if err != nil {
		return oauthError(http.StatusBadRequest, "invalid_request")
	}
	client, known := form.client(r, values)
	switch {
	case !known:
		reply := oauthError(http.StatusUnauthorized, "invalid_client")
		reply.Header["WWW-Authenticate"] = "Basic"
		return reply
	case values.Get("grant_type") != "client_credentials":
		return oauthError(http.StatusBadRequest, "unsupported_grant_type")
	case form.Scope != "" && values.Get("scope") != form.Scope:
		return oauthError(http.StatusBadRequest, "invalid_scope")
	}
	answer := map[string]any{
		"access_token": m.tokens.issue(client.Access, m.Now(), form.Lifetime),
		"token_type":   form.Type, "expires_in": int(form.Lifetime.Seconds()),
	}
	if form.Scope != "" {
		answer["scope"] = form.Scope
	}
	return tokenReply(http.StatusOK, answer)
}

// Bearer returns what the token of a request permits.
func (m *Model) Bearer(r *Request) (access string, valid bool) {
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return m.tokens.access(text, m.Now())
}

func (form *TokenForm) client(r *Request, values url.Values) (Client, bool) {
	id, secret, basic := basicAuth(r)
	if inForm := values.Has("client_secret"); basic == inForm {
		return Client{}, false
	} else if inForm {
		id, secret = values.Get("client_id"), values.Get("client_secret")
	}
	for _, client := range form.Clients {
		if client.ID == id && same(client.Secret, secret) {
			return client, basic && client.Basic || !basic && client.Form
		}
	}
	return Client{}, false
}

// same compares secrets.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// basicAuth reads HTTP Basic credentials, which are form-encoded before they
// are joined (RFC 6749 §2.3.1).
func basicAuth(r *Request) (id, secret string, found bool) {
	id, secret, found = r.BasicAuth()
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	return id, secret, found && errID == nil && errSecret == nil
}

// formOf reads a body of application/x-www-form-urlencoded, and refuses any other.
func formOf(r *Request) (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, Bad("the body must be of type application/x-www-form-urlencoded")
	}
	return url.ParseQuery(string(r.Sent))
}

func oauthError(status int, code string) Reply {
	return tokenReply(status, map[string]any{"error": code, "error_description": strings.ReplaceAll(code, "_", " ")})
}

func tokenReply(status int, value any) Reply {
	return Reply{Status: status, Type: "application/json;charset=UTF-8", Body: JSON(value), Header: map[string]string{"Cache-Control": "no-store"}}
}
