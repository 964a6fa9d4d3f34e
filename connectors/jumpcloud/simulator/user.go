package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// user is one JumpCloud user. What it shares with all others stays in the
// template; own holds the rest. A copy is a snapshot: nothing that it refers to
// is changed in place.
type user struct {
	id, username, email string
	state               string // STAGED, ACTIVATED or SUSPENDED
	suspended           bool
	created             time.Time
	password            string
	own                 kit.Fields

	lock     lock
	failures kit.Failures
}

// lock is an account's lock; the zero value is none.
type lock struct {
	cause string
	since time.Time
	until time.Time // zero: until somebody unlocks it
}

func (l lock) locked() bool { return l.cause != "" }

func (u *user) names() []string { return []string{u.username, u.email} }

func (u *user) activated() bool {
	raw, found := u.own.Get("activated")
	return !found || string(raw) == "true"
}

// kept returns the fields that the user itself keeps, as JumpCloud writes them.
func (s *Simulator) kept(u *user) kit.Fields {
	var lockedDate any
	if u.lock.locked() {
		lockedDate = kit.Stamp(u.lock.since)
	}
	id := kit.JSON(u.id)
	return kit.Fields{ // sorted by key
		{Key: "_id", Value: id},
		{Key: "account_locked", Value: kit.JSON(u.lock.locked())},
		{Key: "account_locked_date", Value: kit.JSON(lockedDate)},
		{Key: "badLoginAttempts", Value: kit.JSON(u.failures.Count(s.now(), s.settings.PasswordPolicy.window()))},
		{Key: "created", Value: kit.JSON(kit.Stamp(u.created))},
		{Key: "email", Value: kit.JSON(u.email)},
		{Key: "id", Value: id},
		{Key: "organization", Value: kit.JSON(s.options.OrgID)},
		{Key: "state", Value: kit.JSON(u.state)},
		{Key: "suspended", Value: kit.JSON(u.suspended)},
		{Key: "username", Value: kit.JSON(u.username)},
	}
}

// native is the user's whole object, every key.
func (s *Simulator) native(u *user) kit.Fields {
	all := u.own.Over(s.kept(u).Over(template))
	if u.activated() {
		return all
	}
	missing := slices.DeleteFunc(slices.Clone(neverActivated), func(key string) bool {
		_, given := u.own.Get(key)
		return given
	})
	return all.Without(missing...)
}

// read is the object as GET and PUT answer it.
func (s *Simulator) read(u *user) kit.Fields { return s.native(u).Without("memberof") }

// found is the object as the search answers it.
func (s *Simulator) found(u *user) kit.Fields { return s.native(u).Without("delegatedAuthority") }

// value returns one field of the user without building the whole object.
func (s *Simulator) value(u *user, key string) json.RawMessage {
	switch key {
	case "_id", "id":
		return kit.JSON(u.id)
	case "username":
		return kit.JSON(u.username)
	case "email":
		return kit.JSON(u.email)
	case "account_locked":
		return kit.JSON(u.lock.locked())
	case "suspended":
		return kit.JSON(u.suspended)
	}
	if raw, found := u.own.Path(key); found {
		return raw
	}
	if raw, found := template.Path(key); found {
		return raw
	}
	raw, _ := s.kept(u).Get(key)
	return raw
}

// create makes a user from a partial object. The caller holds the lock.
func (s *Simulator) create(native kit.Fields) (*user, error) {
	p := kit.Parts{Fields: native}
	u := &user{
		id: strings.ToLower(p.Text("_id", p.Text("id", ""))), username: p.Text("username", ""),
		password: p.Text("password", kit.DefaultPassword),
		created:  s.now(), suspended: p.Bool("suspended", false), state: "ACTIVATED",
	}
	if u.id == "" {
		u.id = s.nextID()
	}
	if u.username == "" {
		u.username = "user-" + u.id[max(0, len(u.id)-6):]
	}
	u.email = p.Text("email", u.username+"@example.com")
	if p.Has("created") {
		u.created = p.Time("created")
	}
	locked, lockedDate, failures := p.Bool("account_locked", false), p.Time("account_locked_date"), p.Count("badLoginAttempts")
	activated, found := native.Get("activated")
	if found && string(activated) == "false" {
		u.state = "STAGED"
	}
	if u.suspended {
		u.state = "SUSPENDED"
	}
	u.state = p.Text("state", u.state)
	if err := p.Err(); err != nil {
		return nil, err
	}
	if err := s.checkNew(u); err != nil {
		return nil, err
	}
	u.own = native.Without("_id", "id", "username", "email", "password", "created", "suspended", "state",
		"account_locked", "account_locked_date", "badLoginAttempts")
	s.users.Add(u, u.id, u.names()...)
	s.begin(u, locked, lockedDate, failures)
	return u, nil
}

// begin gives a new user its lock and failures. Failures that reach the limit
// are taken for the lock's cause, otherwise an administrator is.
func (s *Simulator) begin(u *user, locked bool, since time.Time, failures int) {
	for range failures {
		u.failures.Add(s.now(), 0)
	}
	if !locked {
		return
	}
	policy := s.settings.PasswordPolicy
	cause := kit.CauseAdmin
	if policy.EnableMaxLoginAttempts && failures >= policy.MaxLoginAttempts {
		cause = kit.CauseFailedSignIn
	}
	if since.IsZero() {
		since = s.now()
	}
	s.lockUser(u, cause, since)
}

func (s *Simulator) checkNew(u *user) error {
	if !isID(u.id) {
		return kit.Bad("_id must be 24 hex digits, not %q", u.id)
	}
	if s.users.ID(u.id) != nil {
		return kit.Bad("there is a user with the _id %q already", u.id)
	}
	if !among(u.state, "STAGED", "ACTIVATED", "SUSPENDED") {
		return kit.Bad("state must be STAGED, ACTIVATED or SUSPENDED, not %q", u.state)
	}
	return nil
}

// nextID makes an id that sorts behind all made before.
func (s *Simulator) nextID() string {
	for {
		s.lastID++
		if id := fmt.Sprintf("60%022x", s.lastID); s.users.ID(id) == nil {
			return id
		}
	}
}

// isID tells whether text is 24 hex digits.
func isID(text string) bool {
	if len(text) != 24 {
		return false
	}
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
