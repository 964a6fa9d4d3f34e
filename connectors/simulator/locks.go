package simulator

// Lock locks a layer from its Since (zero: now) until its Until (zero: until
// unlocked). One that is locked keeps its reason and its beginning, and takes
// the new end if one is given.
func (m *Model) Lock(u *User, lock Lock) {
	if lock.Since.IsZero() {
		lock.Since = m.Now()
	}
	if lock.Cause == CauseFailedSignIn && lock.Until.IsZero() {
		if duration := m.policy().Duration; duration > 0 {
			lock.Until = lock.Since.Add(duration)
		}
	}
	old := u.Lock(lock.Layer)
	fresh := old.Cause == ""
	if !fresh {
		if lock.Until.IsZero() || lock.Cause == CauseFailedSignIn {
			return
		}
		old.Until = lock.Until
		lock = old
	}
	u.put(lock)
	if !lock.Until.IsZero() {
		m.dues.add(due{at: lock.Until, id: u.ID, layer: lock.Layer})
	}
	if fresh {
		m.enter(u, Change{Time: lock.Since, What: Locked, Layer: lock.Layer, Cause: lock.Cause})
	}
}

// LockByFailures locks as failed sign-ins do.
func (m *Model) LockByFailures(u *User) {
	m.Lock(u, Lock{Layer: m.policy().Layer, Cause: CauseFailedSignIn})
}

// Unlock takes a layer's lock away. The count of failures goes with the layer
// that they lock.
func (m *Model) Unlock(u *User, layer, cause string) {
	if layer == m.policy().Layer {
		u.Failures.Clear()
	}
	if u.Lock(layer).Cause == "" {
		return
	}
	u.Locks = u.without(layer)
	m.enter(u, Change{Time: m.Now(), What: Unlocked, Layer: layer, Cause: cause})
}

// Lift lets an account go in spite of the lock at a layer, which stays.
func (m *Model) Lift(u *User, layer, cause string) {
	lock := u.Lock(layer)
	if lock.Cause == "" || lock.Lifted {
		return
	}
	lock.Lifted = true
	u.put(lock)
	m.enter(u, Change{Time: m.Now(), What: Unlocked, Layer: LayerAccount, Cause: cause})
}

// settle lets locks run out whose end has come.
func (m *Model) settle() {
	for {
		next, found := m.dues.next(m.Now())
		if !found {
			return
		}
		u := m.users.byID[next.id]
		// The lock may have been lifted, and another begun, meanwhile.
		if u == nil || !u.Lock(next.layer).Until.Equal(next.at) {
			continue
		}
		u.Locks = u.without(next.layer)
		if next.layer == m.policy().Layer {
			u.Failures.Clear()
		}
		m.enter(u, Change{Time: next.at, What: RanOut, Layer: next.layer, Cause: CauseTime})
	}
}

func (m *Model) enter(u *User, change Change) {
	u.Updated, change.UserID = m.Now(), u.ID
	m.users.index(u)
	m.book.Write(change)
}

// SignIn is the outcome of a sign-in. Reason says why not: "unknown_user",
// "wrong_password", "locked", "suspended", "disabled", "not_activated" …
type SignIn struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
}

// signIn tries a password. Failures count on a locked account too, whoever
// locked it; they never change why it is locked.
func (m *Model) signIn(u *User, password string) SignIn {
	if m.vendor.Barred != nil && m.vendor.Barred(u) != "" {
		return SignIn{Reason: m.vendor.Barred(u)}
	}
	if password != u.Password {
		m.fail(u)
		return SignIn{Reason: "wrong_password"}
	}
	if len(u.Locks) > 0 {
		return SignIn{Reason: "locked"}
	}
	if m.vendor.Hindered != nil && m.vendor.Hindered(u) != "" {
		return SignIn{Reason: m.vendor.Hindered(u)}
	}
	u.Failures.Clear()
	return SignIn{OK: true}
}

func (m *Model) fail(u *User) {
	policy := m.policy()
	if count := u.Failures.Add(m.Now(), policy.Window); !policy.Off && count >= policy.Limit {
		m.LockByFailures(u)
	}
}

func (m *Model) policy() Policy { return m.settings().Policy() }

// Attempts are the failed sign-ins that count now.
func (m *Model) Attempts(u *User) int { return u.Failures.Count(m.Now(), m.policy().Window) }
