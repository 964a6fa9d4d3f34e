package jumpcloud

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
)

// user is what is read of a JumpCloud user:
// https://docs.jumpcloud.com/api/1.0/index.html#operation/systemusers_get
type user struct {
	ID              string                 `json:"_id"`
	Username        string                 `json:"username"`
	Email           string                 `json:"email"`
	DisplayName     httpcall.Loose[string] `json:"displayname"`
	FirstName       httpcall.Loose[string] `json:"firstname"`
	LastName        httpcall.Loose[string] `json:"lastname"`
	Organization    httpcall.Loose[string] `json:"organization"`
	Locked          *bool                  `json:"account_locked"`
	LockedDate      httpcall.Loose[string] `json:"account_locked_date"`
	BadAttempts     httpcall.Loose[*int64] `json:"badLoginAttempts"`
	Suspended       *bool                  `json:"suspended"`
	State           string                 `json:"state"`
	Activated       *bool                  `json:"activated"`
	PasswordExpired bool                   `json:"password_expired"`
	Enrollment      httpcall.Loose[struct {
		Status httpcall.Loose[string] `json:"overallStatus"`
	}] `json:"mfaEnrollment"`
	Sudo *bool `json:"sudo"`
	// Admin is there where the user is an administrator of JumpCloud.
	Admin jsontext.Value `json:"admin"`
}

// states are the words of `state`, with the truth of "suspended".
var states = map[string]bool{"STAGED": false, "ACTIVATED": false, "SUSPENDED": true}

// Check implements httpcall.Checked.
func (u *user) Check() error {
	id, err := hex24.Canonical(u.ID)
	_, known := states[u.State]
	switch {
	case err != nil:
		return errors.New("a user's _id is not 24 hexadecimal digits")
	case u.Locked == nil:
		return errors.New("account_locked is missing")
	case u.Suspended == nil && !known:
		return errors.New("neither suspended nor state tells whether the user is suspended")
	}
	u.ID = id
	return nil
}

// account maps the user, locked by the organization's policy, as answered at asOf. It leaves
// the whole object out.
func (u *user) account(policy policy, asOf time.Time) *connectors.Account {
	state := connectors.State{
		Locks:           []connectors.Lock{},
		Suspended:       u.Suspended != nil && *u.Suspended || states[u.State], // Either of the two keys is believed.
		PasswordExpired: u.PasswordExpired, Privileged: u.privileged(),
	}
	if *u.Locked {
		state.Locks = append(state.Locks, policy.lock(u))
	}
	state.CanSignIn = state.SignInAnswer()
	if u.State == "STAGED" || u.Activated != nil && !*u.Activated {
		state.CanSignIn = connectors.No // The user has not set a password yet.
	}
	return &connectors.Account{
		ID: u.ID, Username: u.Username, Email: u.Email, State: state, AsOf: asOf,
		DisplayName: cmp.Or(u.DisplayName.Value, strings.TrimSpace(u.FirstName.Value+" "+u.LastName.Value)),
	}
}

// privileged: an administrator of JumpCloud, or of the machines.
func (u *user) privileged() connectors.Answer {
	switch {
	case u.Sudo != nil && *u.Sudo || len(u.Admin) > 0 && u.Admin.Kind() != 'n':
		return connectors.Yes
	case u.Sudo != nil || len(u.Admin) > 0:
		return connectors.No
	default:
		return connectors.Unknown
	}
}

// expired says that the password or the MFA enrolment has expired, which locks too.
func (u *user) expired() bool {
	return u.PasswordExpired || u.Enrollment.Value.Status.Value == "ENROLLMENT_EXPIRED"
}
