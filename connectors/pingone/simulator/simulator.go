package simulator

import (
	"net/http"
	"slices"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Names of the operations, as faults match them and the calls log shows them.
const (
	OpToken           = "token"           // POST /{env}/as/token
	OpLookup          = "lookup"          // GET …/users/{id}
	OpGroupIDs        = "groupIDs"        // GET …/users/{id}?include=memberOfGroupIDs
	OpGroups          = "groups"          // GET …/users/{id}/memberOfGroups
	OpFind            = "find"            // GET …/users with a filter on id, username, email or externalId
	OpList            = "list"            // any other GET …/users, following pages too
	OpUnlock          = "unlock"          // POST …/users/{id} as account.unlock
	OpLock            = "lock"            // POST …/users/{id} as account.lock
	OpPassword        = "password"        // GET …/users/{id}/password
	OpUnlockPassword  = "unlockPassword"  // POST …/users/{id}/password
	OpEnabled         = "enabled"         // GET, PUT …/users/{id}/enabled
	OpRoleAssignments = "roleAssignments" // GET …/users/{id}/roleAssignments
	OpOther           = kit.OpOther
)

// Content types that say what a POST means.
const (
	typeAccountUnlock  = "application/vnd.pingidentity.account.unlock+json"
	typeAccountLock    = "application/vnd.pingidentity.account.lock+json"
	typePasswordUnlock = "application/vnd.pingidentity.password.unlock+json"
)

// Simulator is a PingOne environment. It is an http.Handler.
type Simulator struct {
	*kit.Tenant[Settings]
	options Options
	model   *kit.Model[Settings]
	doubled int // calls with two Content-Types
}

var _ http.Handler = (*Simulator)(nil)

// New returns an empty environment. The zero Options give working defaults.
func New(options Options) *Simulator {
	s := &Simulator{options: options.withDefaults()}
	s.Tenant = kit.NewTenant(options.Now, func(model *kit.Model[Settings]) kit.Vendor[Settings] {
		s.model = model
		return s.vendor()
	})
	return s
}

// APIURL is the base URL of the API on a server started at rootURL.
func APIURL(rootURL string) string { return rootURL + "/v1" }

// AuthURL is the base URL of the token endpoint on a server started at rootURL;
// the environment's id and /as/token follow it.
func AuthURL(rootURL string) string { return rootURL }

// EnvironmentID is the environment's id.
func (s *Simulator) EnvironmentID() string { return s.options.EnvironmentID }

// Options returns the options in force, defaults filled in.
func (s *Simulator) Options() Options { return s.options }

// Locked tells whether a user is truly locked now, on the account or the
// password; false also if there is no such user.
func (s *Simulator) Locked(ref string) (account, password bool) {
	return s.Tenant.Locked(ref), s.LockedAt(ref, kit.LayerPassword)
}

// Disable disables a user.
func (s *Simulator) Disable(ref string) error { return s.Suspend(ref) }

func (s *Simulator) routes() []kit.Route {
	const users, user = "/v1/environments/{env}/users", "/v1/environments/{env}/users/{id}"
	shown := []string{"include", "expand"}
	return []kit.Route{
		{Pattern: "POST /{env}/as/token", Operation: OpToken, Open: true, Serve: s.token},
		{Pattern: "GET " + users, Operation: OpList, Named: findOrList, Also: []string{OpFind},
			Parameters: append([]string{"filter", "limit", "cursor"}, shown...), Serve: s.list},
		{Pattern: "GET " + user, Operation: OpLookup, Named: groupIDs, Also: []string{OpGroupIDs}, Parameters: shown, Serve: s.user(s.lookup)},
		{Pattern: "POST " + user, Operation: OpUnlock, Named: lockOrUnlock, Also: []string{OpLock}, Serve: s.user(s.account)},
		{Pattern: "GET " + user + "/password", Operation: OpPassword, Serve: s.user(s.password)},
		{Pattern: "POST " + user + "/password", Operation: OpUnlockPassword, Serve: s.user(s.unlockPassword)},
		{Pattern: "GET " + user + "/enabled", Operation: OpEnabled, Serve: s.user(s.enabled)},
		{Pattern: "PUT " + user + "/enabled", Operation: OpEnabled, Serve: s.user(s.enable)},
		{Pattern: "GET " + user + "/roleAssignments", Operation: OpRoleAssignments, Parameters: []string{"limit"}, Serve: s.user(s.roleAssignments)},
		{Pattern: "GET " + user + "/memberOfGroups", Operation: OpGroups, Parameters: []string{"limit", "expand"}, Serve: s.user(s.groups)},
	}
}

func groupIDs(r *kit.Request) string {
	if included(r.Query)[0] == "memberOfGroupIDs" {
		return OpGroupIDs
	}
	return OpLookup
}

func lockOrUnlock(r *kit.Request) string {
	if slices.Contains(r.Header.Values("Content-Type"), typeAccountLock) {
		return OpLock
	}
	return OpUnlock
}

// user finds the user that a call is about.
func (s *Simulator) user(serve func(r *kit.Request, u *kit.User) kit.Reply) func(r *kit.Request) kit.Reply {
	return func(r *kit.Request) kit.Reply {
		u := s.model.User(r.PathValue("id"))
		if u == nil {
			return failed(http.StatusNotFound, "")
		}
		if r.Method == http.MethodGet {
			u = s.model.Seen(u)
		}
		// Ping's own client sends null where it sends nothing.
		if string(r.Sent) == "null" {
			r.Sent = nil
		}
		return serve(r, u)
	}
}

func (s *Simulator) lookup(r *kit.Request, u *kit.User) kit.Reply {
	if refusal := s.unknownKeys(r); refusal != nil {
		return *refusal
	}
	return kit.OK(s.asked(u, r))
}

func (s *Simulator) password(r *kit.Request, u *kit.User) kit.Reply {
	id := func(id string) map[string]string { return map[string]string{"id": id} }
	self := map[string]string{"href": s.base(r) + "/users/" + u.ID + "/password"}
	object := map[string]any{
		"_links":      map[string]any{"self": self, "password.unlock": self},
		"environment": id(s.options.EnvironmentID), "user": id(u.ID), "status": passwordStatus(u), "passwordPolicy": id(passwordPolicyID),
	}
	if hasPassword(u) {
		object["lastChangedAt"] = kit.Stamp(u.Created)
	}
	if until := u.Lock(kit.LayerPassword).Until; !until.IsZero() {
		object["secondsUntilUnlock"] = s.secondsUntil(until)
	}
	return kit.OK(object)
}

// account is POST …/users/{id}: lock or unlock, as the Content-Type says.
func (s *Simulator) account(r *kit.Request, u *kit.User) kit.Reply {
	kind, err := s.contentType(r, typeAccountUnlock, typeAccountLock)
	switch {
	case err != nil:
		return failed(http.StatusUnsupportedMediaType, "")
	case kind == typeAccountUnlock && len(r.Sent) > 0:
		return failed(http.StatusBadRequest, "The unlock takes no body.")
	}
	if err := s.model.Write(r.Context(), u, func() error {
		if kind == typeAccountUnlock {
			s.unlock(u, kit.CauseUnlockCall)
			return nil
		}
		return s.lockUntil(u, r.Sent)
	}); err != nil {
		return invalid("unlockAt", err.Error())
	}
	return kit.OK(s.shown(u, s.base(r)))
}

// lockUntil takes the optional {"unlockAt":…} of the lock call.
func (s *Simulator) lockUntil(u *kit.User, body []byte) error {
	if len(body) > 0 {
		fields, err := kit.ParseFields(body, "body")
		if err != nil || len(fields.Only("unlockAt")) != len(fields) {
			return kit.Bad("The body may hold unlockAt.")
		}
	}
	return s.model.LockFor(u, kit.CauseAdmin, body)
}

func (s *Simulator) unlockPassword(r *kit.Request, u *kit.User) kit.Reply {
	if _, err := s.contentType(r, typePasswordUnlock); err != nil {
		return failed(http.StatusUnsupportedMediaType, "")
	}
	if len(r.Sent) > 0 {
		return failed(http.StatusBadRequest, "The unlock takes no body.")
	}
	_ = s.model.Write(r.Context(), u, func() error { s.model.Unlock(u, kit.LayerPassword, kit.CauseUnlockCall); return nil })
	return s.password(r, u)
}

func (s *Simulator) enabled(_ *kit.Request, u *kit.User) kit.Reply {
	return kit.OK(map[string]any{"enabled": !u.Suspended})
}

func (s *Simulator) enable(r *kit.Request, u *kit.User) kit.Reply {
	body, err := r.Object()
	if err != nil && len(r.Sent) > 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return failed(http.StatusUnsupportedMediaType, "")
	}
	p := kit.NewParts(body)
	enabled := p.Bool("enabled", false)
	if err != nil || p.Err() != nil || !p.Has("enabled") || len(body) > 1 {
		return invalid("enabled", "The body must hold enabled, which is true or false, and nothing else.")
	}
	_ = s.model.Write(r.Context(), u, func() error { u.Suspended, u.Updated = !enabled, s.model.Now(); return nil })
	return s.enabled(r, u)
}

func (s *Simulator) roleAssignments(_ *kit.Request, u *kit.User) kit.Reply {
	return kit.OK(map[string]any{"_embedded": map[string]any{"roleAssignments": ownList(u, "roleAssignments")}})
}

// groups tells IDs, and with expand=group the names beside them.
func (s *Simulator) groups(r *kit.Request, u *kit.User) kit.Reply {
	expand := r.Query.Get("expand")
	if expand != "" && expand != "group" && !s.model.Settings().IgnoresUnknown {
		return invalid("expand", "expand knows group.")
	}
	ids, names := texts(ownList(u, "memberOfGroupIDs")), texts(ownList(u, "memberOfGroupNames"))
	memberships := make([]any, len(ids))
	for i, id := range ids {
		membership := map[string]any{"id": id, "type": "DIRECT"}
		if expand == "group" && i < len(names) {
			membership["_embedded"] = map[string]any{"group": map[string]string{"id": id, "name": names[i]}}
		}
		memberships[i] = membership
	}
	return kit.OK(map[string]any{"_embedded": map[string]any{"groupMemberships": memberships}, "count": len(ids), "size": len(ids)})
}

// contentType is the one among the known that was sent. A client that sends two draws
// a refusal now and then, as the settings say.
func (s *Simulator) contentType(r *kit.Request, known ...string) (string, error) {
	types := r.Header.Values("Content-Type")
	if len(types) > 1 {
		s.doubled++
		how := s.model.Settings().TwoContentTypes
		if how == TwoTypesRefused || how == TwoTypesAtTimes && s.doubled%2 == 1 {
			return "", kit.Bad("two content types")
		}
	}
	for _, kind := range types {
		if slices.Contains(known, kind) {
			return kind, nil
		}
	}
	return "", kit.Bad("unknown content type")
}

// token is the token endpoint: client credentials, by HTTP Basic or in the form, as
// the application is set.
func (s *Simulator) token(r *kit.Request) kit.Reply {
	if !strings.EqualFold(r.PathValue("env"), s.options.EnvironmentID) {
		return failed(http.StatusNotFound, "")
	}
	settings := s.model.Settings()
	form := kit.TokenForm{Type: "Bearer", Lifetime: settings.TokenLifetime.D()}
	for _, client := range s.options.clients() {
		method := client.AuthMethod
		if method == "" {
			method = settings.TokenEndpointAuthMethod
		}
		form.Clients = append(form.Clients, kit.Client{
			ID: client.ID, Secret: client.Secret, Access: string(client.Role), Basic: method != AuthPost, Form: method != AuthBasic,
		})
	}
	return s.model.Token(r, form)
}

// authenticate refuses a token that is missing, unknown or has expired, and what its
// role does not permit. An environment that is not there looks like one that is closed.
func (s *Simulator) authenticate(r *kit.Request) *kit.Reply {
	status := http.StatusUnauthorized
	access, valid := s.model.Bearer(r)
	if r.Access = access; valid {
		env := r.PathValue("env")
		if (env == "" || strings.EqualFold(env, s.options.EnvironmentID)) && Role(r.Access).may(r.Operation, r.Method) {
			return nil
		}
		status = http.StatusForbidden
	}
	refusal := failed(status, "")
	return &refusal
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

// Simulated describes the simulator to what loops over all.
func Simulated() kit.Simulated {
	return kit.Simulated{
		Name: "pingone", Title: "PingOne", IDKey: "id", Suspend: "disable", Suspended: "disabled",
		New: func() kit.Any { return New(Options{}) },
		Settings: func(rootURL string) map[string]string {
			return map[string]string{
				"API_URL": APIURL(rootURL), "AUTH_URL": AuthURL(rootURL), "ENVIRONMENT_ID": DefaultEnvironmentID,
				"CLIENT_ID": DefaultClientID, "CLIENT_SECRET": DefaultClientSecret,
			}
		},
		Profile: func(first, last, job string) map[string]any {
			return map[string]any{"name": map[string]any{"given": first, "family": last, "formatted": first + " " + last}, "title": job,
				"locale": "en-GB", "badgeColours": []string{"red", "green"}}
		},
	}
}
