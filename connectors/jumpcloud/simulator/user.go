package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

func (s *Simulator) vendor() kit.Vendor[Settings] {
	settings := DefaultSettings()
	if s.options.Settings != nil {
		settings = *s.options.Settings
	}
	return kit.Vendor[Settings]{
		Settings: settings, Check: check, Policy: policy,
		Ignores: func(settings Settings) bool { return settings.IgnoresUnknown },
		Routes:  s.routes(), Authenticate: s.authenticate, Error: s.refuse,
		Type:    func(*http.Request) string { return "application/json; charset=utf-8" },
		Headers: func() map[string]string { return nil },

		IDKey: "_id", FoldIDs: true, IsID: isID,
		NewID:    func(number uint64) string { return fmt.Sprintf("60%022x", number) },
		Before:   func(a, b *kit.User) bool { return a.ID < b.ID },
		Template: template, Attributes: s.attributes(),
		Read: s.take, Shape: s.shape,
		Populated: func(name string, number int) kit.Fields {
			return kit.Fields{ // sorted by key
				{Key: "displayname", Value: kit.JSON("Alex " + name)},
				{Key: "lastname", Value: kit.JSON(name)},
				{Key: "unix_uid", Value: kit.JSON(5000 + number)},
			}
		},
		Barred: barred, Hindered: s.hindered, Unlock: s.unlockUser,
		Suspend: "suspend", Unsuspend: "unsuspend",
		Actions: map[string]kit.Action{
			"activate":        func(u *kit.User, _ []byte) error { u.Own = u.Own.With("activated", true); return nil },
			"deactivate":      func(u *kit.User, _ []byte) error { u.Own = u.Own.With("activated", false); return nil },
			"expire-password": func(u *kit.User, _ []byte) error { s.expire(u, "password_expired", true); return nil },
			"expire-enrollment": func(u *kit.User, _ []byte) error {
				enrollment, err := kit.ParseFields(s.model.Value(u, "mfaEnrollment"), "enrolment")
				if err == nil {
					s.expire(u, "mfaEnrollment", enrollment.With("overallStatus", "ENROLLMENT_EXPIRED"))
				}
				return err
			},
		},
	}
}

// attributes are the keys of the object that the model keeps, sorted.
func (s *Simulator) attributes() []kit.Attribute {
	return []kit.Attribute{
		{Key: "_id", Value: func(u *kit.User) any { return u.ID }},
		{Key: "account_locked", Value: func(u *kit.User) any { return u.Locked() }},
		{Key: "account_locked_date", Value: func(u *kit.User) any {
			if !u.Locked() {
				return nil
			}
			return kit.Stamp(u.Lock(kit.LayerAccount).Since)
		}},
		{Key: "badLoginAttempts", Value: func(u *kit.User) any { return s.model.Attempts(u) }},
		{Key: "created", Value: func(u *kit.User) any { return kit.Stamp(u.Created) }},
		{Key: "email", Value: func(u *kit.User) any { return u.Email }},
		{Key: "id", Value: func(u *kit.User) any { return u.ID }},
		{Key: "organization", Value: func(*kit.User) any { return s.options.OrgID }},
		{Key: "state", Value: func(u *kit.User) any { return state(u) }},
		{Key: "suspended", Value: func(u *kit.User) any { return u.Suspended }},
		{Key: "username", Value: func(u *kit.User) any { return u.Username }},
	}
}

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
	raw, found := u.Own.Get("activated")
	return !found || string(raw) == "true"
}

// shape leaves out what a user who was never activated lacks, unless it was made
// with it.
func (s *Simulator) shape(u *kit.User, object kit.Fields) kit.Fields {
	unset := func(keys []string) []string {
		return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
			_, given := u.Own.Get(key)
			return given
		})
	}
	if s.model.Settings().NullsInTheWild {
		for _, key := range unset(nullInTheWild) {
			object = object.With(key, nil)
		}
	}
	if activated(u) {
		return object
	}
	return object.Without(unset(neverActivated)...)
}

// read is the object as GET and PUT answer it.
func (s *Simulator) read(u *kit.User) kit.Fields { return s.model.Native(u).Without("memberof") }

// found is the object as the search answers it.
func (s *Simulator) found(u *kit.User) kit.Fields {
	return s.model.Native(u).Without("delegatedAuthority")
}

// take reads JumpCloud's own keys. Failures that a new user has and that reach the
// limit are taken for its lock's cause, otherwise an administrator is.
func (s *Simulator) take(u *kit.User, p *kit.Parts, fresh bool) func(u *kit.User) {
	u.Password = p.Text("password", u.Password)
	u.Suspended = p.Bool("suspended", u.Suspended)
	locked, since, failures := p.Bool("account_locked", false), p.Time("account_locked_date"), p.Count("badLoginAttempts")
	if text := p.Text("state", "ACTIVATED"); !slices.Contains([]string{"STAGED", "ACTIVATED", "SUSPENDED"}, text) {
		p.Refuse("state must be STAGED, ACTIVATED or SUSPENDED, not %q", text)
	}
	if !fresh {
		return func(u *kit.User) {
			if locked {
				s.lock(u, kit.Lock{Cause: kit.CauseAdmin})
			} else if p.Has("account_locked") {
				s.unlockUser(u, kit.CauseUpdateCall)
			}
		}
	}
	u.Suspended = u.Suspended || p.Text("state", "") == "SUSPENDED"
	if p.Has("created") {
		u.Created = p.Time("created")
	}
	return func(u *kit.User) {
		for range failures {
			u.Failures.Add(s.model.Now(), 0)
		}
		cause := kit.CauseAdmin
		if limits := s.model.Settings().PasswordPolicy; limits.EnableMaxLoginAttempts && failures >= limits.MaxLoginAttempts {
			cause = kit.CauseFailedSignIn
		}
		if locked {
			s.lock(u, kit.Lock{Cause: cause, Since: since})
		}
	}
}

func (s *Simulator) lock(u *kit.User, lock kit.Lock) {
	lock.Layer = kit.LayerAccount
	s.model.Lock(u, lock)
}

// unlockUser lifts the lock and clears the count of failures, nothing else.
func (s *Simulator) unlockUser(u *kit.User, cause string) { s.model.Unlock(u, kit.LayerAccount, cause) }

// expire notes that something of the user's has expired, which locks if a setting says so.
func (s *Simulator) expire(u *kit.User, key string, value any) {
	u.Own = u.Own.With(key, value)
	if s.model.Settings().ExpiryLocks {
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
	if string(s.model.Value(u, "password_expired")) == "true" {
		return "password_expired"
	}
	return ""
}

// isID tells whether text is 24 hex digits.
func isID(text string) bool {
	return len(text) == 24 && strings.Trim(strings.ToLower(text), "0123456789abcdef") == ""
}
