package simulator

import (
	"maps"
	"time"
)

// actions are what can be done to a user, as an administrator in the console would:
// lock ({"for":"10m"} or {"unlockAt":…}, else until unlocked), unlock, fail ({"times":n}
// wrong passwords), set (a partial native object) and delete, the vendor's words for
// suspending, and those that it has beside these.
func (m *Model) actions() map[string]Action {
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
func (m *Model) LockFor(u *User, cause string, args []byte) error {
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

func (m *Model) actFail(u *User, args []byte) error {
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
func (m *Model) actSet(u *User, args []byte) error {
	fields, err := ParseFields(args, "action")
	if err != nil {
		return err
	}
	return m.Update(u, fields)
}
