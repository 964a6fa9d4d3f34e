package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sort"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// tenant is the simulator as the kit sees it.
type tenant struct{ s *Simulator }

var _ kit.Tenant = tenant{}

func (t tenant) Operations() []string {
	return []string{OpToken, OpLookup, OpUpdate, OpUnlock, OpFind, OpList, OpOrganization, OpOther}
}

func (t tenant) Actions() []string {
	names := make([]string, 0, len(actions))
	for name := range actions {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (t tenant) Operation(r *http.Request, body []byte) string { return operation(r, body) }

func (t tenant) Serve(w http.ResponseWriter, r *http.Request) { t.s.serve(w, r) }

func (t tenant) Decorate(header http.Header) {
	header.Set("Date", t.s.now().Format(http.TimeFormat))
}

func (t tenant) ErrorBody(status int) (string, []byte) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	return contentType, errorBody(t.s.settings.ErrorShape, status, http.StatusText(status))
}

func (t tenant) Create(native []byte) (json.RawMessage, error) { return t.s.createFrom(native) }

func (t tenant) User(ref string) (json.RawMessage, error) { return t.s.User(ref) }

func (t tenant) Act(ref, action string, args []byte) (json.RawMessage, error) {
	return t.s.act(ref, action, args)
}

func (t tenant) SignIn(ref, password string) (kit.SignIn, error) {
	return t.s.SignIn(ref, password), nil
}

func (t tenant) Populate(order kit.Populate) (kit.Populated, error) { return t.s.Populate(order) }

func (t tenant) Settings() any { return t.s.Settings() }

func (t tenant) SetSettings(raw []byte) error {
	return t.s.change(func(settings *Settings) error { return kit.Decode(raw, "settings", settings) })
}

func (t tenant) RevokeTokens() { t.s.tokens.Revoke() }

func (t tenant) Settle() {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.s.settle()
}

func (t tenant) Reset() {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.s.clear()
}

// CreateUser makes a user from a partial native object (anything that encodes
// to a JSON object) plus "password", and returns the full native object.
// account_locked locks it, by failed sign-ins if badLoginAttempts has reached
// the limit, else by an administrator.
func (s *Simulator) CreateUser(native any) (json.RawMessage, error) {
	raw, err := json.Marshal(native)
	if err != nil {
		return nil, kit.Bad("the user cannot be encoded: %s", err)
	}
	return s.createFrom(raw)
}

// MustCreateUser is CreateUser for tests: it returns the id and panics if it cannot.
func (s *Simulator) MustCreateUser(native any) string {
	raw, err := s.CreateUser(native)
	if err != nil {
		panic(err)
	}
	fields, err := kit.ParseFields(raw, "user")
	if err != nil {
		panic(err)
	}
	return fields.Text("_id")
}

func (s *Simulator) createFrom(native []byte) (json.RawMessage, error) {
	fields, err := kit.ParseFields(native, "user")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.create(fields)
	if err != nil {
		return nil, err
	}
	return kit.JSON(s.native(u)), nil
}

// User returns the full native object of a user named by id, username or email,
// as it truly is: stale reads do not touch it.
func (s *Simulator) User(ref string) (json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	u, err := s.users.Ref(ref)
	if err != nil {
		return nil, err
	}
	return kit.JSON(s.native(u)), nil
}

// Locked tells whether a user is truly locked now; false also if there is none.
func (s *Simulator) Locked(ref string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	u, err := s.users.Ref(ref)
	return err == nil && u.lock.locked()
}

// SignIn tries a password.
func (s *Simulator) SignIn(ref, password string) kit.SignIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	u, err := s.users.Ref(ref)
	if err != nil {
		return kit.SignIn{Reason: "unknown_user"}
	}
	return s.signIn(u, password)
}

// Populate makes many users.
func (s *Simulator) Populate(order kit.Populate) (kit.Populated, error) {
	if err := order.Check(); err != nil {
		return kit.Populated{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := kit.Populated{Created: order.Count, Locked: order.Locked}
	for i := range order.Count {
		u := s.populated(order, i)
		if out.LastID = u.id; i == 0 {
			out.FirstID = u.id
		}
	}
	out.Users = s.users.Len()
	return out, nil
}

func (s *Simulator) populated(order kit.Populate, i int) *user {
	name := fmt.Sprintf("%s%06d", order.Prefix, s.users.Len()+1)
	u := &user{
		id: s.nextID(), username: name, email: name + "@example.com", state: "ACTIVATED",
		created: s.now(), password: order.Password,
		own: kit.Fields{ // sorted by key
			{Key: "displayname", Value: kit.JSON("Alex " + name)},
			{Key: "lastname", Value: kit.JSON(name)},
			{Key: "unix_uid", Value: kit.JSON(5001 + s.users.Len())},
		},
	}
	if i < order.Suspended {
		u.suspend(true)
	}
	s.users.Add(u, u.id, u.names()...)
	if order.IsLocked(i) {
		failures := 0
		if order.LockedBy == kit.CauseFailedSignIn {
			failures = s.settings.PasswordPolicy.MaxLoginAttempts
		}
		for range failures {
			u.failures.Add(s.now(), 0)
		}
		s.lockUser(u, order.LockedBy, s.now())
	}
	return u
}

// Settings returns the settings in force.
func (s *Simulator) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// Configure changes settings; wrong ones are refused and nothing changes.
func (s *Simulator) Configure(change func(*Settings)) error {
	return s.change(func(settings *Settings) error {
		change(settings)
		return nil
	})
}

func (s *Simulator) change(change func(*Settings) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	settings := s.settings
	if err := change(&settings); err != nil {
		return err
	}
	if err := settings.check(); err != nil {
		return err
	}
	s.settings = settings
	return nil
}

// Act does a named action to a user, args being its JSON body or nil:
// lock, unlock, suspend, unsuspend, activate, deactivate, expire-password, expire-enrollment, fail
// ({"times":n} wrong passwords), set (a partial native object), delete.
func (s *Simulator) Act(ref, action string, args any) error {
	var raw []byte
	if args != nil {
		var err error
		if raw, err = json.Marshal(args); err != nil {
			return kit.Bad("the arguments cannot be encoded: %s", err)
		}
	}
	_, err := s.act(ref, action, raw)
	return err
}

// Lock locks a user as an administrator does.
func (s *Simulator) Lock(ref string) error { return s.Act(ref, "lock", nil) }

// Unlock unlocks a user as an administrator does in the console.
func (s *Simulator) Unlock(ref string) error { return s.Act(ref, "unlock", nil) }

// Suspend suspends a user.
func (s *Simulator) Suspend(ref string) error { return s.Act(ref, "suspend", nil) }

// Fail tries a wrong password n times.
func (s *Simulator) Fail(ref string, n int) error {
	return s.Act(ref, "fail", map[string]int{"times": n})
}

// LockByFailures tries wrong passwords until the policy locks.
func (s *Simulator) LockByFailures(ref string) error {
	return s.Fail(ref, s.Settings().PasswordPolicy.MaxLoginAttempts)
}

var actions = map[string]func(s *Simulator, u *user, args []byte) error{
	"lock":              func(s *Simulator, u *user, _ []byte) error { s.lockUser(u, kit.CauseAdmin, s.now()); return nil },
	"unlock":            func(s *Simulator, u *user, _ []byte) error { s.unlockUser(u, kit.CauseAdmin); return nil },
	"suspend":           func(_ *Simulator, u *user, _ []byte) error { u.suspend(true); return nil },
	"unsuspend":         func(_ *Simulator, u *user, _ []byte) error { u.suspend(false); return nil },
	"activate":          func(_ *Simulator, u *user, _ []byte) error { u.activate(true); return nil },
	"deactivate":        func(_ *Simulator, u *user, _ []byte) error { u.activate(false); return nil },
	"expire-password":   func(s *Simulator, u *user, _ []byte) error { s.expire(u, "password_expired", true); return nil },
	"expire-enrollment": (*Simulator).actExpireEnrollment,
	"fail":              (*Simulator).actFail,
	"set":               (*Simulator).actSet,
	"delete":            (*Simulator).actDelete,
}

func (s *Simulator) act(ref, action string, args []byte) (json.RawMessage, error) {
	do, found := actions[action]
	if !found {
		return nil, kit.Bad("there is no action %q: known are %v", action, tenant{s}.Actions())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	u, err := s.users.Ref(ref)
	if err != nil {
		return nil, err
	}
	if err := do(s, u, args); err != nil {
		return nil, err
	}
	return kit.JSON(s.native(u)), nil
}

func (s *Simulator) actDelete(u *user, _ []byte) error {
	s.users.Remove(u, u.id, u.names()...)
	s.index(u, false)
	return nil
}

func (s *Simulator) actExpireEnrollment(u *user, _ []byte) error {
	enrollment, err := kit.ParseFields(s.value(u, "mfaEnrollment"), "enrolment")
	if err != nil {
		return err
	}
	s.expire(u, "mfaEnrollment", enrollment.With("overallStatus", "ENROLLMENT_EXPIRED"))
	return nil
}

// expire notes that something of the user's has expired, which locks if a setting says so.
func (s *Simulator) expire(u *user, key string, value any) {
	u.own = u.own.With(key, value)
	if s.settings.ExpiryLocks {
		s.lockUser(u, kit.CauseExpiry, s.now())
	}
}

func (s *Simulator) actFail(u *user, args []byte) error {
	order := struct {
		Times int `json:"times"`
	}{1}
	if err := kit.Decode(args, "action", &order); err != nil {
		return err
	}
	if order.Times < 1 || order.Times > 1000 {
		return kit.Bad("times must be from 1 to 1000, not %d", order.Times)
	}
	for range order.Times {
		if s.signIn(u, u.password+"?").Reason != "wrong_password" {
			return nil
		}
	}
	return nil
}

// actSet lays a partial native object over the user, read-only keys too.
func (s *Simulator) actSet(u *user, args []byte) error {
	fields, err := kit.ParseFields(args, "action")
	if err != nil {
		return err
	}
	if err := s.update(u, fields); err != nil {
		return err
	}
	kept := []string{"_id", "id", "organization", "created", "badLoginAttempts", "account_locked_date"}
	u.own = fields.Only(readOnly...).Without(kept...).Over(u.own)
	return nil
}

func (u *user) activate(activated bool) {
	u.own = u.own.With("activated", activated)
	u.suspend(u.suspended)
}
