package conformance_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// readingSecret may read and not unlock.
const readingSecret = "reading-secret-of-the-tenant"

// web is the simulated tenant of a provider over HTTP.
type web struct {
	*simulator.Tenant[webSettings]
}

type webSettings struct{}

func (webSettings) Check() error  { return nil }
func (webSettings) Ignores() bool { return false }
func (webSettings) Policy() simulator.Policy {
	return simulator.Policy{Layer: simulator.LayerAccount, Limit: 5}
}

func newWeb() *web {
	w := &web{}
	w.Tenant = simulator.NewTenant(nil, webSettings{}, w.vendor())
	return w
}

func (w *web) vendor() simulator.Vendor {
	return simulator.Vendor{
		Routes: []simulator.Route{
			{Pattern: "GET /users", Operation: "list", Named: searched, Also: []string{"find"}, Parameters: []string{"username", "email", "after"}, Serve: w.list},
			{Pattern: "GET /users/{id}", Operation: "lookup", User: w.object},
			{Pattern: "PUT /users/{id}", Operation: "unlock", User: func(r *simulator.Request, u *simulator.User) simulator.Reply {
				w.Model.Unlock(u, simulator.LayerAccount, simulator.CauseUnlockCall)
				u.Suspended = false
				return w.object(r, u)
			}},
		},
		Authenticate: authenticate, Error: refuse,
		IDKey: "id", IsID: func(text string) bool { return strings.Contains(text, "|") },
		NewID:    func(n uint64) string { return fmt.Sprintf("web|AbC%04d", n) },
		Before:   func(a, b *simulator.User) bool { return a.ID < b.ID },
		Template: simulator.MustFields(`{"title":"Analyst"}`),
		Attributes: map[string]func(u *simulator.User) any{
			"email": func(u *simulator.User) any { return u.Email },
			"id":    func(u *simulator.User) any { return u.ID },
			"lockedAt": func(u *simulator.User) any {
				if !u.Locked() {
					return nil
				}
				return simulator.Stamp(u.Lock(simulator.LayerAccount).Since)
			},
			"status":   func(u *simulator.User) any { return status(u) },
			"username": func(u *simulator.User) any { return u.Username },
		},
		Barred: func(u *simulator.User) string {
			return map[bool]string{true: "suspended"}[u.Suspended]
		},
		Unlock:  func(u *simulator.User, cause string) { w.Model.Unlock(u, simulator.LayerAccount, cause) },
		Suspend: "suspend", Unsuspend: "unsuspend",
	}
}

func (w *web) object(_ *simulator.Request, u *simulator.User) simulator.Reply {
	return simulator.OK(w.Model.Native(u))
}

func status(u *simulator.User) string {
	switch {
	case u.Suspended:
		return "SUSPENDED"
	case u.Locked():
		return "LOCKED"
	default:
		return "ACTIVE"
	}
}

func refuse(status int, message string) simulator.Reply {
	reply := simulator.OK(map[string]any{"errorCode": fmt.Sprintf("E%07d", status), "errorSummary": message})
	reply.Status = status
	return reply
}

func authenticate(r *simulator.Request) simulator.Reply {
	switch secret := r.Header.Get("X-Web-Secret"); {
	case secret == rightSecret, secret == readingSecret && r.Method == http.MethodGet:
		return simulator.Reply{}
	case secret == readingSecret:
		return refuse(http.StatusForbidden, "")
	}
	return refuse(http.StatusUnauthorized, "")
}

func searched(r *simulator.Request) string {
	if query := r.URL.Query(); query.Has("username") || query.Has("email") {
		return "find"
	}
	return "list"
}

// list is sorted by ID, ten a page.
func (w *web) list(r *simulator.Request) simulator.Reply {
	username, email, after := r.Query.Get("username"), r.Query.Get("email"), r.Query.Get("after")
	page := w.Model.Find(simulator.Query{Limit: 10, Filter: simulator.Filter{Holds: func(u *simulator.User) bool {
		return u.ID > after && (!r.Query.Has("username") || strings.EqualFold(u.Username, username)) && (!r.Query.Has("email") || strings.EqualFold(u.Email, email))
	}}})
	users := make([]any, len(page.Users))
	for i, u := range page.Users {
		users[i] = w.Model.Native(u)
	}
	return simulator.OK(map[string]any{"users": users, "more": page.Total > len(users)})
}

// webHarness is the Harness of a provider over HTTP.
type webHarness struct {
	conformance.Simulated
	slips
	t      testing.TB
	tenant *web
	url    string
}

var (
	_ conformance.HTTPHarness = (*webHarness)(nil)
	_ conformance.Filer       = (*webHarness)(nil)
	_ conformance.OneState    = (*webHarness)(nil)
)

func newWebHarness(t testing.TB, slips slips) *webHarness {
	tenant := newWeb()
	address, stop, err := tenant.Start("")
	require.NoError(t, err)
	t.Cleanup(stop)
	return &webHarness{Simulated: conformance.Simulated{Tenant: tenant, IDKey: "id", SuspendAction: "suspend"}, slips: slips, t: t, tenant: tenant, url: address}
}

func (h *webHarness) open(secret connectors.Secret) conformance.Connector {
	return conformance.Open(h.t, webProvider(), &webConfig{slips: h.slips, base: h.url, secret: secret})
}

func (h *webHarness) OneState()                               {}
func (h *webHarness) Provider() connectors.Provider           { return webProvider() }
func (h *webHarness) Capabilities() connectors.Capabilities   { return h.Config().Capabilities() }
func (h *webHarness) Connector() conformance.Connector        { return h.open(rightSecret) }
func (h *webHarness) ReadOnly() conformance.Connector         { return h.open(readingSecret) }
func (h *webHarness) WrongCredentials() conformance.Connector { return h.open(wrongSecret) }
func (h *webHarness) UnknownID() string                       { return webID.Absent }
func (h *webHarness) Peer() *simulator.Server                 { return h.tenant.Server }
func (h *webHarness) Host() string                            { return strings.TrimPrefix(h.url, "http://") }
func (h *webHarness) Secrets() []string                       { return []string{rightSecret} }
func (h *webHarness) Config() connectors.Config {
	return &webConfig{slips: h.slips, base: h.url, secret: rightSecret}
}
func (h *webHarness) ConfigOf(path string) connectors.Config {
	return &webConfig{slips: h.slips, base: h.url, file: path}
}

func (h *webHarness) Refusal(code, message string) string {
	return `{"errorCode":"` + code + `","errorSummary":"` + message + `"}`
}

func (h *webHarness) Steps() []conformance.Step {
	return []conformance.Step{
		{Action: conformance.LookupByID, Operation: "lookup", NamesAccount: true},
		{Action: conformance.LookupByName, Operation: "find"},
		{Action: conformance.LookupByName, Operation: "lookup", NamesAccount: true},
		{Action: conformance.Unlock, Operation: "lookup", NamesAccount: true},
		{Action: conformance.Unlock, Operation: "unlock", NamesAccount: true, Unlocks: true},
		{Action: conformance.List, Operation: "list"},
	}
}

// TestHTTPTraits runs the suite against a provider over HTTP that has many traits at once.
func TestHTTPTraits(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t testing.TB) conformance.Harness { return newWebHarness(t, slips{}) })
	conformance.RunHTTP(t, func(t testing.TB) conformance.HTTPHarness { return newWebHarness(t, slips{}) })
}

// httpMistakes are those of drivers over HTTP that the suite must see, with the case that does.
var httpMistakes = map[string]struct {
	seenBy string
	slips  slips
}{
	"a word that is not documented":        {"WrongAnswers", slips{anyStatus: true}},
	"keys in any case":                     {"WrongAnswers", slips{inAnyCase: true}},
	"what is no list as an empty one":      {"WrongAnswers", slips{noList: true}},
	"a search that is not there as nobody": {"EveryStatus", slips{searchNamesAccount: true}},
	"an unlock that is not said to be one": {"EveryStatus", slips{untold: true}},
	"failures of any shape":                {"EveryStatus", slips{noShape: true}},
	"a reset that no rule names":           {"EveryStatus", slips{noReset: true}},
	"names that may be repeated":           {"EchoedSecrets", slips{nameless: true}},
	"an ID in the path as it is":           {"HostileReferences", slips{asItIs: true}},
	"a call that is made again":            {"Interrupted", slips{again: true}},
	"a secret's file that is read once":    {"RotatedSecret", slips{once: true}},
	"requests that are not made":           {"RequestsPerActivity", slips{requests: 3}},
}

// TestHTTPMistakes runs the case, in a process of its own, against a driver with each mistake.
func TestHTTPMistakes(t *testing.T) {
	t.Parallel()
	if made, ok := httpMistakes[os.Getenv(mistakeVariable)]; ok {
		conformance.RunHTTP(t, func(t testing.TB) conformance.HTTPHarness { return newWebHarness(t, made.slips) })
		return
	}
	for name, mistake := range httpMistakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireSeen(t, name, "TestHTTPMistakes", mistake.seenBy)
		})
	}
}
