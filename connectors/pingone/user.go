package pingone

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
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
// https://developer.pingidentity.com/pingone-api/platform/users/user-accounts.html
type lock struct {
	Status          *string                `json:"status"`
	CanAuthenticate *bool                  `json:"canAuthenticate"`
	LockedAt        httpcall.Loose[string] `json:"lockedAt"`
	UnlockAt        httpcall.Loose[string] `json:"unlockAt"`
	Seconds         httpcall.Loose[*int64] `json:"secondsUntilUnlock"`
}

// Check implements httpcall.Checked.
func (u *user) Check() error {
	switch _, err := uuid.Canonical(u.ID); {
	case err != nil:
		return errors.New("a user's id is not a UUID")
	case u.Account == nil || u.Account.Status == nil:
		return errors.New("account.status is missing")
	case u.Enabled == nil:
		return errors.New("enabled is missing")
	}
	return nil
}

// groups returns the names and IDs of the groups and of the population; nil unless all were
// told. A rule may name a group by either, and what was not told would look like "in no such
// group".
func (u *user) groups() []string {
	id, name := u.Population.ID.Value, u.Population.Name.Value
	if u.GroupNames == nil || u.GroupIDs == nil || id == "" || name == "" {
		return nil
	}
	return append(slices.Concat(u.GroupNames, u.GroupIDs), id, name)
}

// account maps the user with its password's state, as answered at asOf; now is ours. It
// leaves the whole object out.
func (u *user) account(password password, asOf, now time.Time) *connectors.Account {
	return &connectors.Account{
		ID: u.ID, Username: u.Username, Email: u.Email, Groups: u.groups(), State: u.state(password, asOf, now), AsOf: asOf,
		DisplayName: cmp.Or(u.Name.Formatted.Value, strings.TrimSpace(u.Name.Given.Value+" "+u.Name.Family.Value)),
	}
}

// whole is the user's object, with the IDs of its groups, which another read told.
func (u *user) whole(raw []byte) (json.RawMessage, error) {
	var object map[string]jsontext.Value
	err := httpcall.Decode(raw, &object)
	if err == nil && u.GroupIDs != nil {
		object["memberOfGroupIDs"], err = json.Marshal(u.GroupIDs)
	}
	if err == nil {
		raw, err = plainjson.Marshal(object)
	}
	if err != nil {
		return nil, errors.New("the user cannot be written with the IDs of its groups")
	}
	return connectors.Complete(raw, fields)
}

// The words of a password's status, but for OK, EXTERNAL and those of State.PasswordExpired:
// https://developer.pingidentity.com/pingone-api/platform/users/user-passwords.html
const (
	passwordNone      = "NO_PASSWORD"
	passwordLockedOut = "PASSWORD_LOCKED_OUT"
)

// password is what is known of a user's password.
type password struct {
	Status string `json:"status"`
	// Seconds until it unlocks count from asOf; where none were sent only an administrator can
	// unlock it, unless endUnknown says that they never are.
	Seconds    httpcall.Loose[*int64] `json:"secondsUntilUnlock"`
	endUnknown bool
	asOf       time.Time
	// unread says why the state could not be read; empty when it could.
	unread connectors.Kind
}

// Check implements httpcall.Checked.
func (p *password) Check() error {
	if p.Status == "" {
		return errors.New("the password's status is missing")
	}
	return nil
}

// state maps the user with its password's state. asOf is the provider's clock at the user's
// answer, now is ours.
func (u *user) state(password password, asOf, now time.Time) connectors.State {
	state := connectors.State{Locks: []connectors.Lock{}, Disabled: !*u.Enabled, Privileged: connectors.Unknown}
	unread := func(layer connectors.Layer, kind connectors.Kind) {
		state.Unread = append(state.Unread, connectors.Unread{Layer: layer, Kind: kind})
	}
	// The reason is inferred: PingOne leaves lockedAt out for lockouts by failed passwords;
	// administrators and MFA set it.
	reason, inferred := connectors.ReasonUnknown, false
	if password.Status == passwordLockedOut && !u.Account.LockedAt.Sent {
		reason, inferred = connectors.ReasonFailedSignIn, true
	}
	switch *u.Account.Status {
	case "OK":
	case "LOCKED": // The lock stands, whatever its end.
		until := httpcall.Moment(u.Account.UnlockAt.Value)
		if until == nil {
			until = after(u.Account.Seconds.Value, cmp.Or(asOf, now))
		}
		state.Locks = append(state.Locks, connectors.Lock{
			Layer: connectors.LayerAccount, Reason: reason, ReasonInferred: inferred,
			Since: httpcall.Moment(u.Account.LockedAt.Value), Until: until, Permanent: !u.Account.UnlockAt.Sent && !u.Account.Seconds.Sent,
		})
	default: // A word that is not documented may be a lock.
		unread(connectors.LayerAccount, connectors.MalformedResponse)
	}
	switch password.Status {
	case "OK", "EXTERNAL", passwordNone:
	case "PASSWORD_EXPIRED", "MUST_CHANGE_PASSWORD":
		state.PasswordExpired = true
	case passwordLockedOut:
		state.Locks = append(state.Locks, connectors.Lock{
			Layer: connectors.LayerPassword, Reason: reason, ReasonInferred: inferred,
			Until: after(password.Seconds.Value, cmp.Or(password.asOf, now)), Permanent: !password.Seconds.Sent && !password.endUnknown,
		})
	default:
		unread(connectors.LayerPassword, cmp.Or(password.unread, connectors.MalformedResponse))
	}
	state.CanSignIn = u.signInAnswer(state, password)
	return state
}

// after returns the end of a lock that is so many seconds away from the provider's clock, or
// ours where it tells none; nil when that cannot be read, or is more than a century away.
func after(seconds *int64, clock time.Time) *time.Time {
	const century = 100 * 365 * 24 * 60 * 60
	if seconds == nil || *seconds < 0 || *seconds > century {
		return nil
	}
	until := clock.Add(time.Duration(*seconds) * time.Second).UTC()
	return &until
}

func (u *user) signInAnswer(state connectors.State, password password) connectors.Answer {
	answer := state.SignInAnswer()
	lifecycle := u.Lifecycle.Status.Value
	switch {
	case answer == connectors.No || u.Account.CanAuthenticate != nil && !*u.Account.CanAuthenticate || password.Status == passwordNone:
		return connectors.No
	case lifecycle != "" && lifecycle != "ACCOUNT_OK":
		return connectors.Unknown // The user has steps to take, such as verifying an address.
	default:
		return answer
	}
}
