package pingone

import (
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/httpcall"
)

// The words of a password's status:
// https://developer.pingidentity.com/pingone-api/platform/users/user-passwords.html
const (
	passwordOK         = "OK"
	passwordNone       = "NO_PASSWORD"
	passwordExternal   = "EXTERNAL"
	passwordExpired    = "PASSWORD_EXPIRED"
	passwordMustChange = "MUST_CHANGE_PASSWORD"
	passwordLockedOut  = "PASSWORD_LOCKED_OUT"
)

// passwordState is what is known of a user's password.
type passwordState struct {
	status string
	// unread says why the state could not be read; empty when it could.
	unread connectors.Kind
	// end is when a lockout ends; nil where no more than the status was told.
	end *lockEnd
	// asOf is the provider's clock at its answer; zero when it tells none.
	asOf time.Time
}

// fault returns why the password layer is unknown, or empty.
func (p passwordState) fault() connectors.Kind {
	switch p.status {
	case passwordOK, passwordNone, passwordExternal, passwordExpired, passwordMustChange, passwordLockedOut:
		return ""
	}
	if p.unread != "" {
		return p.unread
	}
	return connectors.MalformedResponse
}

// state maps the user with its password's state. asOf is the provider's clock at the
// user's answer, now is ours.
func (u *user) state(password passwordState, asOf, now time.Time) connectors.State {
	state := connectors.State{
		Locks: []connectors.Lock{}, Disabled: !u.enabled, Privileged: connectors.Unknown,
		PasswordExpired: password.status == passwordExpired || password.status == passwordMustChange,
	}
	reason := u.reason(password)
	u.addAccountLock(&state, reason, asOf, now)
	if password.status == passwordLockedOut {
		lock := lockOf(connectors.LayerPassword, reason)
		if end := password.end; end != nil {
			lock.Until, lock.Permanent = end.until(password.asOf, now), !end.told
		}
		state.Locks = append(state.Locks, lock)
	}
	if kind := password.fault(); kind != "" {
		state.Unread = append(state.Unread, connectors.Unread{Layer: connectors.LayerPassword, Kind: kind})
	}
	state.CanSignIn = u.signInAnswer(state, password)
	return state
}

// reason infers why the account is locked. PingOne leaves lockedAt out for lockouts by
// failed passwords; administrators and MFA set it.
func (u *user) reason(password passwordState) connectors.Reason {
	if password.status == passwordLockedOut && !u.lock.dated {
		return connectors.ReasonFailedSignIn
	}
	return connectors.ReasonUnknown
}

func lockOf(layer connectors.Layer, reason connectors.Reason) connectors.Lock {
	return connectors.Lock{Layer: layer, Reason: reason, ReasonInferred: reason == connectors.ReasonFailedSignIn}
}

// addAccountLock takes the provider's word for a lock, even where its end has passed: the
// provider does not show one that has run out.
func (u *user) addAccountLock(state *connectors.State, reason connectors.Reason, asOf, now time.Time) {
	switch u.lock.status {
	case statusOK:
	case statusLocked:
		lock := lockOf(connectors.LayerAccount, reason)
		lock.Since, lock.Until, lock.Permanent = u.lock.lockedAt, u.lock.end.until(asOf, now), !u.lock.end.told
		state.Locks = append(state.Locks, lock)
	default:
		// A word that is not documented may be a lock.
		state.Unread = append(state.Unread, connectors.Unread{Layer: connectors.LayerAccount, Kind: connectors.MalformedResponse})
	}
}

// lockEnd is when a lock ends, as an answer tells it.
type lockEnd struct {
	// told says that an end was sent, readable or not; a lock without one is permanent.
	told    bool
	at      *time.Time
	seconds *int64
}

// readEnd reads the end of a lock of an account or a password.
func readEnd(object httpcall.Object) lockEnd {
	end := lockEnd{
		told: isSent(object, "unlockAt") || isSent(object, "secondsUntilUnlock"),
		at:   httpcall.Time(object, "unlockAt"),
	}
	if seconds, told, err := httpcall.Get[int64](object, "secondsUntilUnlock"); err == nil && told {
		end.seconds = &seconds
	}
	return end
}

// longest is the longest end of a lock, counted in seconds, that is believed.
const longest = 100 * 365 * 24 * time.Hour

// until returns when the lock ends, or nil when that is not known. Seconds count from
// the provider's clock, where it tells it.
func (e *lockEnd) until(asOf, now time.Time) *time.Time {
	if e.at != nil || e.seconds == nil {
		return e.at
	}
	seconds := *e.seconds
	if seconds < 0 || seconds > int64(longest/time.Second) {
		return nil
	}
	if asOf.IsZero() {
		asOf = now
	}
	until := asOf.Add(time.Duration(seconds) * time.Second).UTC()
	return &until
}

func (u *user) signInAnswer(state connectors.State, password passwordState) connectors.Answer {
	answer := state.SignInAnswer()
	switch {
	case answer == connectors.No || u.cannotAuthenticate || password.status == passwordNone:
		return connectors.No
	case u.lifecycleOpen:
		return connectors.Unknown
	default:
		return answer
	}
}
