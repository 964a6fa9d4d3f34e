package simulator

import (
	"cmp"
	_ "embed" // of the template
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// States of a password, beside the lockout.
var passwordStates = []string{"OK", "NO_PASSWORD", "PASSWORD_EXPIRED", "MUST_CHANGE_PASSWORD", "EXTERNAL"}

const lockedOut = "PASSWORD_LOCKED_OUT"

// passwordPolicyID is the policy of every user's password.
const passwordPolicyID = "e0000000-0000-4000-8000-000000000001"

// template is the default user: every key of PingOne's user that
// is not kept in the user itself, and a custom attribute of each type.
//
//go:embed user.json
var template string

// onRequest are the keys that an answer carries only when include names them.
var onRequest = []string{"memberOfGroupIDs", "memberOfGroupNames"}

func (s *Simulator) vendor() kit.Vendor {
	return kit.Vendor{
		Routes: s.routes(), Authenticate: s.authenticate, Error: failed, Type: contentType,
		Headers: func() map[string]string { return map[string]string{"Correlation-Id": uuid.NewString()} },

		IDKey: "id", FoldIDs: true, NewID: func(uint64) string { return uuid.NewString() }, IsID: isID,
		Template: kit.MustFields(template), Aside: []string{"_embedded", "_links"},
		Attributes: map[string]func(u *kit.User) any{
			"account":   func(u *kit.User) any { return s.accountOf(u) },
			"createdAt": func(u *kit.User) any { return kit.Stamp(u.Created) },
			"email": func(u *kit.User) any {
				if u.Email == "" {
					return nil
				}
				return u.Email
			},
			"enabled":     func(u *kit.User) any { return !u.Suspended },
			"environment": func(*kit.User) any { return map[string]string{"id": DefaultEnvironmentID} },
			"id":          func(u *kit.User) any { return u.ID },
			"updatedAt":   func(u *kit.User) any { return kit.Stamp(u.Updated) },
			"username":    func(u *kit.User) any { return u.Username },
		},
		Read: s.take, Shape: shape,
		Populated: func(name string, _ int) kit.Fields { return kit.Fields{"nickname": kit.JSON(name)} },

		Barred: barred, Hindered: hindered, Unlock: s.unlock,
		Suspend: "disable", Unsuspend: "enable",
		Actions: map[string]kit.Action{
			"mfa-lock":        func(u *kit.User, args []byte) error { return s.Model.LockFor(u, kit.CauseMFA, args) },
			"lock-password":   func(u *kit.User, _ []byte) error { s.Model.LockByFailures(u); return nil },
			"unlock-password": func(u *kit.User, _ []byte) error { s.Model.Unlock(u, kit.LayerPassword, kit.CauseAdmin); return nil },
			"expire-password": func(u *kit.User, _ []byte) error { u.State = "PASSWORD_EXPIRED"; return nil },
		},
	}
}

// shape leaves out nulls, and what belongs to a user but not to its object. Links begin with
// the host that was asked, so that an answer adds them.
func shape(_ *kit.User, object kit.Fields) kit.Fields {
	maps.DeleteFunc(object, func(key string, value jsontext.Value) bool {
		return kit.IsNull(value) || key == "roleAssignments" || slices.Contains(onRequest, key)
	})
	return object
}

// account is that part of the user object. lockedAt is absent for lockouts by failed
// passwords; the times of the end are absent unless every reason runs out by itself.
type account struct {
	CanAuthenticate    bool   `json:"canAuthenticate"`
	Status             string `json:"status"`
	LockedAt           string `json:"lockedAt,omitempty"`
	SecondsUntilUnlock *int64 `json:"secondsUntilUnlock,omitempty"`
	UnlockAt           string `json:"unlockAt,omitempty"`
}

func (s *Simulator) accountOf(u *kit.User) account {
	if !u.Locked() {
		return account{CanAuthenticate: !u.Suspended, Status: "OK"}
	}
	locked, end, ends := account{Status: "LOCKED"}, time.Time{}, true
	for _, lock := range u.Locks {
		if lock.Layer == kit.LayerAccount {
			locked.LockedAt = kit.Stamp(lock.Since)
		}
		if lock.Lifted {
			continue
		}
		if ends = ends && !lock.Until.IsZero(); lock.Until.After(end) {
			end = lock.Until
		}
	}
	if ends {
		seconds := s.secondsUntil(end)
		locked.SecondsUntilUnlock, locked.UnlockAt = &seconds, kit.Stamp(end)
	}
	return locked
}

func (s *Simulator) secondsUntil(end time.Time) int64 {
	return max(0, int64(math.Ceil(end.Sub(s.Model.Now()).Seconds())))
}

func passwordStatus(u *kit.User) string {
	if u.Lock(kit.LayerPassword).Cause != "" {
		return lockedOut
	}
	return cmp.Or(u.State, "OK")
}

func hasPassword(u *kit.User) bool { return u.State != "NO_PASSWORD" && u.State != "EXTERNAL" }

// given are PingOne's own keys of a partial object; nil is not named.
type given struct {
	Enabled  *bool `json:"enabled"`
	Password struct {
		Value  *string `json:"value"`
		Status string  `json:"status"`
	} `json:"password"`
	Population *struct {
		ID string `json:"id"`
	} `json:"population"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	Account   struct {
		Status   string    `json:"status"`
		LockedAt time.Time `json:"lockedAt"`
		UnlockAt time.Time `json:"unlockAt"`
	} `json:"account"`
}

// take reads what a partial object says of a user. "password" is the password itself, or
// {"value":…,"status":…}.
func (s *Simulator) take(u *kit.User, native kit.Fields, fresh bool) (func(u *kit.User), error) {
	if password := native["password"]; password != nil && password.Kind() != '{' {
		native = native.With("password", map[string]any{"value": password})
	}
	enabled := !u.Suspended
	in := given{Enabled: &enabled, CreatedAt: u.Created}
	in.Password.Value, in.Password.Status = &u.Password, cmp.Or(u.State, "OK")
	if err := native.Into(&in); err != nil {
		return nil, err
	}
	u.Suspended = !enabled
	out := in.Password.Status == lockedOut
	switch {
	case in.Population != nil && in.Population.ID == "":
		return nil, kit.Bad("population must have an id")
	case slices.Contains(passwordStates, in.Password.Status):
		u.State = in.Password.Status
	case !out:
		return nil, kit.Bad("password.status must be one of %s or %s", strings.Join(passwordStates, ", "), lockedOut)
	case !fresh:
		return nil, kit.Bad("a user is locked out by the actions fail and lock-password, not by a status")
	}
	if !fresh {
		return func(*kit.User) {}, nil
	}
	u.Created, u.Updated = in.CreatedAt, in.UpdatedAt
	return func(u *kit.User) {
		if out {
			s.Model.LockByFailures(u)
		}
		// LOCKED beside a password lockout and without lockedAt is that lockout's doing.
		if held := in.Account; held.Status == "LOCKED" && (!out || !held.LockedAt.IsZero()) {
			s.Model.Lock(u, kit.Lock{Layer: kit.LayerAccount, Cause: kit.CauseAdmin, Since: held.LockedAt, Until: held.UnlockAt})
		}
	}, nil
}

// unlock lifts the account layer; what becomes of a password lockout, the settings decide.
func (s *Simulator) unlock(u *kit.User, cause string) {
	s.Model.Unlock(u, kit.LayerAccount, cause)
	switch settings := s.Settings(); {
	case u.Lock(kit.LayerPassword).Cause == "":
		u.Failures.Clear()
	case settings.AccountUnlockClearsPassword:
		s.Model.Unlock(u, kit.LayerPassword, cause)
	case !settings.PasswordLockKeepsAccountLocked:
		s.Model.Lift(u, kit.LayerPassword, cause)
	}
}

func barred(u *kit.User) string {
	switch {
	case u.Suspended:
		return "disabled"
	case !hasPassword(u):
		return "no_password"
	default:
		return ""
	}
}

func hindered(u *kit.User) string {
	if u.State == "OK" {
		return ""
	}
	return strings.ToLower(u.State)
}

// isID reports whether text is a UUID in its usual form.
func isID(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }

// contentType follows what the client accepts.
func contentType(r *http.Request) string {
	if accept := r.Header.Get("Accept"); strings.Contains(accept, "application/json") && !strings.Contains(accept, "hal+json") {
		return "application/json"
	}
	return "application/hal+json;charset=UTF-8"
}

// codes are those of the statuses, with the detail of those that have one.
var codes = map[int][2]string{
	http.StatusBadRequest:           {"INVALID_REQUEST"},
	http.StatusUnauthorized:         {"ACCESS_FAILED", "INVALID_TOKEN"},
	http.StatusForbidden:            {"ACCESS_FAILED", "INSUFFICIENT_PERMISSIONS"},
	http.StatusNotFound:             {"NOT_FOUND"},
	http.StatusMethodNotAllowed:     {"INVALID_REQUEST"},
	http.StatusUnsupportedMediaType: {"INVALID_REQUEST"},
	http.StatusTooManyRequests:      {"REQUEST_LIMITED"},
}

// failed is PingOne's answer of a status.
func failed(status int, message string) kit.Reply {
	code := codes[status]
	if code[0] == "" {
		code[0] = map[bool]string{true: "REQUEST_FAILED", false: "UNEXPECTED_ERROR"}[status < http.StatusInternalServerError]
	}
	if message == "" {
		message = "The request could not be completed. " + http.StatusText(status) + "."
	}
	return problem(status, code[0], message, code[1], "")
}

func invalid(target, message string) kit.Reply {
	return problem(http.StatusBadRequest, "INVALID_DATA", message, "INVALID_VALUE", target)
}

func problem(status int, code, message, detail, target string) kit.Reply {
	body := map[string]any{"id": uuid.NewString(), "code": code, "message": message}
	if detail != "" {
		details := map[string]any{"code": detail, "message": message, "innerError": map[string]any{}}
		if target != "" {
			details["target"] = target
		}
		body["details"] = []any{details}
	}
	return kit.Reply{Status: status, Body: kit.JSON(body)}
}

// groups are the list under one of the keys in onRequest.
func groups(u *kit.User, key string) []string {
	list := []string{}
	_ = json.Unmarshal(u.Own[key], &list)
	return list
}
