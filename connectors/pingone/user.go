package pingone

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
	"github.com/latchkey-iam/latchkey/internal/plainjson"
)

// user is what is read of a PingOne user:
// https://developer.pingidentity.com/pingone-api/platform/users/users-1.html
type user struct {
	raw      []byte
	ID       string `json:"id"`
	Username string `json:"username"`
	Email    string `json:"email"`
	Enabled  *bool  `json:"enabled"`
	Account  *lock  `json:"account"`
	Name     struct {
		Formatted httpcall.Loose[string] `json:"formatted"`
		Given     httpcall.Loose[string] `json:"given"`
		Family    httpcall.Loose[string] `json:"family"`
	} `json:"name"`
	Lifecycle struct {
		Status httpcall.Loose[string] `json:"status"`
	} `json:"lifecycle"`
	Embedded struct {
		Password struct {
			Status httpcall.Loose[string] `json:"status"`
		} `json:"password"`
	} `json:"_embedded"`
	// GroupNames and GroupIDs are nil where they were not sent.
	GroupNames []string `json:"memberOfGroupNames"`
	GroupIDs   []string `json:"memberOfGroupIDs"`
	Population struct {
		ID   httpcall.Loose[string] `json:"id"`
		Name httpcall.Loose[string] `json:"name"`
	} `json:"population"`
}

// lock is the account object of a user. Its times may be sent in a form that cannot be read.
type lock struct {
	Status             *string        `json:"status"`
	CanAuthenticate    *bool          `json:"canAuthenticate"`
	LockedAt           jsontext.Value `json:"lockedAt"`
	UnlockAt           jsontext.Value `json:"unlockAt"`
	SecondsUntilUnlock jsontext.Value `json:"secondsUntilUnlock"`
}

// The words of account.status: https://developer.pingidentity.com/pingone-api/platform/users/user-accounts.html
const (
	statusOK     = "OK"
	statusLocked = "LOCKED"
)

// readUser reads one user. Its errors name keys and never values.
func readUser(raw []byte) (*user, error) {
	read := user{raw: raw}
	if err := httpcall.Decode(raw, &read); err != nil {
		return nil, err
	}
	switch _, err := uuid.Canonical(read.ID); {
	case err != nil:
		return nil, errors.New("a user's id is not a UUID")
	case read.Account == nil || read.Account.Status == nil:
		return nil, errors.New("account.status is missing")
	case read.Enabled == nil:
		return nil, errors.New("enabled is missing")
	}
	return &read, nil
}

// idOf is the ID of a user that could not be read otherwise, or empty.
func idOf(raw []byte) string {
	var user struct {
		ID httpcall.Loose[string] `json:"id"`
	}
	_ = httpcall.Decode(raw, &user)
	return user.ID.Value
}

// addGroupIDs takes over what another read of the same user told.
func (u *user) addGroupIDs(again *user) {
	u.GroupIDs, u.Population.Name = again.GroupIDs, again.Population.Name
}

// groups returns the names and IDs of the groups and of the population; nil unless all were
// told. A rule may name a group by either, and what was not told would look like "in no such
// group".
func (u *user) groups() []string {
	population := u.Population
	if u.GroupNames == nil || u.GroupIDs == nil || population.ID.Value == "" || population.Name.Value == "" {
		return nil
	}
	groups := append(append([]string{}, u.GroupNames...), u.GroupIDs...)
	return append(groups, population.ID.Value, population.Name.Value)
}

// account maps the user with its password's state, as answered at asOf; now is ours. It
// leaves the whole object out.
func (u *user) account(password passwordState, asOf, now time.Time) *connectors.Account {
	display := u.Name.Formatted.Value
	if display == "" {
		display = strings.TrimSpace(u.Name.Given.Value + " " + u.Name.Family.Value)
	}
	return &connectors.Account{
		ID: u.ID, Username: u.Username, Email: u.Email, DisplayName: display, Groups: u.groups(),
		State: u.state(password, asOf, now), AsOf: asOf,
	}
}

// whole is the user's object, with the IDs of its groups, which another read told.
func (u *user) whole() (json.RawMessage, error) {
	raw := u.raw
	if u.GroupIDs != nil {
		var object map[string]jsontext.Value
		if err := httpcall.Decode(raw, &object); err != nil {
			return nil, err
		}
		ids, err := json.Marshal(u.GroupIDs)
		if err != nil {
			return nil, errors.New("the IDs of the groups cannot be written")
		}
		object["memberOfGroupIDs"] = ids
		if raw, err = plainjson.Marshal(object); err != nil {
			return nil, errors.New("the user cannot be written")
		}
	}
	return connectors.Complete(raw, fields)
}

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
	// ends says that the end of a lockout was sent; seconds count until it from asOf.
	ends    bool
	seconds jsontext.Value
	asOf    time.Time
	// unread says why the state could not be read; empty when it could.
	unread connectors.Kind
}

func readPassword(raw []byte) (passwordState, error) {
	var read struct {
		Status  *string        `json:"status"`
		Seconds jsontext.Value `json:"secondsUntilUnlock"`
	}
	err := httpcall.Decode(raw, &read)
	if err == nil && read.Status == nil {
		err = errors.New("the password's status is missing")
	}
	if err != nil {
		return passwordState{}, err
	}
	return passwordState{status: *read.Status, ends: sent(read.Seconds), seconds: read.Seconds}, nil
}

// embedded is the password's state where the object brings it along. Of a lockout it does
// not tell the end.
func (u *user) embedded() passwordState {
	return passwordState{status: u.Embedded.Password.Status.Value, ends: true}
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

// state maps the user with its password's state. asOf is the provider's clock at the user's
// answer, now is ours.
func (u *user) state(password passwordState, asOf, now time.Time) connectors.State {
	state := connectors.State{
		Locks: []connectors.Lock{}, Disabled: !*u.Enabled, Privileged: connectors.Unknown,
		PasswordExpired: password.status == passwordExpired || password.status == passwordMustChange,
	}
	reason := u.reason(password)
	switch *u.Account.Status {
	case statusOK:
	case statusLocked:
		// The status says that the lock stands, whatever its end.
		lock := lockOf(connectors.LayerAccount, reason)
		lock.Since, lock.Until = moment(u.Account.LockedAt), moment(u.Account.UnlockAt)
		if lock.Until == nil {
			lock.Until = after(u.Account.SecondsUntilUnlock, asOf, now)
		}
		lock.Permanent = !sent(u.Account.UnlockAt) && !sent(u.Account.SecondsUntilUnlock)
		state.Locks = append(state.Locks, lock)
	default:
		// A word that is not documented may be a lock.
		state.Unread = append(state.Unread, connectors.Unread{Layer: connectors.LayerAccount, Kind: connectors.MalformedResponse})
	}
	if password.status == passwordLockedOut {
		lock := lockOf(connectors.LayerPassword, reason)
		lock.Until, lock.Permanent = after(password.seconds, password.asOf, now), !password.ends
		state.Locks = append(state.Locks, lock)
	}
	if kind := password.fault(); kind != "" {
		state.Unread = append(state.Unread, connectors.Unread{Layer: connectors.LayerPassword, Kind: kind})
	}
	state.CanSignIn = u.signInAnswer(state, password)
	return state
}

// reason infers why the account is locked. PingOne leaves lockedAt out for lockouts by failed
// passwords; administrators and MFA set it.
func (u *user) reason(password passwordState) connectors.Reason {
	if password.status == passwordLockedOut && !sent(u.Account.LockedAt) {
		return connectors.ReasonFailedSignIn
	}
	return connectors.ReasonUnknown
}

func lockOf(layer connectors.Layer, reason connectors.Reason) connectors.Lock {
	return connectors.Lock{Layer: layer, Reason: reason, ReasonInferred: reason == connectors.ReasonFailedSignIn}
}

func sent(value jsontext.Value) bool { return len(value) > 0 && value.Kind() != 'n' }

// moment reads a date-time; nil when it is none.
func moment(value jsontext.Value) *time.Time {
	var text httpcall.Loose[string]
	_ = json.Unmarshal(value, &text.Value)
	return httpcall.Moment(text.Value)
}

// longest is the longest end of a lock, counted in seconds, that is believed.
const longest = 100 * 365 * 24 * time.Hour

// after returns the end of a lock that is so many seconds away, counted from the provider's
// clock where it tells it; nil when that cannot be read.
func after(value jsontext.Value, asOf, now time.Time) *time.Time {
	var seconds int64
	if len(value) == 0 || json.Unmarshal(value, &seconds) != nil || value.Kind() != '0' || seconds < 0 || seconds > int64(longest/time.Second) {
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
	lifecycle := u.Lifecycle.Status.Value
	switch {
	case answer == connectors.No || u.Account.CanAuthenticate != nil && !*u.Account.CanAuthenticate || password.status == passwordNone:
		return connectors.No
	case lifecycle != "" && lifecycle != "ACCOUNT_OK":
		return connectors.Unknown // The user has steps to take, such as verifying an address.
	default:
		return answer
	}
}
