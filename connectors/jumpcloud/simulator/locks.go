package simulator

import (
	"slices"
	"strings"
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// The caller of these methods holds the simulator's lock.

// lockUser locks an account; one that is locked already keeps its reason.
func (s *Simulator) lockUser(u *user, cause string, since time.Time) {
	if u.lock.locked() {
		return
	}
	u.lock = lock{cause: cause, since: since}
	if cause == kit.CauseFailedSignIn {
		u.lock.until = s.settings.PasswordPolicy.lockEnd(since)
	}
	if !u.lock.until.IsZero() {
		s.dues.Add(kit.Due{At: u.lock.until, ID: u.id, Layer: kit.LayerAccount})
	}
	s.enter(u, kit.Locked, cause, since)
}

// unlockUser lifts the lock and clears the count of failures, nothing else.
func (s *Simulator) unlockUser(u *user, cause string) {
	u.failures.Clear()
	if !u.lock.locked() {
		return
	}
	u.lock = lock{}
	s.enter(u, kit.Unlocked, cause, s.now())
}

// settle lets locks run out whose end has come.
func (s *Simulator) settle() {
	for {
		due, found := s.dues.Next(s.now())
		if !found {
			return
		}
		u := s.users.ID(due.ID)
		// The lock may have been lifted, and another begun, meanwhile.
		if u == nil || !u.lock.until.Equal(due.At) {
			continue
		}
		u.lock = lock{}
		u.failures.Clear()
		s.enter(u, kit.RanOut, kit.CauseTime, due.At)
	}
}

func (s *Simulator) enter(u *user, what, cause string, at time.Time) {
	s.index(u, u.lock.locked())
	s.Book.Write(kit.Change{Time: at, UserID: u.id, What: what, Layer: kit.LayerAccount, Cause: cause})
}

// index keeps the locked users in the order of their ids, so that a page of 50,000 takes
// no longer than one of few.
func (s *Simulator) index(u *user, locked bool) {
	at, found := slices.BinarySearchFunc(s.locked, u.id, func(other *user, id string) int { return strings.Compare(other.id, id) })
	switch {
	case locked && !found:
		s.locked = slices.Insert(s.locked, at, u)
	case !locked && found:
		s.locked = slices.Delete(s.locked, at, at+1)
	}
}

// signIn tries a password. Failures count on a locked account too, whoever
// locked it; they never change why it is locked.
func (s *Simulator) signIn(u *user, password string) kit.SignIn {
	switch {
	case u.suspended:
		return kit.SignIn{Reason: "suspended"}
	case !u.activated():
		return kit.SignIn{Reason: "not_activated"}
	case password != u.password:
		s.fail(u)
		return kit.SignIn{Reason: "wrong_password"}
	case u.lock.locked():
		return kit.SignIn{Reason: "locked"}
	case string(s.value(u, "password_expired")) == "true":
		return kit.SignIn{Reason: "password_expired"}
	}
	u.failures.Clear()
	return kit.SignIn{OK: true}
}

func (s *Simulator) fail(u *user) {
	policy := s.settings.PasswordPolicy
	count := u.failures.Add(s.now(), policy.window())
	if policy.EnableMaxLoginAttempts && count >= policy.MaxLoginAttempts {
		s.lockUser(u, kit.CauseFailedSignIn, s.now())
	}
}

func (u *user) suspend(suspended bool) {
	u.suspended = suspended
	u.state = "ACTIVATED"
	if suspended {
		u.state = "SUSPENDED"
	} else if !u.activated() {
		u.state = "STAGED"
	}
}
