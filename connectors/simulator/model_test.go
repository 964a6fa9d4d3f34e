package simulator

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type paperSettings struct {
	Limit    int      `json:"limit"`
	Duration Duration `json:"duration"`
	Lenient  bool     `json:"lenient"`
}

func (s paperSettings) Check() error  { return Need(s.Limit > 0, "limit must be above zero") }
func (s paperSettings) Ignores() bool { return s.Lenient }
func (s paperSettings) Policy() Policy {
	return Policy{Layer: LayerPassword, Limit: s.Limit, Window: time.Hour, Duration: s.Duration.D()}
}

// paper is a tenant of a provider that there is not: failed sign-ins lock its password.
type paper struct{ *Tenant[paperSettings] }

func newPaper() *paper { return newPaperOf(func(*Vendor) {}) }

// newPaperOf is one of a vendor that differs.
func newPaperOf(change func(vendor *Vendor)) *paper {
	p := &paper{}
	vendor := p.paperVendor()
	change(&vendor)
	p.Tenant = NewTenant(func() time.Time { return start }, paperSettings{Limit: 3, Duration: Duration(time.Hour)}, vendor)
	return p
}

func (p *paper) paperVendor() Vendor {
	return Vendor{
		Routes: []Route{
			{Pattern: "GET /users/{id}", Operation: "read", Parameters: []string{"show["}, User: func(_ *Request, u *User) Reply {
				return OK(p.Model.Native(u))
			}},
			{Pattern: "POST /users/{id}", Operation: "write", User: func(_ *Request, u *User) Reply {
				p.Model.vendor.Unlock(u, CauseUnlockCall)
				return Reply{}
			}},
		},
		Authenticate: func(r *Request) Reply {
			if r.Header.Get("Key") == "" {
				return paperError(http.StatusUnauthorized, "")
			}
			return Reply{}
		},
		Type: func(*http.Request) string { return "application/paper" }, Error: paperError,
		Headers: func() map[string]string { return map[string]string{"X-Paper": "yes"} },
		IDKey:   "id", NewID: func(n uint64) string { return fmt.Sprintf("u%d", n) }, IsID: func(text string) bool { return strings.HasPrefix(text, "u") },
		Template: MustFields(`{"colour":"red","size":{"width":1}}`),
		Attributes: map[string]func(u *User) any{
			"id":       func(u *User) any { return u.ID },
			"locked":   func(u *User) any { return u.Locked() },
			"username": func(u *User) any { return u.Username },
		},
		Read: func(u *User, given Fields, _ bool) (func(*User), error) {
			into := struct {
				Password *string `json:"password"`
			}{&u.Password}
			return func(*User) {}, given.Into(&into)
		},
		Barred: func(u *User) string { return map[bool]string{true: "suspended"}[u.Suspended] },
		Unlock: func(u *User, cause string) {
			p.Model.Unlock(u, LayerAccount, cause)
			p.Model.Unlock(u, LayerPassword, cause)
		},
		Suspend: "suspend", Unsuspend: "unsuspend",
		Actions: map[string]Action{"lift": func(u *User, _ []byte) error { p.Model.Lift(u, LayerPassword, CauseAdmin); return nil }},
	}
}

func paperError(status int, message string) Reply {
	return Reply{Status: status, Body: JSON(map[string]any{"wrong": status, "why": message})}
}

func (p *paper) ask(method, target string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, nil)
	request.Header.Set("Key", "k")
	recorder := httptest.NewRecorder()
	p.ServeHTTP(recorder, request)
	return recorder
}

// TestRoutes: whatever leads nowhere is refused as the provider refuses, and so is a
// parameter that a call does not know, unless a setting says otherwise.
func TestRoutes(t *testing.T) {
	t.Parallel()
	p := newPaper()
	id := p.MustCreateUser(map[string]any{"id": "u/1"})
	require.Equal(t, "u/1", id)
	for target, want := range map[string]int{
		"GET /users/u%2F1": 200, "GET /users/u%2f1?show[x]=1": 200, "GET /users/u%2F1?shown=1": 400, "GET /users/u%2F1?show=1": 400,
		"DELETE /users/u%2F1": 405, "GET /users": 404, "GET /users//u%2F1": 404, "GET /users/../users/u%2F1": 404, "GET /users/u2": 404,
	} {
		method, path, _ := strings.Cut(target, " ")
		answer := p.ask(method, path)
		require.Equal(t, want, answer.Code, target)
		require.Equal(t, "application/paper", answer.Header().Get("Content-Type"), target)
		require.Equal(t, "yes", answer.Header().Get("X-Paper"), target)
	}
	require.Equal(t, map[string]int64{"read": 5, "other": 4}, p.Calls.Summary().Counts)
	require.NoError(t, p.Configure(func(s *paperSettings) { s.Lenient = true }))
	require.Equal(t, 200, p.ask("GET", "/users/u%2F1?shown=1").Code)
	search := httptest.NewRequest("GET", "/users/u%2F1", strings.NewReader(`{"colour":"red"}`))
	search.Header.Set("Key", "k")
	for _, ignores := range []bool{false, true} {
		require.NoError(t, p.Configure(func(s *paperSettings) { s.Lenient = ignores }))
		recorder := httptest.NewRecorder()
		p.ServeHTTP(recorder, search.Clone(t.Context()))
		require.Equal(t, map[bool]int{false: 400, true: 200}[ignores], recorder.Code, "a read that sends a body asks for what is not answered")
		search.Body = io.NopCloser(strings.NewReader(`{"colour":"red"}`))
	}
	recorder := httptest.NewRecorder()
	p.ServeHTTP(recorder, httptest.NewRequest("GET", "/nowhere", nil))
	require.Equal(t, 401, recorder.Code, "only an authorized caller learns what there is")
}

// TestIDs: where upper and lower case mean the same, an ID is kept in lower case and found in
// either; elsewhere two spellings are two users.
func TestIDs(t *testing.T) {
	t.Parallel()
	for _, fold := range []bool{false, true} {
		p := newPaperOf(func(vendor *Vendor) { vendor.FoldIDs = fold })
		first := p.MustCreateUser(map[string]any{"id": "uAbC", "username": "first"})
		second, err := p.CreateUser(map[string]any{"id": "uabc", "username": "second"})
		require.Equal(t, fold, err != nil, "%s %v", second, err)
		require.Equal(t, map[bool]string{true: "uabc", false: "uAbC"}[fold], first)
		for id, found := range map[string]bool{"uAbC": true, "UABC": fold, "uabc": true} {
			_, err := p.User(id)
			require.Equal(t, found, err == nil, id)
			status := p.ask(http.MethodGet, "/users/"+id).Code
			require.Equal(t, found, status == http.StatusOK, id)
		}
	}
}

// TestAVendorWithoutActions has those that all have.
func TestAVendorWithoutActions(t *testing.T) {
	t.Parallel()
	p := newPaperOf(func(vendor *Vendor) { vendor.Actions = nil })
	id := p.MustCreateUser(map[string]any{})
	require.NoError(t, p.Act(id, "lock", nil))
	require.True(t, p.Locked(id))
	require.ErrorContains(t, p.Act(id, "", nil), "there is no action")
	require.ErrorContains(t, p.Act(id, "lift", nil), "there is no action")
}

// TestLayers: a lock that was let go no longer holds the account, and the others do.
func TestLayers(t *testing.T) {
	t.Parallel()
	p := newPaper()
	id := p.MustCreateUser(map[string]any{})
	require.NoError(t, p.LockByFailures(id))
	require.True(t, p.LockedAt(id, LayerPassword))
	require.NoError(t, p.Act(id, "lift", nil))
	require.False(t, p.Locked(id))
	require.True(t, p.LockedAt(id, LayerPassword))
	require.Equal(t, SignIn{Reason: "locked"}, p.SignIn(id, DefaultPassword))
	require.NoError(t, p.Act(id, "lock", map[string]string{"for": "2h"}))
	require.NoError(t, p.Act(id, "lock", map[string]string{"for": "3h"}))
	require.NoError(t, p.Clock.Advance(2*time.Hour))
	require.True(t, p.Locked(id), "a lock takes a new end")
	require.NoError(t, p.Clock.Advance(time.Hour))
	require.False(t, p.Locked(id))
	require.True(t, p.SignIn(id, DefaultPassword).OK)
	var book []string
	for _, change := range p.Book.All() {
		book = append(book, change.What+" "+change.Layer+" "+change.Cause)
	}
	require.Equal(t, []string{
		"locked password failed_sign_in", "unlocked account admin", "locked account admin", "ran_out password time", "ran_out account time",
	}, book)
	require.ErrorContains(t, p.Act(id, "lock", map[string]string{"unlockAt": "2020-01-01T00:00:00Z"}), "time to come")
}

// TestSet: what the model keeps is not overwritten, and what is wrong changes nothing.
func TestSet(t *testing.T) {
	t.Parallel()
	p := newPaper()
	id := p.MustCreateUser(map[string]any{"username": "ann", "shape": "round"})
	require.Error(t, p.Act(id, "set", map[string]any{"username": "ben", "password": 7}))
	require.NoError(t, p.Act(id, "set", map[string]any{"locked": true, "id": "u9", "colour": "blue", "username": "cat"}))
	raw, err := p.User("cat")
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"`+id+`","username":"cat","locked":false,"colour":"blue","shape":"round","size":{"width":1}}`, string(raw))
	_, err = p.User("ann")
	require.Error(t, err)
	u := p.Model.User(id)
	for path, want := range map[string]string{"size.width": "1", "colour": `"blue"`, "locked": "false", "shape": `"round"`, "nothing": "", "size.height": ""} {
		require.Equal(t, want, string(p.Model.Value(u, path)), path)
	}
	require.True(t, p.Model.Knows("size.width"))
	require.False(t, p.Model.Knows("shape"), "a key of one user is no key of all")
}

// TestStaleWrites: only who reads through the API sees what was before.
func TestStaleWrites(t *testing.T) {
	t.Parallel()
	p := newPaper()
	id := p.MustCreateUser(map[string]any{})
	require.NoError(t, p.Lock(id))
	p.Faults.MustAdd(Fault{Kind: KindStale, Reads: 1, Operation: "write"})
	require.Equal(t, 200, p.ask("POST", "/users/"+id).Code)
	require.False(t, p.Locked(id))
	require.Contains(t, p.ask("GET", "/users/"+id).Body.String(), `"locked":true`)
	require.Contains(t, p.ask("GET", "/users/"+id).Body.String(), `"locked":false`)
}

// TestFindIsTheSameByEveryWay: an index, a look at everybody and a page each give the
// same users in the same order.
func TestFindIsTheSameByEveryWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPaper()
		_, err := p.Populate(Populate{Count: 12, Locked: rapid.IntRange(0, 12).Draw(t, "locked")})
		require.NoError(t, err)
		for range rapid.IntRange(0, 20).Draw(t, "acts") {
			ref := rapid.SampledFrom(p.Model.users.order).Draw(t, "user").ID
			act := rapid.SampledFrom([]string{"lock", "unlock", "fail", "suspend", "lift", "wait", "delete"}).Draw(t, "act")
			switch {
			case act == "wait":
				require.NoError(t, p.Clock.Advance(20*time.Minute))
			case act == "fail":
				require.NoError(t, p.LockByFailures(ref))
			case act != "delete" || len(p.Model.users.order) > 1:
				require.NoError(t, p.Act(ref, act, nil))
			}
		}
		p.settle()
		want := []string{}
		for _, u := range p.Model.users.order {
			if u.Locked() {
				want = append(want, u.ID)
			}
		}
		locked := func(u *User) bool { return u.Locked() }
		anyone := func(*User) bool { return true }
		for name, query := range map[string]Query{
			"index": {Filter: Filter{Locked: true}}, "match": {Filter: Filter{Holds: locked}}, "both": {Filter: Filter{Locked: true, Holds: anyone}},
			"order": {Filter: Filter{Holds: locked}, Order: func(a, b *User) int { return int(a.number) - int(b.number) }},
		} {
			query.Limit = 100
			page := p.Model.Find(query)
			require.Equal(t, want, idsOf(page.Users), name)
			require.Equal(t, len(want), page.Total, name)
			requirePages(t, p.Model, query, want)
		}
	})
}

// requirePages: pages by skipping, and by going on after the last, are the whole list.
func requirePages(t *rapid.T, m *Model, query Query, want []string) {
	query.Limit = rapid.IntRange(1, 5).Draw(t, "limit")
	bySkip, byNext := []string{}, []string{}
	for query.Skip = 0; query.Skip < len(want); query.Skip += query.Limit {
		bySkip = append(bySkip, idsOf(m.Find(query).Users)...)
	}
	require.Equal(t, want, bySkip)
	query.Skip = 0
	for {
		page := m.Find(query)
		byNext = append(byNext, idsOf(page.Users)...)
		require.Equal(t, len(want), page.Total)
		if query.After = page.Next; page.Next == 0 {
			break
		}
	}
	require.Equal(t, want, byNext)
}

func idsOf(users []*User) []string {
	ids := []string{}
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids
}

// TestConfigure: wrong settings change nothing, by whatever way.
func TestConfigure(t *testing.T) {
	t.Parallel()
	p := newPaper()
	require.Error(t, p.Configure(func(s *paperSettings) { s.Limit = 0 }))
	require.Error(t, p.decode([]byte(`{"limit":2,"colour":1}`)))
	require.Equal(t, 3, p.Settings().Limit)
	require.NoError(t, p.decode([]byte(`{"limit":2}`)))
	require.Equal(t, paperSettings{Limit: 2, Duration: Duration(time.Hour)}, p.Settings())
	p.Reset()
	require.Equal(t, 3, p.Settings().Limit)
}
