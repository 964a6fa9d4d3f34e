package simulator

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// States of a password, beside the lockout.
var passwordStates = []string{"OK", "NO_PASSWORD", "PASSWORD_EXPIRED", "MUST_CHANGE_PASSWORD", "EXTERNAL"}

const lockedOut = "PASSWORD_LOCKED_OUT"

// user is one PingOne user. What it shares with all others stays in the
// template; own holds the rest. A copy is a snapshot: nothing that it refers to
// is changed in place.
type user struct {
	seq              uint64 // the order of creation, by which lists go
	id               string
	username, email  string // email may be absent: ""
	population       string
	enabled          bool
	created, updated time.Time
	password         string
	passwordState    string // as it is when the password is not locked out
	own              kit.Fields

	account, passwordLock lock
	failures              kit.Failures
}

// lock is one of a user's two locks; the zero value is none.
type lock struct {
	cause string
	since time.Time
	until time.Time // zero: until somebody unlocks it
	// lifted says of a password lockout that the account was unlocked in spite of it.
	lifted bool
}

func (l lock) locked() bool { return l.cause != "" }

func (u *user) names() []string { return []string{u.username, u.email} }

// reasons are the locks that make the account LOCKED.
func (u *user) reasons() []lock {
	var reasons []lock
	if u.account.locked() {
		reasons = append(reasons, u.account)
	}
	if u.passwordLock.locked() && !u.passwordLock.lifted {
		reasons = append(reasons, u.passwordLock)
	}
	return reasons
}

func (u *user) locked() bool { return len(u.reasons()) > 0 }

// status is the password's state.
func (u *user) status() string {
	if u.passwordLock.locked() {
		return lockedOut
	}
	return u.passwordState
}

// accountState is the account part of the user object. lockedAt is absent for
// lockouts by failed passwords; the times of the end are absent unless every
// reason runs out by itself.
type accountState struct {
	CanAuthenticate    bool   `json:"canAuthenticate"`
	Status             string `json:"status"`
	LockedAt           string `json:"lockedAt,omitempty"`
	SecondsUntilUnlock *int64 `json:"secondsUntilUnlock,omitempty"`
	UnlockAt           string `json:"unlockAt,omitempty"`
}

func (u *user) accountState(now time.Time) accountState {
	reasons := u.reasons()
	if len(reasons) == 0 {
		return accountState{CanAuthenticate: u.enabled, Status: "OK"}
	}
	state := accountState{Status: "LOCKED"}
	if u.account.locked() {
		state.LockedAt = kit.Stamp(u.account.since)
	}
	var end time.Time
	for _, reason := range reasons {
		if reason.until.IsZero() {
			return state
		}
		if reason.until.After(end) {
			end = reason.until
		}
	}
	seconds := secondsUntil(end, now)
	state.SecondsUntilUnlock, state.UnlockAt = &seconds, kit.Stamp(end)
	return state
}

func (u *user) hasPassword() bool {
	return u.passwordState != "NO_PASSWORD" && u.passwordState != "EXTERNAL"
}

func secondsUntil(end, now time.Time) int64 { return max(0, int64(math.Ceil(end.Sub(now).Seconds()))) }

// passwordPolicyID is the policy of every user's password.
const passwordPolicyID = "e0000000-0000-4000-8000-000000000001"

// kept returns the fields that the user itself keeps; base begins the links.
func (s *Simulator) kept(u *user, base string) kit.Fields {
	self := base + "/users/" + u.id
	fields := kit.Fields{ // sorted by key
		{Key: "_embedded"},
		{Key: "_links", Value: links(self)},
		{Key: "account", Value: kit.JSON(u.accountState(s.now()))},
		{Key: "createdAt", Value: kit.JSON(kit.Stamp(u.created))},
		{Key: "email"},
		{Key: "enabled", Value: kit.JSON(u.enabled)},
		{Key: "environment", Value: kit.JSON(kit.Fields{{Key: "id", Value: kit.JSON(s.options.EnvironmentID)}})},
		{Key: "id", Value: kit.JSON(u.id)},
		{Key: "population", Value: kit.JSON(kit.Fields{{Key: "id", Value: kit.JSON(u.population)}})},
		{Key: "updatedAt", Value: kit.JSON(kit.Stamp(u.updated))},
		{Key: "username", Value: kit.JSON(u.username)},
	}
	if s.settings.EmbedPasswordStatus {
		fields[0].Value = kit.JSON(map[string]any{"password": map[string]string{"status": u.status()}})
	}
	if u.email != "" {
		fields[4].Value = kit.JSON(u.email)
	}
	return fields
}

func links(self string) json.RawMessage {
	href := func(url string) json.RawMessage {
		return kit.Fields{{Key: "href", Value: kit.JSON(url)}}.AppendJSON(nil)
	}
	return kit.Fields{ // sorted by key
		{Key: "account.lock", Value: href(self)},
		{Key: "account.unlock", Value: href(self)},
		{Key: "enabled", Value: href(self + "/enabled")},
		{Key: "password", Value: href(self + "/password")},
		{Key: "self", Value: href(self)},
	}.AppendJSON(nil)
}

// native is the user's object without nulls and without what only include shows.
func (s *Simulator) native(u *user, base string) kit.Fields {
	return u.own.Over(s.kept(u, base).Over(template)).WithoutNulls().Without(hidden...)
}

// value returns one field of the user without building the whole object.
func (s *Simulator) value(u *user, path string) json.RawMessage {
	switch path {
	case "id":
		return kit.JSON(u.id)
	case "username":
		return kit.JSON(u.username)
	case "email":
		if u.email == "" {
			return nil
		}
		return kit.JSON(u.email)
	case "enabled":
		return kit.JSON(u.enabled)
	case "population.id":
		return kit.JSON(u.population)
	case "account.status":
		return kit.JSON(u.accountState(s.now()).Status)
	}
	key, _, _ := strings.Cut(path, ".")
	if _, found := u.own.Get(key); found {
		raw, _ := u.own.Path(path)
		return raw
	}
	raw, _ := template.Path(path)
	return raw
}

// createdHere are the keys of a new user that do not stay in its own fields.
var createdHere = []string{
	"id", "username", "email", "enabled", "population", "createdAt", "updatedAt", "password", "account",
	"environment", "_links", "_embedded",
}

// create makes a user from a partial object. The caller holds the lock.
func (s *Simulator) create(native kit.Fields) (*user, error) {
	p := kit.Parts{Fields: native}
	account, population := p.Object("account"), p.Object("population")
	u := &user{
		id: strings.ToLower(p.Text("id", uuid.NewString())), username: p.Text("username", ""), email: p.Text("email", ""),
		population: population.Text("id", DefaultPopulationID), enabled: p.Bool("enabled", true),
		created: p.Time("createdAt"), updated: p.Time("updatedAt"),
		password: kit.DefaultPassword, passwordState: "OK",
	}
	if u.username == "" {
		u.username = "user-" + u.id[:min(8, len(u.id))]
	}
	u.readPassword(&p)
	status, since, until := account.Text("status", "OK"), account.Time("lockedAt"), account.Time("unlockAt")
	for _, err := range []error{p.Err(), account.Err(), population.Err(), s.checkNew(u)} {
		if err != nil {
			return nil, err
		}
	}
	s.add(u, native.Without(createdHere...))
	if u.passwordState == lockedOut {
		u.passwordState = "OK"
		s.lockPassword(u)
	}
	// LOCKED beside a password lockout and without lockedAt is that lockout's doing.
	if status == "LOCKED" && (!u.passwordLock.locked() || !since.IsZero()) {
		s.lockAccount(u, kit.CauseAdmin, since, until)
	}
	return u, nil
}

// readPassword takes "password" as the password itself, or as PingOne's object
// {"value":…,"status":…}.
func (u *user) readPassword(p *kit.Parts) {
	raw, _ := p.Fields.Get("password")
	if len(raw) == 0 || raw[0] != '{' {
		u.password = p.Text("password", u.password)
		return
	}
	object := p.Object("password")
	u.password = object.Text("value", u.password)
	u.passwordState = object.Text("status", u.passwordState)
}

func (s *Simulator) checkNew(u *user) error {
	switch {
	case !isID(u.id):
		return kit.Bad("id must be a UUID, not %q", u.id)
	case s.users.ID(u.id) != nil:
		return kit.Bad("there is a user with the id %q already", u.id)
	case !slices.Contains(passwordStates, u.passwordState) && u.passwordState != lockedOut:
		return kit.Bad("password.status must be one of %s or %s", strings.Join(passwordStates, ", "), lockedOut)
	}
	return nil
}

// add completes a new user and enters it.
func (s *Simulator) add(u *user, own kit.Fields) {
	s.seq++
	u.seq, u.own = s.seq, own
	if u.created.IsZero() {
		u.created = s.now()
	}
	if u.updated.IsZero() {
		u.updated = u.created
	}
	s.users.Add(u, u.id, u.names()...)
}

// isID tells whether text is a UUID in its usual form.
func isID(text string) bool {
	return len(text) == 36 && uuid.Validate(text) == nil
}
