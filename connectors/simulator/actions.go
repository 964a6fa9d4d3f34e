package simulator

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Act does a named action to a user, as an administrator in the console would;
// args is its JSON body or nil. Every tenant knows lock ({"for":"10m"} or
// {"unlockAt":…}, else until unlocked), unlock, fail ({"times":n} wrong
// passwords), set (a partial native object) and delete, and has words of its own
// for suspending.
func (t *Tenant[S]) Act(ref, action string, args any) error {
	var raw []byte
	if args != nil {
		var err error
		if raw, err = json.Marshal(args); err != nil {
			return Bad("the arguments cannot be encoded: %s", err)
		}
	}
	_, err := t.act(ref, action, raw)
	return err
}

// Lock locks the account as an administrator does, until it is unlocked.
func (t *Tenant[S]) Lock(ref string) error { return t.Act(ref, "lock", nil) }

// Unlock unlocks the account as an administrator does in the console.
func (t *Tenant[S]) Unlock(ref string) error { return t.Act(ref, "unlock", nil) }

// Suspend suspends a user, or disables it, as the provider calls it.
func (t *Tenant[S]) Suspend(ref string) error { return t.Act(ref, t.model.vendor.Suspend, nil) }

// Fail tries a wrong password n times.
func (t *Tenant[S]) Fail(ref string, n int) error {
	return t.Act(ref, "fail", map[string]int{"times": n})
}

// LockByFailures tries wrong passwords until the policy locks.
func (t *Tenant[S]) LockByFailures(ref string) error {
	t.mu.Lock()
	limit := t.model.policy().Limit
	t.mu.Unlock()
	return t.Fail(ref, limit)
}

func (t *Tenant[S]) act(ref, action string, args []byte) (native json.RawMessage, err error) {
	do := t.model.actions()[action]
	if do == nil {
		return nil, Bad("there is no action %q: known are %s", action, strings.Join(t.actions(), ", "))
	}
	err = t.with(ref, func(u *User) error {
		if err := do(u, args); err != nil {
			return err
		}
		u.Updated = t.model.Now()
		native = JSON(t.model.Native(u))
		return nil
	})
	return native, err
}

func (t *Tenant[S]) actions() []string { return slices.Sorted(maps.Keys(t.model.actions())) }

func (m *Model[S]) actions() map[string]Action {
	all := map[string]Action{}
	maps.Copy(all, m.vendor.Actions)
	all["lock"] = func(u *User, args []byte) error { return m.LockFor(u, CauseAdmin, args) }
	all["unlock"] = func(u *User, _ []byte) error { m.vendor.Unlock(u, CauseAdmin); return nil }
	all["fail"] = m.actFail
	all["set"] = m.actSet
	all["delete"] = func(u *User, _ []byte) error { m.users.remove(u); return nil }
	all[m.vendor.Suspend] = func(u *User, _ []byte) error { u.Suspended = true; return nil }
	all[m.vendor.Unsuspend] = func(u *User, _ []byte) error { u.Suspended = false; return nil }
	return all
}

// LockFor locks the account until what args say: {"for":"10m"} or {"unlockAt":…}.
func (m *Model[S]) LockFor(u *User, cause string, args []byte) error {
	var order struct {
		For      Duration  `json:"for"`
		UnlockAt time.Time `json:"unlockAt"`
	}
	if err := Decode(args, "action", &order); err != nil {
		return err
	}
	if order.For > 0 {
		order.UnlockAt = m.Now().Add(order.For.D())
	}
	if !order.UnlockAt.IsZero() && !order.UnlockAt.After(m.Now()) {
		return Bad("unlockAt must be a time to come")
	}
	m.Lock(u, Lock{Layer: LayerAccount, Cause: cause, Until: order.UnlockAt})
	return nil
}

func (m *Model[S]) actFail(u *User, args []byte) error {
	order := struct {
		Times int `json:"times"`
	}{1}
	if err := Decode(args, "action", &order); err != nil {
		return err
	}
	if order.Times < 1 || order.Times > 1000 {
		return Bad("times must be from 1 to 1000, not %d", order.Times)
	}
	for range order.Times {
		if m.signIn(u, u.Password+"?").Reason != "wrong_password" {
			return nil
		}
	}
	return nil
}

// actSet lays a partial native object over the user. What is the model's has
// actions of its own, or stays.
func (m *Model[S]) actSet(u *User, args []byte) error {
	fields, err := ParseFields(args, "action")
	if err != nil {
		return err
	}
	return m.Update(u, fields)
}
