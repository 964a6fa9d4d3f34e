package simulator

import (
	_ "embed" // of the template
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// template is the default user: every key of JumpCloud's user
// that is not kept in the user itself.
//
//go:embed user.json
var template string

// neverActivated are the keys that a user who was never activated lacks,
// unless it was made with them.
var neverActivated = []string{
	"organization", "tags", "public_key", "badLoginAttempts", "mfaEnrollment", "password_date", "manager", "relationships",
}

// readOnly are the keys that the update call does not change.
var readOnly = []string{
	"_id", "id", "organization", "created", "badLoginAttempts", "account_locked_date", "activated", "admin",
	"creationSource", "mfaEnrollment", "password_date", "password_expired", "password_expiration_date",
	"totp_enabled", "memberof", "delegatedAuthority", "restrictedFields",
}

// nullInTheWild are keys that are null at times although the specification knows no null there.
var nullInTheWild = []string{"alternateEmail", "employeeIdentifier"}

func (s *Simulator) vendor() kit.Vendor {
	set := func(key string, value any) kit.Action {
		return func(u *kit.User, _ []byte) error { u.Own = u.Own.With(key, value); return nil }
	}
	return kit.Vendor{
		Routes: s.routes(), Authenticate: s.authenticate, Error: s.refuse,
		Type: func(*http.Request) string { return "application/json; charset=utf-8" },

		IDKey: "_id", FoldIDs: true, IsID: isID,
		NewID:    func(number uint64) string { return fmt.Sprintf("60%022x", number) },
		Before:   func(a, b *kit.User) bool { return a.ID < b.ID },
		Template: kit.MustFields(template),
		Attributes: map[string]func(u *kit.User) any{
			"_id": id, "id": id,
			"account_locked": func(u *kit.User) any { return u.Locked() },
			"account_locked_date": func(u *kit.User) any {
				if !u.Locked() {
					return nil
				}
				return kit.Stamp(u.Lock(kit.LayerAccount).Since)
			},
			"badLoginAttempts": func(u *kit.User) any { return s.Model.Attempts(u) },
			"created":          func(u *kit.User) any { return kit.Stamp(u.Created) },
			"email":            func(u *kit.User) any { return u.Email },
			"organization":     func(*kit.User) any { return DefaultOrgID },
			"state":            func(u *kit.User) any { return state(u) },
			"suspended":        func(u *kit.User) any { return u.Suspended },
			"username":         func(u *kit.User) any { return u.Username },
		},
		Read: s.take, Shape: s.shape,
		Populated: func(name string, number int) kit.Fields {
			return kit.Fields{"displayname": kit.JSON("Alex " + name), "lastname": kit.JSON(name), "unix_uid": kit.JSON(5000 + number)}
		},
		Barred: barred, Hindered: s.hindered, Unlock: s.unlockUser,
		Suspend: "suspend", Unsuspend: "unsuspend",
		Actions: map[string]kit.Action{
			"activate": set("activated", true), "deactivate": set("activated", false),
			"expire-password": func(u *kit.User, _ []byte) error { s.expire(u, "password_expired", true); return nil },
			"expire-enrollment": func(u *kit.User, _ []byte) error {
				enrollment, err := kit.ParseFields(s.Model.Value(u, "mfaEnrollment"), "enrolment")
				if err == nil {
					s.expire(u, "mfaEnrollment", enrollment.With("overallStatus", "ENROLLMENT_EXPIRED"))
				}
				return err
			},
		},
	}
}

func id(u *kit.User) any { return u.ID }

func state(u *kit.User) string {
	switch {
	case u.Suspended:
		return "SUSPENDED"
	case !activated(u):
		return "STAGED"
	default:
		return "ACTIVATED"
	}
}

func activated(u *kit.User) bool {
	given := u.Own["activated"]
	return given == nil || string(given) == "true"
}

// shape leaves out what a user who was never activated lacks, unless it was made
// with it.
func (s *Simulator) shape(u *kit.User, object kit.Fields) kit.Fields {
	for _, key := range nullInTheWild {
		if s.Settings().NullsInTheWild && u.Own[key] == nil {
			object[key] = kit.JSON(nil)
		}
	}
	for _, key := range neverActivated {
		if !activated(u) && u.Own[key] == nil {
			delete(object, key)
		}
	}
	return object
}

// given are JumpCloud's own keys of a partial object; nil is not named.
type given struct {
	Password  *string   `json:"password"`
	Suspended *bool     `json:"suspended"`
	State     string    `json:"state"`
	Created   time.Time `json:"created"`
	Locked    *bool     `json:"account_locked"`
	Since     time.Time `json:"account_locked_date"`
	Failures  int       `json:"badLoginAttempts"`
}

// take reads what a partial object says of a user.
func (s *Simulator) take(u *kit.User, native kit.Fields, fresh bool) (func(u *kit.User), error) {
	in := given{Password: &u.Password, Suspended: &u.Suspended, State: "ACTIVATED", Created: u.Created}
	switch err := native.Into(&in); {
	case err != nil:
		return nil, err
	case in.Failures < 0 || in.Failures > 1000:
		return nil, kit.Bad("badLoginAttempts must be a number from 0 to 1000")
	case !slices.Contains([]string{"STAGED", "ACTIVATED", "SUSPENDED"}, in.State):
		return nil, kit.Bad("state must be STAGED, ACTIVATED or SUSPENDED, not %q", in.State)
	}
	if fresh {
		u.Created, u.Suspended = in.Created, u.Suspended || in.State == "SUSPENDED"
		return func(u *kit.User) { s.begin(u, in) }, nil
	}
	return func(u *kit.User) {
		switch {
		case in.Locked == nil:
		case *in.Locked:
			s.lock(u, kit.Lock{Cause: kit.CauseAdmin})
		default:
			s.unlockUser(u, kit.CauseUpdateCall)
		}
	}, nil
}

// begin gives a new user failures and a lock. Failures that reach the limit are taken for the
// lock's cause, otherwise an administrator is.
func (s *Simulator) begin(u *kit.User, in given) {
	for range in.Failures {
		u.Failures.Add(s.Model.Now(), 0)
	}
	if in.Locked == nil || !*in.Locked {
		return
	}
	cause := kit.CauseAdmin
	if limits := s.Settings().PasswordPolicy; limits.EnableMaxLoginAttempts && in.Failures >= limits.MaxLoginAttempts {
		cause = kit.CauseFailedSignIn
	}
	s.lock(u, kit.Lock{Cause: cause, Since: in.Since})
}

func (s *Simulator) lock(u *kit.User, lock kit.Lock) {
	lock.Layer = kit.LayerAccount
	s.Model.Lock(u, lock)
}

// unlockUser lifts the lock and clears the count of failures, nothing else.
func (s *Simulator) unlockUser(u *kit.User, cause string) { s.Model.Unlock(u, kit.LayerAccount, cause) }

// expire notes that something of the user's has expired, which locks if a setting says so.
func (s *Simulator) expire(u *kit.User, key string, value any) {
	u.Own = u.Own.With(key, value)
	if s.Settings().ExpiryLocks {
		s.lock(u, kit.Lock{Cause: kit.CauseExpiry})
	}
}

func barred(u *kit.User) string {
	switch {
	case u.Suspended:
		return "suspended"
	case !activated(u):
		return "not_activated"
	default:
		return ""
	}
}

func (s *Simulator) hindered(u *kit.User) string {
	if string(s.Model.Value(u, "password_expired")) == "true" {
		return "password_expired"
	}
	return ""
}

// isID reports whether text is 24 hex digits.
func isID(text string) bool {
	return len(text) == 24 && strings.Trim(strings.ToLower(text), "0123456789abcdef") == ""
}
