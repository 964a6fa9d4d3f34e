package simulator

import (
	"net/http"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Names of the operations, as faults match them and the calls log shows them.
const (
	OpToken        = "token"        // POST /oauth2/token
	OpLookup       = "lookup"       // GET /api/systemusers/{id}
	OpUpdate       = "update"       // PUT /api/systemusers/{id}
	OpUnlock       = "unlock"       // POST /api/systemusers/{id}/unlock
	OpFind         = "find"         // a list or search with a filter other than account_locked
	OpList         = "list"         // a list or search without a filter, or with account_locked
	OpOrganization = "organization" // GET /api/organizations[/{id}]
	OpOther        = kit.OpOther
)

// Simulator is a JumpCloud organization. It is an http.Handler.
type Simulator struct {
	*kit.Tenant[Settings]
	options Options
	model   *kit.Model[Settings]
}

var _ http.Handler = (*Simulator)(nil)

// New returns an empty organization. The zero Options give working defaults.
func New(options Options) *Simulator {
	s := &Simulator{options: options.withDefaults()}
	s.Tenant = kit.NewTenant(options.Now, func(model *kit.Model[Settings]) kit.Vendor[Settings] {
		s.model = model
		return s.vendor()
	})
	return s
}

// APIURL is the base URL of the API on a server started at rootURL.
func APIURL(rootURL string) string { return rootURL + "/api" }

// TokenURL is the token endpoint of service accounts on a server started at rootURL.
func TokenURL(rootURL string) string { return rootURL + "/oauth2/token" }

// OrgID is the organization's id.
func (s *Simulator) OrgID() string { return s.options.OrgID }

// Options returns the options in force, defaults filled in.
func (s *Simulator) Options() Options { return s.options }

func (s *Simulator) routes() []kit.Route {
	page := []string{"filter", "filter[", "search", "search[", "limit", "skip", "sort", "fields"}
	return []kit.Route{
		{Pattern: "POST /oauth2/token", Operation: OpToken, Open: true, Serve: s.token},
		{Pattern: "GET /login", Operation: OpOther, Open: true, Serve: login},
		{Pattern: "GET /api/systemusers", Operation: OpList, Named: findOrList, Also: []string{OpFind}, Parameters: page, Serve: s.list},
		{Pattern: "POST /api/search/systemusers", Operation: OpList, Named: findOrList, Parameters: page, Serve: s.list},
		{Pattern: "GET /api/systemusers/{id}", Operation: OpLookup, Serve: s.user(s.lookup)},
		{Pattern: "PUT /api/systemusers/{id}", Operation: OpUpdate, Serve: s.user(s.update)},
		{Pattern: "POST /api/systemusers/{id}/unlock", Operation: OpUnlock, Serve: s.user(s.unlock)},
		{Pattern: "GET /api/organizations", Operation: OpOrganization, Parameters: []string{"limit", "skip", "sort", "fields", "filter", "search"}, Serve: s.organizations},
		{Pattern: "GET /api/organizations/{id}", Operation: OpOrganization, Serve: s.organization},
	}
}

// user finds the user that a call is about, and judges whether the caller may write.
func (s *Simulator) user(serve func(r *kit.Request, u *kit.User) kit.Reply) func(r *kit.Request) kit.Reply {
	return func(r *kit.Request) kit.Reply {
		u := s.model.User(r.PathValue("id"))
		switch {
		case r.Operation != OpLookup && r.Access == accessRead:
			return s.refuse(http.StatusForbidden, "Forbidden: the scope users is required")
		case !isID(r.PathValue("id")):
			return s.refuse(s.model.Settings().BadIDStatus, "invalid user id")
		case u == nil:
			return s.refuse(http.StatusNotFound, "user not found")
		}
		return serve(r, u)
	}
}

func (s *Simulator) lookup(_ *kit.Request, u *kit.User) kit.Reply {
	return kit.OK(s.read(s.model.Seen(u)))
}

// unlock clears the lock and the count of failures. It takes no body and succeeds on
// a user that is not locked.
func (s *Simulator) unlock(r *kit.Request, u *kit.User) kit.Reply {
	if len(r.Sent) > 0 && !s.model.Settings().IgnoresUnknown {
		return s.refuse(http.StatusBadRequest, "the unlock takes no body")
	}
	_ = s.model.Write(r.Context(), u, func() error { s.unlockUser(u, kit.CauseUnlockCall); return nil })
	switch s.model.Settings().UnlockAnswer {
	case UnlockAnswerOK:
		return kit.OK("OK")
	case UnlockAnswerObject:
		return kit.OK(struct{}{})
	case UnlockAnswerText:
		return kit.Reply{Type: "text/plain; charset=utf-8", Body: []byte("User unlocked")}
	default:
		return kit.Reply{}
	}
}

// update passes read-only keys over.
func (s *Simulator) update(r *kit.Request, u *kit.User) kit.Reply {
	change, err := r.Object()
	for _, field := range change {
		if field.Key != "password" && !s.model.Knows(field.Key) && !s.model.Settings().IgnoresUnknown {
			err = kit.Bad("a user has no %q", field.Key)
		}
	}
	if err == nil {
		err = s.model.Write(r.Context(), u, func() error { return s.model.Update(u, change.Without(readOnly...)) })
	}
	if err != nil {
		return s.refuse(http.StatusBadRequest, err.Error())
	}
	return kit.OK(s.read(u))
}

func (s *Simulator) organizations(*kit.Request) kit.Reply {
	if !s.model.Settings().OrganizationReadable {
		return s.refuse(http.StatusForbidden, "Forbidden")
	}
	return kit.OK(map[string]any{"totalCount": 1, "results": []any{
		map[string]any{"id": s.options.OrgID, "_id": s.options.OrgID, "displayName": "Simulated Organization", "logoUrl": ""},
	}})
}

// organization answers with the policy that locks accounts.
func (s *Simulator) organization(r *kit.Request) kit.Reply {
	switch settings, id := s.model.Settings(), r.PathValue("id"); {
	case !settings.OrganizationReadable:
		return s.refuse(http.StatusForbidden, "Forbidden")
	case !isID(id):
		return s.refuse(settings.BadIDStatus, "invalid organization id")
	case !strings.EqualFold(id, s.options.OrgID):
		return s.refuse(http.StatusNotFound, "organization not found")
	default:
		return kit.OK(map[string]any{
			"_id": s.options.OrgID, "id": s.options.OrgID, "displayName": "Simulated Organization",
			"settings": map[string]any{
				"name": "Simulated Organization", "passwordPolicy": settings.PasswordPolicy,
				"systemUsersCanEdit": false, "disableUM": false,
			},
		})
	}
}

func login(*kit.Request) kit.Reply {
	return kit.Reply{Type: "text/html; charset=utf-8",
		Body: []byte("<!DOCTYPE html>\n<html><head><title>JumpCloud</title></head><body><form>Log in</form></body></html>\n")}
}

// What a credential permits.
const (
	accessAll         = "all"
	accessRead        = "read"
	accessMultiTenant = "multi-tenant" // must say by x-org-id which organization it means
)

func (s *Simulator) authenticate(r *kit.Request) *kit.Reply {
	key := r.Header.Get("x-api-key")
	var known bool
	if r.Access, known = s.model.Bearer(r); key != "" {
		r.Access, known = s.byKey(key)
	}
	var refusal kit.Reply
	switch status, message := s.judgeOrg(r); {
	case key == "" && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
		// Nobody in particular is sent to the console's login page.
		refusal = kit.Reply{Status: http.StatusFound, Header: map[string]string{"Location": "/login"}}
	case !known:
		refusal = s.refuse(http.StatusUnauthorized, "Unauthorized: api key user not found")
	case status != 0:
		refusal = s.refuse(status, message)
	default:
		return nil
	}
	return &refusal
}

// judgeOrg judges x-org-id: 400 malformed, 401 missing for a multi-tenant administrator,
// 403 where it is not taken, 404 unknown; 0 for right.
func (s *Simulator) judgeOrg(r *kit.Request) (status int, message string) {
	orgs := r.Header.Values("x-org-id")
	switch aboutOrgs := r.Operation == OpOrganization; {
	case len(orgs) == 0 && r.Access == accessMultiTenant && !aboutOrgs:
		return http.StatusUnauthorized, "Unauthorized: x-org-id is required"
	case len(orgs) == 0:
		return 0, ""
	case aboutOrgs:
		return http.StatusForbidden, "x-org-id is included on unsupported route"
	case len(orgs) > 1 || !isID(orgs[0]):
		return http.StatusBadRequest, "x-org-id is malformed"
	case !strings.EqualFold(orgs[0], s.options.OrgID):
		return http.StatusNotFound, "organization not found"
	}
	return 0, ""
}

func (s *Simulator) byKey(key string) (access string, known bool) {
	switch {
	case kit.Same(key, s.options.APIKey):
		return accessAll, true
	case kit.Same(key, s.options.ReadOnlyAPIKey):
		return accessRead, true
	case kit.Same(key, s.options.MultiTenantAPIKey):
		return accessMultiTenant, true
	}
	return "", false
}

// token is the token endpoint of service accounts: HTTP Basic and a form.
func (s *Simulator) token(r *kit.Request) kit.Reply {
	o := s.options
	return s.model.Token(r, kit.TokenForm{
		Clients: []kit.Client{
			{ID: o.ClientID, Secret: o.ClientSecret, Access: accessAll, Basic: true},
			{ID: o.ReadOnlyClientID, Secret: o.ReadOnlyClientSecret, Access: accessRead, Basic: true},
		},
		Scope: "api", Type: "bearer", Lifetime: s.model.Settings().TokenLifetime.D(),
	})
}

// refuse answers an error in the shape that the settings choose.
func (s *Simulator) refuse(status int, message string) kit.Reply {
	name := http.StatusText(status)
	if message == "" {
		message = name
	}
	shape := s.model.Settings().ErrorShape
	body := map[string]any{"error": name, "message": message}
	if shape == ErrorShapeSpecification || shape == ErrorShapeMixed && status != http.StatusUnauthorized {
		name = strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
		body = map[string]any{"code": status, "message": message, "status": name, "details": []any{}}
	}
	return kit.Reply{Status: status, Body: kit.JSON(body)}
}

// Simulated describes the simulator to what loops over all.
func Simulated() kit.Simulated {
	return kit.Simulated{
		Name: "jumpcloud", Title: "JumpCloud", IDKey: "_id", Suspend: "suspend", Suspended: "suspended",
		New: func() kit.Any { return New(Options{}) },
		Settings: func(rootURL string) map[string]string {
			return map[string]string{"BASE_URL": APIURL(rootURL), "API_KEY": DefaultAPIKey}
		},
		Profile: func(first, last, job string) map[string]any {
			return map[string]any{"firstname": first, "lastname": last, "displayname": first + " " + last, "jobTitle": job,
				"department": "Engineering", "location": "Arlington", "costCenter": "CC-4711"}
		},
	}
}
