// Package simulator is a JumpCloud organization to test against: the part of the Directory API
// v1 that concerns locked users, over real HTTP. It is built from what JumpCloud documents
// (https://docs.jumpcloud.com/api/1.0/) and does live, never from the connector. Where no
// source settles how JumpCloud behaves, [Settings] has a switch. connectors/simulator/README.md
// shows how it is driven.
package simulator

import (
	"cmp"
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
}

var _ http.Handler = (*Simulator)(nil)

// New returns an empty organization. The zero Options give working defaults.
func New(options Options) *Simulator {
	options.APIKey = cmp.Or(options.APIKey, DefaultAPIKey)
	options.ClientSecret = cmp.Or(options.ClientSecret, DefaultClientSecret)
	s := &Simulator{options: options}
	s.Tenant = kit.NewTenant(options.Now, DefaultSettings(), s.vendor())
	return s
}

// APIURL is the base URL of the API on a server started at rootURL.
func APIURL(rootURL string) string { return rootURL + "/api" }

// TokenURL is the token endpoint of service accounts on a server started at rootURL.
func TokenURL(rootURL string) string { return rootURL + "/oauth2/token" }

func (s *Simulator) routes() []kit.Route {
	page := []string{"filter", "filter[", "search", "search[", "limit", "skip", "sort", "fields"}
	return []kit.Route{
		{Pattern: "POST /oauth2/token", Operation: OpToken, Open: true, Serve: s.token},
		{Pattern: "GET /login", Operation: OpOther, Open: true, Serve: login},
		{Pattern: "GET /api/systemusers", Operation: OpList, Named: findOrList, Also: []string{OpFind}, Parameters: page, Serve: s.list},
		{Pattern: "POST /api/search/systemusers", Operation: OpList, Named: findOrList, Parameters: page, Serve: s.list},
		{Pattern: "GET /api/systemusers/{id}", Operation: OpLookup, User: s.lookup},
		{Pattern: "PUT /api/systemusers/{id}", Operation: OpUpdate, User: s.update},
		{Pattern: "POST /api/systemusers/{id}/unlock", Operation: OpUnlock, User: s.unlock},
		{Pattern: "GET /api/organizations", Operation: OpOrganization, Serve: s.organizations},
		{Pattern: "GET /api/organizations/{id}", Operation: OpOrganization, Serve: s.organization},
	}
}

func (s *Simulator) lookup(_ *kit.Request, u *kit.User) kit.Reply {
	return kit.OK(s.Model.Native(u).Without("memberof"))
}

// What the unlock answers, by the setting unlockAnswer.
var unlockAnswers = map[string]func() kit.Reply{
	UnlockAnswerEmpty:  func() kit.Reply { return kit.Reply{} },
	UnlockAnswerOK:     func() kit.Reply { return kit.OK("OK") },
	UnlockAnswerObject: func() kit.Reply { return kit.OK(struct{}{}) },
	UnlockAnswerText:   func() kit.Reply { return kit.Reply{Type: "text/plain; charset=utf-8", Body: []byte("User unlocked")} },
}

// unlock clears the lock and the count of failures. It takes no body and succeeds on
// a user that is not locked.
func (s *Simulator) unlock(r *kit.Request, u *kit.User) kit.Reply {
	if len(r.Sent) > 0 && !s.Settings().IgnoresUnknown {
		return s.refuse(http.StatusBadRequest, "the unlock takes no body")
	}
	s.unlockUser(u, kit.CauseUnlockCall)
	return unlockAnswers[s.Settings().UnlockAnswer]()
}

// update passes read-only keys over.
func (s *Simulator) update(r *kit.Request, u *kit.User) kit.Reply {
	change, err := r.Object()
	for key := range change {
		if key != "password" && !s.Model.Knows(key) && !s.Settings().IgnoresUnknown {
			err = kit.Bad("a user has no %q", key)
		}
	}
	if err == nil {
		err = s.Model.Update(u, change.Without(readOnly...))
	}
	if err != nil {
		return s.refuse(http.StatusBadRequest, err.Error())
	}
	return s.lookup(r, u)
}

func (s *Simulator) organizations(*kit.Request) kit.Reply {
	if !s.Settings().OrganizationReadable {
		return s.refuse(http.StatusForbidden, "Forbidden")
	}
	return kit.OK(map[string]any{"totalCount": 1, "results": []any{
		map[string]any{"id": DefaultOrgID, "_id": DefaultOrgID, "displayName": "Simulated Organization", "logoUrl": ""},
	}})
}

// organization answers with the policy that locks accounts.
func (s *Simulator) organization(r *kit.Request) kit.Reply {
	switch settings := s.Settings(); {
	case !settings.OrganizationReadable:
		return s.refuse(http.StatusForbidden, "Forbidden")
	case !strings.EqualFold(r.PathValue("id"), DefaultOrgID):
		return s.refuse(http.StatusNotFound, "organization not found")
	default:
		return kit.OK(map[string]any{
			"_id": DefaultOrgID, "id": DefaultOrgID, "displayName": "Simulated Organization",
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

func (s *Simulator) authenticate(r *kit.Request) kit.Reply {
	key, id := r.Header.Get("x-api-key"), r.PathValue("id")
	access, known := s.Model.Bearer(r)
	if key != "" {
		access, known = s.access(key)
	}
	r.Access = access
	switch status, message := s.judgeOrg(r); {
	case key == "" && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
		// Nobody in particular is sent to the console's login page.
		return kit.Reply{Status: http.StatusFound, Header: map[string]string{"Location": "/login"}}
	case !known:
		return s.refuse(http.StatusUnauthorized, "Unauthorized: api key user not found")
	case status != 0:
		return s.refuse(status, message)
	case access == accessRead && (r.Operation == OpUnlock || r.Operation == OpUpdate):
		return s.refuse(http.StatusForbidden, "Forbidden: the scope users is required")
	case id != "" && !isID(id):
		return s.refuse(s.Settings().BadIDStatus, "invalid id")
	}
	return kit.Reply{}
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
	case !strings.EqualFold(orgs[0], DefaultOrgID):
		return http.StatusNotFound, "organization not found"
	}
	return 0, ""
}

// access is what an API key permits.
func (s *Simulator) access(key string) (access string, known bool) {
	access, known = map[string]string{
		s.options.APIKey: accessAll, DefaultReadOnlyAPIKey: accessRead, DefaultMultiTenantAPIKey: accessMultiTenant,
	}[key]
	return access, known
}

// token is the token endpoint of service accounts: HTTP Basic and a form.
func (s *Simulator) token(r *kit.Request) kit.Reply {
	return s.Model.Token(r, kit.TokenForm{
		Clients: []kit.Client{
			{ID: DefaultClientID, Secret: s.options.ClientSecret, Access: accessAll, Basic: true},
			{ID: DefaultReadOnlyClientID, Secret: DefaultReadOnlyClientSecret, Access: accessRead, Basic: true},
		},
		Scope: "api", Type: "bearer", Lifetime: s.Settings().TokenLifetime.D(),
	})
}

// refuse answers an error in the shape that the settings choose.
func (s *Simulator) refuse(status int, message string) kit.Reply {
	name := http.StatusText(status)
	if message == "" {
		message = name
	}
	shape := s.Settings().ErrorShape
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
		New: func() *kit.Server { return New(Options{}).Server },
		Settings: func(rootURL string) map[string]string {
			return map[string]string{"BASE_URL": APIURL(rootURL), "API_KEY": DefaultAPIKey}
		},
		Profile: func(first, last, job string) map[string]any {
			return map[string]any{"firstname": first, "lastname": last, "displayname": first + " " + last, "jobTitle": job,
				"department": "Engineering", "location": "Arlington", "costCenter": "CC-4711"}
		},
	}
}
