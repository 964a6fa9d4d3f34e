// Package simulator is a PingOne environment to test against: the part of the platform API that
// concerns locked users, and the token endpoint, over real HTTP. It is built from what Ping
// documents (https://developer.pingidentity.com/pingone-api/platform/users.html) and does live,
// never from the connector. Where no source settles how PingOne behaves, [Settings] has a
// switch. connectors/simulator/README.md shows how it is driven.
package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"

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
	doubled int // calls with two Content-Types
}

var _ http.Handler = (*Simulator)(nil)

// New returns an empty environment. The zero Options give working defaults.
func New(options Options) *Simulator {
	s, settings := &Simulator{}, DefaultSettings()
	if options.Settings != nil {
		settings = *options.Settings
	}
	s.Tenant = kit.NewTenant(options.Now, settings, s.vendor())
	return s
}

// APIURL is the base URL of the API on a server started at rootURL.
func APIURL(rootURL string) string { return rootURL + "/v1" }

// AuthURL is the base URL of the token endpoint on a server started at rootURL;
// the environment's id and /as/token follow it.
func AuthURL(rootURL string) string { return rootURL }

// EnvironmentID is the environment's id.
func (s *Simulator) EnvironmentID() string { return DefaultEnvironmentID }

// Locked reports whether a user is really locked now, on the account or the
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
		{Pattern: "GET " + user, Operation: OpLookup, Named: groupIDs, Also: []string{OpGroupIDs}, Parameters: shown, User: s.lookup},
		{Pattern: "POST " + user, Operation: OpUnlock, Named: lockOrUnlock, Also: []string{OpLock}, User: s.account},
		{Pattern: "GET " + user + "/password", Operation: OpPassword, User: s.password},
		{Pattern: "POST " + user + "/password", Operation: OpUnlockPassword, User: s.unlockPassword},
		{Pattern: "GET " + user + "/enabled", Operation: OpEnabled, User: s.enabled},
		{Pattern: "PUT " + user + "/enabled", Operation: OpEnabled, User: s.enable},
		{Pattern: "GET " + user + "/roleAssignments", Operation: OpRoleAssignments, User: s.roleAssignments},
		{Pattern: "GET " + user + "/memberOfGroups", Operation: OpGroups, Parameters: []string{"expand"}, User: s.groups},
	}
}

func groupIDs(r *kit.Request) string {
	if asked := askedFor(r, "include"); len(asked) > 0 && asked[0] == "memberOfGroupIDs" {
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

func (s *Simulator) lookup(r *kit.Request, u *kit.User) kit.Reply {
	if refusal := s.unknownKeys(r); refusal.Status != 0 {
		return refusal
	}
	return kit.OK(s.asked(u, r))
}

func (s *Simulator) password(r *kit.Request, u *kit.User) kit.Reply {
	id := func(id string) map[string]string { return map[string]string{"id": id} }
	self := href(s.base(r) + "/users/" + u.ID + "/password")
	object := map[string]any{
		"_links":      map[string]any{"self": self, "password.unlock": self},
		"environment": id(DefaultEnvironmentID), "user": id(u.ID), "status": passwordStatus(u), "passwordPolicy": id(passwordPolicyID),
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
	kind, body := s.contentType(r, typeAccountUnlock, typeAccountLock), sent(r)
	switch {
	case kind == "":
		return failed(http.StatusUnsupportedMediaType, "")
	case kind == typeAccountUnlock && len(body) > 0:
		return failed(http.StatusBadRequest, "The unlock takes no body.")
	case kind == typeAccountUnlock:
		s.unlock(u, kit.CauseUnlockCall)
		return kit.OK(s.shown(u, r))
	}
	var order struct {
		UnlockAt *time.Time `json:"unlockAt,omitzero"`
	}
	err := kit.Decode(body, "body", &order)
	if err == nil {
		err = s.Model.LockFor(u, kit.CauseAdmin, kit.JSON(order))
	}
	if err != nil {
		return invalid("unlockAt", err.Error())
	}
	return kit.OK(s.shown(u, r))
}

func (s *Simulator) unlockPassword(r *kit.Request, u *kit.User) kit.Reply {
	switch {
	case s.contentType(r, typePasswordUnlock) == "":
		return failed(http.StatusUnsupportedMediaType, "")
	case len(sent(r)) > 0:
		return failed(http.StatusBadRequest, "The unlock takes no body.")
	}
	s.Model.Unlock(u, kit.LayerPassword, kit.CauseUnlockCall)
	return s.password(r, u)
}

// sent is the body. Ping's own client sends null where it sends nothing.
func sent(r *kit.Request) []byte {
	if string(r.Sent) == "null" {
		return nil
	}
	return r.Sent
}

func (s *Simulator) enabled(_ *kit.Request, u *kit.User) kit.Reply {
	return kit.OK(map[string]any{"enabled": !u.Suspended})
}

func (s *Simulator) enable(r *kit.Request, u *kit.User) kit.Reply {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return failed(http.StatusUnsupportedMediaType, "")
	}
	var order struct {
		Enabled *bool `json:"enabled"`
	}
	if kit.Decode(r.Sent, "body", &order) != nil || order.Enabled == nil {
		return invalid("enabled", "The body must hold enabled, which is true or false, and nothing else.")
	}
	u.Suspended, u.Updated = !*order.Enabled, s.Model.Now()
	return s.enabled(r, u)
}

func (s *Simulator) roleAssignments(_ *kit.Request, u *kit.User) kit.Reply {
	assignments := u.Own["roleAssignments"]
	if assignments == nil {
		assignments = kit.JSON([]any{})
	}
	return kit.OK(map[string]any{"_embedded": map[string]any{"roleAssignments": assignments}})
}

// groups answers with IDs, and with expand=group the names beside them.
func (s *Simulator) groups(r *kit.Request, u *kit.User) kit.Reply {
	expand := r.Query.Get("expand")
	if expand != "" && expand != "group" && !s.Settings().IgnoresUnknown {
		return invalid("expand", "expand knows group.")
	}
	ids, names := groups(u, "memberOfGroupIDs"), groups(u, "memberOfGroupNames")
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

// contentType is the one among the known that was sent; "" for a refusal, which a client
// that sends two draws now and then, as the settings say.
func (s *Simulator) contentType(r *kit.Request, known ...string) string {
	types := r.Header.Values("Content-Type")
	if len(types) > 1 {
		s.doubled++
		how := s.Settings().TwoContentTypes
		if how == TwoTypesRefused || how == TwoTypesAtTimes && s.doubled%2 == 1 {
			return ""
		}
	}
	for _, kind := range types {
		if slices.Contains(known, kind) {
			return kind
		}
	}
	return ""
}

// token is the token endpoint: client credentials, by HTTP Basic or in the form, as
// the application is set.
func (s *Simulator) token(r *kit.Request) kit.Reply {
	if !strings.EqualFold(r.PathValue("env"), DefaultEnvironmentID) {
		return failed(http.StatusNotFound, "")
	}
	method := s.Settings().TokenEndpointAuthMethod
	form := kit.TokenForm{Type: "Bearer", Lifetime: s.Settings().TokenLifetime.D(), Clients: []kit.Client{
		{ID: PostClientID, Secret: DefaultClientSecret, Access: RoleAdmin, Form: true},
	}}
	for id, role := range map[string]string{
		DefaultClientID: RoleAdmin, ReadOnlyClientID: RoleReadOnly, NoPasswordClientID: RoleNoPassword, RolelessClientID: RoleNone,
	} {
		form.Clients = append(form.Clients, kit.Client{
			ID: id, Secret: DefaultClientSecret, Access: role, Basic: method != AuthPost, Form: method != AuthBasic,
		})
	}
	return s.Model.Token(r, form)
}

// authenticate refuses a token that is missing, unknown or has expired, and what its
// role does not permit. An environment that is not there looks like one that is closed.
func (s *Simulator) authenticate(r *kit.Request) kit.Reply {
	access, valid := s.Model.Bearer(r)
	env := r.PathValue("env")
	switch {
	case !valid:
		return failed(http.StatusUnauthorized, "")
	case env != "" && !strings.EqualFold(env, DefaultEnvironmentID) || !may(access, r):
		return failed(http.StatusForbidden, "")
	}
	return kit.Reply{}
}

// may reports whether a role permits a call.
func may(role string, r *kit.Request) bool {
	switch role {
	case RoleAdmin:
		return true
	case RoleReadOnly:
		return r.Method == http.MethodGet
	case RoleNoPassword:
		return r.Operation != OpPassword && r.Operation != OpUnlockPassword
	default:
		return false
	}
}

// Simulated describes the simulator to what loops over all.
func Simulated() kit.Simulated {
	return kit.Simulated{
		Name: "pingone", Title: "PingOne", IDKey: "id", Suspend: "disable", Suspended: "disabled",
		New: func() *kit.Server { return New(Options{}).Server },
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
