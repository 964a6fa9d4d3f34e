package simulator

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Tenant is a simulated tenant of a provider: a [Server] with settings of the vendor's. A
// provider's simulator embeds it.
type Tenant[S Settings] struct {
	*Server
	initial   S
	settings  atomic.Pointer[S]
	configure sync.Mutex
}

// NewTenant makes an empty tenant over a base clock, nil for the machine's.
func NewTenant[S Settings](now func() time.Time, settings S, vendor Vendor) *Tenant[S] {
	t := &Tenant[S]{initial: settings}
	t.settings.Store(&settings)
	t.Server = newServer(now, vendor, t)
	return t
}

// Settings returns the settings in force.
func (t *Tenant[S]) Settings() S { return *t.settings.Load() }

// Configure changes settings; wrong ones are refused and nothing changes.
func (t *Tenant[S]) Configure(change func(*S)) error {
	return t.change(func(settings *S) error {
		change(settings)
		return nil
	})
}

func (t *Tenant[S]) change(change func(*S) error) error {
	t.configure.Lock()
	defer t.configure.Unlock()
	settings := t.Settings()
	if err := change(&settings); err != nil {
		return err
	}
	if err := settings.Check(); err != nil {
		return err
	}
	t.settings.Store(&settings)
	return nil
}

func (t *Tenant[S]) inForce() Settings { return t.Settings() }

func (t *Tenant[S]) decode(raw []byte) error {
	return t.change(func(settings *S) error { return Decode(raw, "settings", settings) })
}

func (t *Tenant[S]) restore() {
	initial := t.initial
	t.settings.Store(&initial)
}

// CreateUser makes a user from a partial native object (anything that encodes
// to a JSON object) plus "password", and returns the full native object.
func (s *Server) CreateUser(native any) (json.RawMessage, error) {
	raw, err := json.Marshal(native)
	if err != nil {
		return nil, Bad("the user cannot be encoded: %s", err)
	}
	object, err := s.create(raw)
	return json.RawMessage(JSON(object)), err
}

// MustCreateUser is CreateUser for tests: it returns the id and panics if it cannot.
func (s *Server) MustCreateUser(native any) string {
	object, err := s.create(JSON(native))
	if err != nil {
		panic(err)
	}
	return object.Text(s.vendor.IDKey)
}

func (s *Server) create(native []byte) (Fields, error) {
	fields, err := ParseFields(native, "user")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.Model.create(fields)
	if err != nil {
		return nil, err
	}
	return s.Model.Native(u), nil
}

// with settles what is due and does something to the user with an id, username or email.
func (s *Server) with(ref string, do func(u *User) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Model.settle()
	u, err := s.Model.users.ref(ref)
	if err != nil {
		return err
	}
	return do(u)
}

// User returns the full native object of a user named by id, username or email,
// as it truly is: stale reads do not touch it.
func (s *Server) User(ref string) (native json.RawMessage, err error) {
	err = s.with(ref, func(u *User) error {
		native = json.RawMessage(JSON(s.Model.Native(u)))
		return nil
	})
	return native, err
}

// Locked reports whether a user's account is really locked now; false also if
// there is no such user.
func (s *Server) Locked(ref string) (locked bool) {
	_ = s.with(ref, func(u *User) error { locked = u.Locked(); return nil })
	return locked
}

// LockedAt reports whether a layer of a user is locked, whatever the other layers.
func (s *Server) LockedAt(ref, layer string) (locked bool) {
	_ = s.with(ref, func(u *User) error { locked = u.Lock(layer).Cause != ""; return nil })
	return locked
}

// SignIn tries a password.
func (s *Server) SignIn(ref, password string) SignIn {
	result := SignIn{Reason: "unknown_user"}
	_ = s.with(ref, func(u *User) error { result = s.Model.signIn(u, password); return nil })
	return result
}

// Act does a named action to a user; args are what it takes, or nil.
func (s *Server) Act(ref, action string, args any) error {
	var raw []byte
	if args != nil {
		raw = JSON(args)
	}
	_, err := s.act(ref, action, raw)
	return err
}

func (s *Server) act(ref, action string, args []byte) (native Fields, err error) {
	do := s.Model.actions()[action]
	if do == nil {
		return nil, isKnown("action", cmp.Or(action, "(none)"), s.actions())
	}
	err = s.with(ref, func(u *User) error {
		if err := do(u, args); err != nil {
			return err
		}
		u.Updated = s.Model.Now()
		native = s.Model.Native(u)
		return nil
	})
	return native, err
}

func (s *Server) actions() []string { return slices.Sorted(maps.Keys(s.Model.actions())) }

// Lock locks the account as an administrator does, until it is unlocked.
func (s *Server) Lock(ref string) error { return s.Act(ref, "lock", nil) }

// Unlock unlocks the account as an administrator does in the console.
func (s *Server) Unlock(ref string) error { return s.Act(ref, "unlock", nil) }

// Suspend suspends a user, or disables it, as the provider calls it.
func (s *Server) Suspend(ref string) error { return s.Act(ref, s.vendor.Suspend, nil) }

// Fail tries a wrong password n times.
func (s *Server) Fail(ref string, n int) error {
	return s.Act(ref, "fail", map[string]int{"times": n})
}

// LockByFailures tries wrong passwords until the policy locks.
func (s *Server) LockByFailures(ref string) error { return s.Fail(ref, s.Model.policy().Limit) }
