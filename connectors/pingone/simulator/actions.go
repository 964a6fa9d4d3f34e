package simulator

import (
	"encoding/json"
	"slices"
	"sort"
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// actions are what the control surface, changes ordered as faults, and Act can
// do to a user. The caller holds the lock.
var actions = map[string]func(s *Simulator, u *user, args []byte) error{
	"lock":            (*Simulator).actLock,
	"mfa-lock":        (*Simulator).actMFALock,
	"lock-password":   func(s *Simulator, u *user, _ []byte) error { s.lockPassword(u); return nil },
	"unlock":          func(s *Simulator, u *user, _ []byte) error { s.unlockAccount(u, kit.CauseAdmin); return nil },
	"unlock-password": func(s *Simulator, u *user, _ []byte) error { s.unlockPassword(u, kit.CauseAdmin); return nil },
	"disable":         func(_ *Simulator, u *user, _ []byte) error { u.enabled = false; return nil },
	"enable":          func(_ *Simulator, u *user, _ []byte) error { u.enabled = true; return nil },
	"expire-password": func(_ *Simulator, u *user, _ []byte) error { u.passwordState = "PASSWORD_EXPIRED"; return nil },
	"fail":            (*Simulator).actFail,
	"set":             (*Simulator).actSet,
	"delete":          func(s *Simulator, u *user, _ []byte) error { s.users.Remove(u, u.id, u.names()...); return nil },
}

func actionNames() []string {
	names := make([]string, 0, len(actions))
	for name := range actions {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Act does a named action to a user, args being its JSON body or nil: lock and
// mfa-lock ({"for":"10m"} or {"unlockAt":…}, else until unlocked), lock-password,
// unlock, unlock-password, disable, enable, expire-password, fail ({"times":n}
// wrong passwords), set (a partial native object), delete.
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

// Lock locks the account as an administrator does, until it is unlocked.
func (s *Simulator) Lock(ref string) error { return s.Act(ref, "lock", nil) }

// Unlock unlocks the account as an administrator does in the console.
func (s *Simulator) Unlock(ref string) error { return s.Act(ref, "unlock", nil) }

// Disable disables a user.
func (s *Simulator) Disable(ref string) error { return s.Act(ref, "disable", nil) }

// Fail tries a wrong password n times.
func (s *Simulator) Fail(ref string, n int) error {
	return s.Act(ref, "fail", map[string]int{"times": n})
}

// LockByFailures tries wrong passwords until the policy locks.
func (s *Simulator) LockByFailures(ref string) error {
	return s.Fail(ref, s.Settings().Lockout.FailureCount+1)
}

func (s *Simulator) act(ref, action string, args []byte) (json.RawMessage, error) {
	do, found := actions[action]
	if !found {
		return nil, kit.Bad("there is no action %q: known are %v", action, actionNames())
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
	u.updated = s.now()
	return s.shown(u), nil
}

func (s *Simulator) actLock(u *user, args []byte) error { return s.lockFor(u, kit.CauseAdmin, args) }

func (s *Simulator) actMFALock(u *user, args []byte) error { return s.lockFor(u, kit.CauseMFA, args) }

func (s *Simulator) lockFor(u *user, cause string, args []byte) error {
	var order struct {
		For      kit.Duration `json:"for"`
		UnlockAt time.Time    `json:"unlockAt"`
	}
	if err := kit.Decode(args, "action", &order); err != nil {
		return err
	}
	if order.For > 0 {
		order.UnlockAt = s.now().Add(order.For.D())
	}
	if !order.UnlockAt.IsZero() && !order.UnlockAt.After(s.now()) {
		return kit.Bad("unlockAt must be a time to come")
	}
	s.lockAccount(u, cause, s.now(), order.UnlockAt)
	return nil
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

// actSet lays a partial native object over the user. Locks have actions of
// their own; ids, dates and links stay.
func (s *Simulator) actSet(u *user, args []byte) error {
	fields, err := kit.ParseFields(args, "action")
	if err != nil {
		return err
	}
	p := kit.Parts{Fields: fields}
	population, draft := p.Object("population"), *u
	draft.readPassword(&p)
	username, email, enabled := p.Text("username", u.username), p.Text("email", u.email), p.Bool("enabled", u.enabled)
	if raw, found := fields.Get("email"); found && kit.IsNull(raw) {
		email = ""
	}
	for _, err := range []error{p.Err(), population.Err()} {
		if err != nil {
			return err
		}
	}
	if !slices.Contains(passwordStates, draft.passwordState) {
		return kit.Bad("password.status must be one of %v: the actions lock-password and unlock-password do the rest", passwordStates)
	}
	old := u.names()
	u.username, u.email, u.enabled = username, email, enabled
	u.population, u.password, u.passwordState = population.Text("id", u.population), draft.password, draft.passwordState
	s.users.Rename(u, old, u.names())
	u.own = fields.Without(createdHere...).Over(u.own)
	return nil
}
