package simulator

import (
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// The caller of these methods holds the simulator's lock.

// lockAccount locks the account layer from since (zero: now) until a time
// (zero: until unlocked). One that is locked keeps its reason and its beginning,
// and takes the new end if one is given.
func (s *Simulator) lockAccount(u *user, cause string, since, until time.Time) {
	if since.IsZero() {
		since = s.now()
	}
	fresh := !u.account.locked()
	if fresh {
		u.account = lock{cause: cause, since: since}
	}
	if fresh || !until.IsZero() {
		u.account.until = until
	}
	s.awaitEnd(u, u.account, kit.LayerAccount)
	if fresh {
		s.enter(u, kit.Locked, kit.LayerAccount, cause, since)
	}
}

// lockPassword locks the password layer for as long as the policy says.
func (s *Simulator) lockPassword(u *user) {
	if u.passwordLock.locked() {
		return
	}
	now := s.now()
	u.passwordLock = lock{cause: kit.CauseFailedSignIn, since: now}
	if duration := s.settings.Lockout.Duration.D(); duration > 0 {
		u.passwordLock.until = now.Add(duration)
	}
	s.awaitEnd(u, u.passwordLock, kit.LayerPassword)
	s.enter(u, kit.Locked, kit.LayerPassword, kit.CauseFailedSignIn, now)
}

func (s *Simulator) awaitEnd(u *user, l lock, layer string) {
	if !l.until.IsZero() {
		s.dues.Add(kit.Due{At: l.until, ID: u.id, Layer: layer})
	}
}

// unlockAccount lifts the account layer; what becomes of a password lockout,
// the settings decide.
func (s *Simulator) unlockAccount(u *user, cause string) {
	if u.account.locked() {
		u.account = lock{}
		s.enter(u, kit.Unlocked, kit.LayerAccount, cause, s.now())
	}
	switch {
	case !u.passwordLock.locked():
		u.failures.Clear()
	case s.settings.AccountUnlockClearsPassword:
		s.unlockPassword(u, cause)
	case !s.settings.PasswordLockKeepsAccountLocked && !u.passwordLock.lifted:
		u.passwordLock.lifted = true
		s.enter(u, kit.Unlocked, kit.LayerAccount, cause, s.now())
	}
}

// unlockPassword lifts the password layer, and with it the account if that was
// its only reason. It clears the count of failures.
func (s *Simulator) unlockPassword(u *user, cause string) {
	u.failures.Clear()
	if !u.passwordLock.locked() {
		return
	}
	u.passwordLock = lock{}
	s.enter(u, kit.Unlocked, kit.LayerPassword, cause, s.now())
}

// settle lets locks run out whose end has come.
func (s *Simulator) settle() {
	for {
		due, found := s.dues.Next(s.now())
		if !found {
			return
		}
		u := s.users.ID(due.ID)
		if u == nil {
			continue
		}
		l := &u.account
		if due.Layer == kit.LayerPassword {
			l = &u.passwordLock
		}
		// The lock may have been lifted, and another begun, meanwhile.
		if !l.locked() || !l.until.Equal(due.At) {
			continue
		}
		*l = lock{}
		if due.Layer == kit.LayerPassword {
			u.failures.Clear()
		}
		s.enter(u, kit.RanOut, due.Layer, kit.CauseTime, due.At)
	}
}

// enter writes a change into the book and into updatedAt.
func (s *Simulator) enter(u *user, what, layer, cause string, at time.Time) {
	u.updated = s.now()
	s.Book.Write(kit.Change{Time: at, UserID: u.id, What: what, Layer: layer, Cause: cause})
}

// signIn tries a password. Failures count on a locked account too, whoever
// locked it; they never change why the account is locked, but the password may
// get locked out beside it.
func (s *Simulator) signIn(u *user, password string) kit.SignIn {
	switch {
	case !u.enabled:
		return kit.SignIn{Reason: "disabled"}
	case !u.hasPassword():
		return kit.SignIn{Reason: "no_password"}
	case password != u.password:
		s.fail(u)
		return kit.SignIn{Reason: "wrong_password"}
	case u.locked() || u.passwordLock.locked():
		return kit.SignIn{Reason: "locked"}
	case u.passwordState == "PASSWORD_EXPIRED":
		return kit.SignIn{Reason: "password_expired"}
	case u.passwordState == "MUST_CHANGE_PASSWORD":
		return kit.SignIn{Reason: "must_change_password"}
	}
	u.failures.Clear()
	return kit.SignIn{OK: true}
}

func (s *Simulator) fail(u *user) {
	policy := s.settings.Lockout
	count := u.failures.Add(s.now(), policy.Window.D())
	if policy.Enabled && count > policy.FailureCount {
		s.lockPassword(u)
	}
}
