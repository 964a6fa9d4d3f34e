package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Tenant is a simulated tenant of a provider: a [Model] behind a lock and a [Server].
// A provider's simulator embeds it.
type Tenant[S any] struct {
	*Server

	mu     sync.Mutex
	model  *Model[S]
	router *router
}

// NewTenant makes an empty tenant over a base clock, nil for the machine's. What
// build gives may keep the model.
func NewTenant[S any](now func() time.Time, build func(*Model[S]) Vendor[S]) *Tenant[S] {
	t := &Tenant[S]{model: &Model[S]{clock: NewClock(now), book: NewBook()}}
	vendor := build(t.model)
	t.model.vendor = vendor
	t.model.kept = append([]string{"password"}, vendor.Aside...)
	for _, attribute := range vendor.Attributes {
		t.model.kept = append(t.model.kept, attribute.Key)
	}
	t.router = newRouter(vendor.Routes)
	t.model.clear()
	t.Server = newServer(t, t.model.clock, t.model.book)
	return t
}

// CreateUser makes a user from a partial native object (anything that encodes
// to a JSON object) plus "password", and returns the full native object.
func (t *Tenant[S]) CreateUser(native any) (json.RawMessage, error) {
	raw, err := json.Marshal(native)
	if err != nil {
		return nil, Bad("the user cannot be encoded: %s", err)
	}
	return t.create(raw)
}

// MustCreateUser is CreateUser for tests: it returns the id and panics if it cannot.
func (t *Tenant[S]) MustCreateUser(native any) string {
	raw, err := t.CreateUser(native)
	if err != nil {
		panic(err)
	}
	fields, err := ParseFields(raw, "user")
	if err != nil {
		panic(err)
	}
	return fields.Text(t.model.vendor.IDKey)
}

func (t *Tenant[S]) create(native []byte) (json.RawMessage, error) {
	fields, err := ParseFields(native, "user")
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	u, err := t.model.create(fields)
	if err != nil {
		return nil, err
	}
	return JSON(t.model.Native(u)), nil
}

// with settles what is due and does something to the user with an id, username or email.
func (t *Tenant[S]) with(ref string, do func(u *User) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.model.settle()
	u, err := t.model.users.ref(ref)
	if err != nil {
		return err
	}
	return do(u)
}

// User returns the full native object of a user named by id, username or email,
// as it truly is: stale reads do not touch it.
func (t *Tenant[S]) User(ref string) (native json.RawMessage, err error) {
	err = t.with(ref, func(u *User) error {
		native = JSON(t.model.Native(u))
		return nil
	})
	return native, err
}

// Locked tells whether a lock truly holds a user's account now; false also if
// there is no such user.
func (t *Tenant[S]) Locked(ref string) (locked bool) {
	_ = t.with(ref, func(u *User) error {
		locked = u.Locked()
		return nil
	})
	return locked
}

// LockedAt tells whether a layer of a user is locked, be the account let go or not.
func (t *Tenant[S]) LockedAt(ref, layer string) (locked bool) {
	_ = t.with(ref, func(u *User) error {
		locked = u.Lock(layer).Cause != ""
		return nil
	})
	return locked
}

// SignIn tries a password.
func (t *Tenant[S]) SignIn(ref, password string) SignIn {
	result := SignIn{Reason: "unknown_user"}
	_ = t.with(ref, func(u *User) error {
		result = t.model.signIn(u, password)
		return nil
	})
	return result
}

// Settings returns the settings in force.
func (t *Tenant[S]) Settings() S {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.model.settings
}

// Configure changes settings; wrong ones are refused and nothing changes.
func (t *Tenant[S]) Configure(change func(*S)) error {
	return t.configure(func(settings *S) error {
		change(settings)
		return nil
	})
}

func (t *Tenant[S]) configure(change func(*S) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	settings := t.model.settings
	if err := change(&settings); err != nil {
		return err
	}
	if err := t.model.vendor.Check(settings); err != nil {
		return err
	}
	t.model.settings = settings
	return nil
}

// Populate makes many users.
func (t *Tenant[S]) Populate(order Populate) (Populated, error) {
	if err := order.check(); err != nil {
		return Populated{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.model
	out := Populated{Created: order.Count, Locked: order.Locked}
	var failures Failures
	for range m.policy().Limit {
		failures.Add(m.Now(), 0)
	}
	for i := range order.Count {
		u := m.populated(order, i)
		if order.isLocked(i) && order.LockedBy == CauseFailedSignIn {
			u.Failures = failures
			m.LockByFailures(u)
		} else if order.isLocked(i) {
			m.Lock(u, Lock{Layer: LayerAccount, Cause: order.LockedBy})
		}
		if out.LastID = u.ID; i == 0 {
			out.FirstID = u.ID
		}
	}
	out.Users = len(m.users.order)
	return out, nil
}

func (m *Model[S]) populated(order Populate, i int) *User {
	number := len(m.users.order) + 1
	name := fmt.Sprintf("%s%06d", order.Prefix, number)
	m.number++
	u := &User{
		ID: m.newID(), Username: name, Email: name + "@example.com", Password: order.Password, Suspended: i < order.Suspended,
		Created: m.Now(), Updated: m.Now(), Own: m.vendor.Populated(name, number), number: m.number,
	}
	m.users.add(u)
	return u
}

// What follows makes a Tenant the tenant of a Server.

func (t *Tenant[S]) operations() []string {
	names := []string{OpOther}
	for _, route := range t.model.vendor.Routes {
		if !slices.Contains(names, route.Operation) {
			names = append(names, route.Operation)
		}
		names = append(names, route.Also...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (t *Tenant[S]) operation(r *http.Request, body []byte) string {
	_, request := t.request(r, body)
	return request.Operation
}

// request finds the route of a request, nil for none, and what it asks for.
func (t *Tenant[S]) request(r *http.Request, body []byte) (*Route, *Request) {
	request := &Request{Request: r, Sent: bytes.TrimSpace(body), Query: r.URL.Query(), Operation: OpOther}
	route, _ := t.router.find(r)
	if route == nil {
		return nil, request
	}
	if request.Operation = route.Operation; route.Named != nil {
		request.Operation = route.Named(request)
	}
	return route, request
}

// serve answers a call as the provider does.
func (t *Tenant[S]) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.model.settle()
	t.write(w, r, t.reply(r, body))
}

func (t *Tenant[S]) reply(r *http.Request, body []byte) Reply {
	vendor := &t.model.vendor
	route, request := t.request(r, body)
	if route == nil || !route.Open {
		if refusal := vendor.Authenticate(request); refusal != nil {
			return *refusal
		}
	}
	if route == nil {
		_, status := t.router.find(r)
		return vendor.Error(status, "")
	}
	if name := route.unknown(request.Query); name != "" && !vendor.Ignores(t.model.settings) {
		return vendor.Error(http.StatusBadRequest, "unknown parameter "+name)
	}
	return route.Serve(request)
}

func (t *Tenant[S]) write(w http.ResponseWriter, r *http.Request, reply Reply) {
	if reply.Type == "" {
		reply.Type = t.model.vendor.Type(r)
	}
	if len(reply.Body) > 0 {
		w.Header().Set("Content-Type", reply.Type)
	}
	for name, value := range reply.Header {
		w.Header().Set(name, value)
	}
	if reply.Status != 0 {
		w.WriteHeader(reply.Status)
	}
	_, _ = w.Write(reply.Body)
}

func (t *Tenant[S]) decorate(header http.Header) {
	header.Set("Date", t.Clock.Now().Format(http.TimeFormat))
	for name, value := range t.model.vendor.Headers() {
		header.Set(name, value)
	}
}

func (t *Tenant[S]) fail(w http.ResponseWriter, r *http.Request, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.write(w, r, t.model.vendor.Error(status, ""))
}

func (t *Tenant[S]) settingsInForce() any { return t.Settings() }

func (t *Tenant[S]) changeSettings(raw []byte) error {
	return t.configure(func(settings *S) error { return Decode(raw, "settings", settings) })
}

func (t *Tenant[S]) revokeTokens() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.model.tokens.revoke()
}

func (t *Tenant[S]) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.model.settle()
}

func (t *Tenant[S]) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.model.clear()
}

// withStale orders that reads do not see what the request writes yet.
func withStale(r *http.Request, order *staleOrder) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), staleKey{}, order))
}

type staleKey struct{}
