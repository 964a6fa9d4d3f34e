package pingone

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/httpcall"
)

var uuidShape = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func isUUID(text string) bool { return uuidShape.MatchString(strings.ToLower(text)) }

// The words of account.status:
// https://developer.pingidentity.com/pingone-api/platform/users/user-accounts.html
const (
	statusOK     = "OK"
	statusLocked = "LOCKED"
)

// user is what is read of a PingOne user:
// https://developer.pingidentity.com/pingone-api/platform/users/users-1.html
type user struct {
	raw                              json.RawMessage
	id, username, email, displayName string
	member                           membership
	enabled                          bool
	lock                             accountLock
	// cannotAuthenticate is the provider's own word that the user is kept out.
	cannotAuthenticate bool
	// lifecycleOpen says that the user has steps to take, such as verifying an address.
	lifecycleOpen bool
	// embedded is the password's state where the object brings it along.
	embedded passwordState
}

// accountLock is the account object of a user.
type accountLock struct {
	status   string
	lockedAt *time.Time
	// dated says that lockedAt was sent, readable or not.
	dated bool
	end   lockEnd
}

// readUser reads one user. Its errors name keys and never values.
func readUser(raw json.RawMessage) (user, error) {
	object, err := httpcall.ReadObject(raw)
	if err != nil {
		return user{}, err
	}
	read := user{raw: raw}
	for _, step := range []func(httpcall.Object) error{read.readNames, read.readGroups, read.readAccount, read.readRest} {
		if err := step(object); err != nil {
			return user{}, err
		}
	}
	return read, nil
}

func (u *user) readNames(object httpcall.Object) error {
	id, _, err := httpcall.Get[string](object, "id")
	if err != nil || !isUUID(id) {
		return errors.New("a user's id is not a UUID")
	}
	u.id = strings.ToLower(id)
	var errUsername, errEmail error
	u.username, _, errUsername = httpcall.Get[string](object, "username")
	u.email, _, errEmail = httpcall.Get[string](object, "email")
	name, _, _ := httpcall.Get[httpcall.Object](object, "name")
	u.displayName = httpcall.Text(name, "formatted")
	if u.displayName == "" {
		u.displayName = strings.TrimSpace(httpcall.Text(name, "given") + " " + httpcall.Text(name, "family"))
	}
	return errors.Join(errUsername, errEmail)
}

// readAccount reads the account object. Without a status nothing is known of the lock.
func (u *user) readAccount(object httpcall.Object) error {
	account, sent, err := httpcall.Get[httpcall.Object](object, "account")
	if err != nil || !sent {
		return errors.New("account is missing or no object")
	}
	status, sent, err := httpcall.Get[string](account, "status")
	if err != nil || !sent {
		return errors.New("account.status is missing or no string")
	}
	can, canTold, err := httpcall.Get[bool](account, "canAuthenticate")
	u.cannotAuthenticate = canTold && !can
	u.lock = accountLock{
		status:   status,
		lockedAt: httpcall.Time(account, "lockedAt"), dated: isSent(account, "lockedAt"), end: readEnd(account),
	}
	return err
}

func isSent(object httpcall.Object, key string) bool {
	raw, present := object[key]
	return present && string(raw) != "null"
}

func (u *user) readRest(object httpcall.Object) error {
	enabled, sent, err := httpcall.Get[bool](object, "enabled")
	if err != nil || !sent {
		return errors.New("enabled is missing or no boolean")
	}
	u.enabled = enabled
	lifecycle, _, _ := httpcall.Get[httpcall.Object](object, "lifecycle")
	status := httpcall.Text(lifecycle, "status")
	u.lifecycleOpen = status != "" && status != "ACCOUNT_OK"
	embedded, _, _ := httpcall.Get[httpcall.Object](object, "_embedded")
	password, _, _ := httpcall.Get[httpcall.Object](embedded, "password")
	u.embedded = passwordState{status: httpcall.Text(password, "status")}
	return nil
}

func (u *user) named(field string) string {
	if field == "email" {
		return u.email
	}
	return u.username
}

// account maps the user with its password's state, as answered at asOf; now is ours. It
// leaves the whole object out.
func (u *user) account(password passwordState, asOf, now time.Time) *connectors.Account {
	return &connectors.Account{
		ID: u.id, Username: u.username, Email: u.email, DisplayName: u.displayName, Groups: u.member.groups(),
		State: u.state(password, asOf, now), AsOf: asOf,
	}
}

// whole is the account with the whole object.
func (u *user) whole(password passwordState, asOf, now time.Time) (*connectors.Account, error) {
	raw, err := u.withIDs()
	if err != nil {
		return nil, err
	}
	whole, err := connectors.Complete(raw, fields)
	if err != nil {
		return nil, err
	}
	account := u.account(password, asOf, now)
	account.User = whole
	return account, nil
}
