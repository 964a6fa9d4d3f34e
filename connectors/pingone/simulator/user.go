package simulator

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// States of a password, beside the lockout.
var passwordStates = []string{"OK", "NO_PASSWORD", "PASSWORD_EXPIRED", "MUST_CHANGE_PASSWORD", "EXTERNAL"}

const lockedOut = "PASSWORD_LOCKED_OUT"

// passwordPolicyID is the policy of every user's password.
const passwordPolicyID = "e0000000-0000-4000-8000-000000000001"

func (s *Simulator) vendor() kit.Vendor[Settings] {
	settings := DefaultSettings()
	if s.options.Settings != nil {
		settings = *s.options.Settings
	}
	return kit.Vendor[Settings]{
		Settings: settings, Check: check, Policy: policy,
		Ignores: func(settings Settings) bool { return settings.IgnoresUnknown },
		Routes:  s.routes(), Authenticate: s.authenticate, Error: failed, Type: contentType,
		Headers: func() map[string]string { return map[string]string{"Correlation-Id": uuid.NewString()} },

		IDKey: "id", FoldIDs: true, NewID: func(uint64) string { return uuid.NewString() }, IsID: isID,
		Template: template, Attributes: s.attributes(), Aside: []string{"_embedded", "_links"},
		Read: s.take,
		// Links begin with the host that was asked, so that an answer adds them.
		Shape: func(_ *kit.User, object kit.Fields) kit.Fields {
			return slices.DeleteFunc(object, func(field kit.Field) bool { return kit.IsNull(field.Value) || slices.Contains(hidden, field.Key) })
		},
		Populated: func(name string, _ int) kit.Fields { return kit.Fields{{Key: "nickname", Value: kit.JSON(name)}} },

		Barred: barred, Hindered: hindered, Unlock: s.unlock,
		Suspend: "disable", Unsuspend: "enable",
		Actions: map[string]kit.Action{
			"mfa-lock":        func(u *kit.User, args []byte) error { return s.model.LockFor(u, kit.CauseMFA, args) },
			"lock-password":   func(u *kit.User, _ []byte) error { s.model.LockByFailures(u); return nil },
			"unlock-password": func(u *kit.User, _ []byte) error { s.model.Unlock(u, kit.LayerPassword, kit.CauseAdmin); return nil },
			"expire-password": func(u *kit.User, _ []byte) error { u.State = "PASSWORD_EXPIRED"; return nil },
		},
	}
}

// attributes are the keys of the object that the model keeps, sorted.
func (s *Simulator) attributes() []kit.Attribute {
	environment := kit.MustFields(`{"id":"` + s.options.EnvironmentID + `"}`)
	return []kit.Attribute{
		{Key: "account", Value: func(u *kit.User) any { return s.accountOf(u) }},
		{Key: "createdAt", Value: func(u *kit.User) any { return kit.Stamp(u.Created) }},
		{Key: "email", Value: func(u *kit.User) any {
			if u.Email == "" {
				return nil
			}
			return u.Email
		}},
		{Key: "enabled", Value: func(u *kit.User) any { return !u.Suspended }},
		{Key: "environment", Value: func(*kit.User) any { return environment }},
		{Key: "id", Value: func(u *kit.User) any { return u.ID }},
		{Key: "updatedAt", Value: func(u *kit.User) any { return kit.Stamp(u.Updated) }},
		{Key: "username", Value: func(u *kit.User) any { return u.Username }},
	}
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
	return max(0, int64(math.Ceil(end.Sub(s.model.Now()).Seconds())))
}

func passwordStatus(u *kit.User) string {
	if u.Lock(kit.LayerPassword).Cause != "" {
		return lockedOut
	}
	return u.State
}

func hasPassword(u *kit.User) bool { return u.State != "NO_PASSWORD" && u.State != "EXTERNAL" }

// take reads PingOne's own keys. The password status PASSWORD_LOCKED_OUT locks the
// password of a new user, and account {"status":"LOCKED","lockedAt":…,"unlockAt":…} its
// account.
func (s *Simulator) take(u *kit.User, p *kit.Parts, fresh bool) func(u *kit.User) {
	u.Suspended = !p.Bool("enabled", !u.Suspended)
	if p.Has("population") && p.Object("population").Text("id", "") == "" {
		p.Refuse("population must have an id")
	}
	if !fresh {
		if takePassword(u, p) {
			p.Refuse("a user is locked out by the actions fail and lock-password, not by a status")
		}
		return func(*kit.User) {}
	}
	u.State = "OK"
	out := takePassword(u, p)
	if u.Updated = p.Time("updatedAt"); p.Has("createdAt") {
		u.Created = p.Time("createdAt")
	}
	held := p.Object("account")
	status, since, until := held.Text("status", "OK"), held.Time("lockedAt"), held.Time("unlockAt")
	return func(u *kit.User) {
		if out {
			s.model.LockByFailures(u)
		}
		// LOCKED beside a password lockout and without lockedAt is that lockout's doing.
		if status == "LOCKED" && (!out || !since.IsZero()) {
			s.model.Lock(u, kit.Lock{Layer: kit.LayerAccount, Cause: kit.CauseAdmin, Since: since, Until: until})
		}
	}
}

// takePassword reads "password", which is the password itself, or
// {"value":…,"status":…}, and tells whether it is locked out.
func takePassword(u *kit.User, p *kit.Parts) (out bool) {
	raw, _ := p.Fields.Get("password")
	if len(raw) == 0 || raw[0] != '{' {
		u.Password = p.Text("password", u.Password)
		return false
	}
	password := p.Object("password")
	u.Password = password.Text("value", u.Password)
	switch state := password.Text("status", u.State); {
	case state == lockedOut:
		return true
	case slices.Contains(passwordStates, state):
		u.State = state
	default:
		p.Refuse("password.status must be one of %s or %s", strings.Join(passwordStates, ", "), lockedOut)
	}
	return false
}

// unlock lifts the account layer; what becomes of a password lockout, the settings decide.
func (s *Simulator) unlock(u *kit.User, cause string) {
	s.model.Unlock(u, kit.LayerAccount, cause)
	switch settings := s.model.Settings(); {
	case u.Lock(kit.LayerPassword).Cause == "":
		u.Failures.Clear()
	case settings.AccountUnlockClearsPassword:
		s.model.Unlock(u, kit.LayerPassword, cause)
	case !settings.PasswordLockKeepsAccountLocked:
		s.model.Lift(u, kit.LayerPassword, cause)
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

// isID tells whether text is a UUID in its usual form.
func isID(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }

// contentType follows what the client accepts.
func contentType(r *http.Request) string {
	if accept := r.Header.Get("Accept"); strings.Contains(accept, "application/json") && !strings.Contains(accept, "hal+json") {
		return "application/json"
	}
	return "application/hal+json;charset=UTF-8"
}

// problem is an error as PingOne tells it.
type problem struct{ code, message, detail, target string }

// failed is PingOne's answer of a status. Of those that have one detail, it is told.
func failed(status int, message string) kit.Reply {
	told := problem{code: "UNEXPECTED_ERROR", message: message}
	if status < http.StatusInternalServerError {
		told.code = "REQUEST_FAILED"
	}
	for _, each := range []struct {
		status       int
		code, detail string
	}{
		{http.StatusBadRequest, "INVALID_REQUEST", ""},
		{http.StatusUnauthorized, "ACCESS_FAILED", "INVALID_TOKEN"},
		{http.StatusForbidden, "ACCESS_FAILED", "INSUFFICIENT_PERMISSIONS"},
		{http.StatusNotFound, "NOT_FOUND", ""},
		{http.StatusMethodNotAllowed, "INVALID_REQUEST", ""},
		{http.StatusUnsupportedMediaType, "INVALID_REQUEST", ""},
		{http.StatusTooManyRequests, "REQUEST_LIMITED", ""},
	} {
		if each.status == status {
			told.code, told.detail = each.code, each.detail
		}
	}
	if message == "" {
		told.message = "The request could not be completed. " + http.StatusText(status) + "."
	}
	return told.reply(status)
}

func invalid(target, message string) kit.Reply {
	return problem{"INVALID_DATA", message, "INVALID_VALUE", target}.reply(http.StatusBadRequest)
}

func (p problem) reply(status int) kit.Reply {
	body := map[string]any{"id": uuid.NewString(), "code": p.code, "message": p.message}
	if p.detail != "" {
		detail := map[string]any{"code": p.detail, "message": p.message, "innerError": map[string]any{}}
		if p.target != "" {
			detail["target"] = p.target
		}
		body["details"] = []any{detail}
	}
	return kit.Reply{Status: status, Body: kit.JSON(body)}
}

func ownList(u *kit.User, key string) json.RawMessage {
	if list, found := u.Own.Get(key); found {
		return list
	}
	return json.RawMessage("[]")
}

func texts(list json.RawMessage) (out []string) {
	_ = json.Unmarshal(list, &out)
	return out
}
