package jumpcloud

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/httpcall"
)

// user is what is read of a JumpCloud user:
// https://docs.jumpcloud.com/api/1.0/index.html#operation/systemusers_get
type user struct {
	raw                                json.RawMessage
	id, username, email, displayName   string
	organization                       string
	locked, suspended, passwordExpired bool
	// neverActivated says that the user has not set a password yet.
	neverActivated bool
	lockedSince    *time.Time
	// badAttempts counts the failed sign-ins since the last good one; -1 when not told.
	badAttempts int64
	// expired says that the password or the MFA enrolment has expired, which locks too.
	expired    bool
	privileged connectors.Answer
}

// states are the words of `state`, with the truth of "suspended".
var states = map[string]bool{"STAGED": false, "ACTIVATED": false, "SUSPENDED": true}

// readUser reads one user. Its errors name keys and never values.
func readUser(raw json.RawMessage) (user, error) {
	object, err := httpcall.ReadObject(raw)
	if err != nil {
		return user{}, err
	}
	read := user{raw: raw, organization: httpcall.Text(object, "organization")}
	for _, step := range []func(httpcall.Object) error{read.readNames, read.readLock, read.readSuspension, read.readRest} {
		if err := step(object); err != nil {
			return user{}, err
		}
	}
	return read, nil
}

func (u *user) readNames(object httpcall.Object) error {
	id, _, err := httpcall.Get[string](object, "_id")
	if err != nil || !idShape.MatchString(id) {
		return errors.New("a user's _id is not 24 hexadecimal digits")
	}
	u.id = strings.ToLower(id)
	var errUsername, errEmail error
	u.username, _, errUsername = httpcall.Get[string](object, "username")
	u.email, _, errEmail = httpcall.Get[string](object, "email")
	u.displayName = httpcall.Text(object, "displayname")
	if u.displayName == "" {
		u.displayName = strings.TrimSpace(httpcall.Text(object, "firstname") + " " + httpcall.Text(object, "lastname"))
	}
	return errors.Join(errUsername, errEmail)
}

func (u *user) readLock(object httpcall.Object) error {
	locked, sent, err := httpcall.Get[bool](object, "account_locked")
	if err != nil || !sent {
		return errors.New("account_locked is missing or no boolean")
	}
	u.locked = locked
	u.lockedSince = httpcall.Time(object, "account_locked_date")
	attempts, told, err := httpcall.Get[int64](object, "badLoginAttempts")
	if err != nil || !told {
		attempts = -1
	}
	u.badAttempts = attempts
	return nil
}

// readSuspension believes either of the two keys that tell of a suspension.
func (u *user) readSuspension(object httpcall.Object) error {
	suspended, told, errSuspended := httpcall.Get[bool](object, "suspended")
	state, _, errState := httpcall.Get[string](object, "state")
	if err := errors.Join(errSuspended, errState); err != nil {
		return err
	}
	byState, known := states[state]
	if !told && !known {
		return errors.New("neither suspended nor state tells whether the user is suspended")
	}
	u.suspended = suspended || byState
	u.neverActivated = state == "STAGED"
	return nil
}

func (u *user) readRest(object httpcall.Object) error {
	expired, _, errExpired := httpcall.Get[bool](object, "password_expired")
	activated, told, errActivated := httpcall.Get[bool](object, "activated")
	enrollment, _, _ := httpcall.Get[httpcall.Object](object, "mfaEnrollment")
	u.passwordExpired = expired
	u.expired = expired || httpcall.Text(enrollment, "overallStatus") == "ENROLLMENT_EXPIRED"
	u.neverActivated = u.neverActivated || told && !activated
	return errors.Join(errExpired, errActivated, u.readPrivilege(object))
}

// readPrivilege: an administrator of JumpCloud, or of the machines.
func (u *user) readPrivilege(object httpcall.Object) error {
	sudo, sudoTold, err := httpcall.Get[bool](object, "sudo")
	admin, adminTold := object["admin"]
	switch {
	case sudo || adminTold && string(admin) != "null":
		u.privileged = connectors.Yes
	case sudoTold || adminTold:
		u.privileged = connectors.No
	default:
		u.privileged = connectors.Unknown
	}
	return err
}

// account maps the user, locked by the organization's policy, as answered at asOf. It leaves
// the whole object out.
func (u *user) account(policy policy, asOf time.Time) *connectors.Account {
	return &connectors.Account{
		ID: u.id, Username: u.username, Email: u.email, DisplayName: u.displayName,
		State: u.state(policy), AsOf: asOf,
	}
}

// whole is the account with the whole object.
func (u *user) whole(policy policy, asOf time.Time) (*connectors.Account, error) {
	whole, err := connectors.Complete(u.raw, fields)
	if err != nil {
		return nil, err
	}
	account := u.account(policy, asOf)
	account.User = whole
	return account, nil
}

func (u *user) state(policy policy) connectors.State {
	state := connectors.State{
		Locks: []connectors.Lock{}, Suspended: u.suspended, PasswordExpired: u.passwordExpired, Privileged: u.privileged,
	}
	if u.locked {
		state.Locks = append(state.Locks, policy.lock(u))
	}
	state.CanSignIn = state.SignInAnswer()
	if u.neverActivated {
		state.CanSignIn = connectors.No
	}
	return state
}
