package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// tenant is the simulator as the kit sees it.
type tenant struct{ s *Simulator }

var _ kit.Tenant = tenant{}

func (t tenant) Operations() []string {
	return []string{
		OpToken, OpLookup, OpGroupIDs, OpFind, OpList, OpUnlock, OpLock, OpPassword, OpUnlockPassword, OpEnabled,
		OpRoleAssignments, OpOther,
	}
}

func (t tenant) Actions() []string { return actionNames() }

func (t tenant) Operation(r *http.Request, _ []byte) string { return operation(r) }

func (t tenant) Serve(w http.ResponseWriter, r *http.Request) { t.s.serve(w, r) }

func (t tenant) Decorate(header http.Header) {
	header.Set("Date", t.s.now().Format(http.TimeFormat))
	header.Set("Correlation-Id", uuid.NewString())
}

func (t tenant) ErrorBody(status int) (string, []byte) { return contentType, ofStatus(status).body() }

func (t tenant) Create(native []byte) (json.RawMessage, error) { return t.s.createFrom(native) }

func (t tenant) User(ref string) (json.RawMessage, error) { return t.s.User(ref) }

func (t tenant) Act(ref, action string, args []byte) (json.RawMessage, error) {
	return t.s.act(ref, action, args)
}

func (t tenant) SignIn(ref, password string) (kit.SignIn, error) {
	return t.s.SignIn(ref, password), nil
}

func (t tenant) Populate(order kit.Populate) (kit.Populated, error) { return t.s.Populate(order) }

func (t tenant) Settings() any { return t.s.Settings() }

func (t tenant) SetSettings(raw []byte) error {
	return t.s.change(func(settings *Settings) error { return kit.Decode(raw, "settings", settings) })
}

func (t tenant) RevokeTokens() { t.s.tokens.Revoke() }

func (t tenant) Settle() {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.s.settle()
}

func (t tenant) Reset() {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.s.clear()
}

// CreateUser makes a user from a partial native object (anything that encodes
// to a JSON object) and returns the full native object. "password" is the
// password, or {"value":…,"status":…}; the status PASSWORD_LOCKED_OUT locks the
// password, and account {"status":"LOCKED","lockedAt":…,"unlockAt":…} the account.
func (s *Simulator) CreateUser(native any) (json.RawMessage, error) {
	raw, err := json.Marshal(native)
	if err != nil {
		return nil, kit.Bad("the user cannot be encoded: %s", err)
	}
	return s.createFrom(raw)
}

// MustCreateUser is CreateUser for tests: it returns the id and panics if it cannot.
func (s *Simulator) MustCreateUser(native any) string {
	raw, err := s.CreateUser(native)
	if err != nil {
		panic(err)
	}
	fields, err := kit.ParseFields(raw, "user")
	if err != nil {
		panic(err)
	}
	return fields.Text("id")
}

func (s *Simulator) createFrom(native []byte) (json.RawMessage, error) {
	fields, err := kit.ParseFields(native, "user")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.create(fields)
	if err != nil {
		return nil, err
	}
	return s.shown(u), nil
}

// shown is a user as the control surface shows it: links without a host.
func (s *Simulator) shown(u *user) json.RawMessage {
	return kit.JSON(s.native(u, s.options.PublicURL+s.environmentPath()))
}

// User returns the full native object of a user named by id, username or email,
// as it truly is: stale reads do not touch it.
func (s *Simulator) User(ref string) (json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	u, err := s.users.Ref(ref)
	if err != nil {
		return nil, err
	}
	return s.shown(u), nil
}

// Locked tells whether a user is truly locked now, on the account or the
// password; false also if there is no such user.
func (s *Simulator) Locked(ref string) (account, password bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	u, err := s.users.Ref(ref)
	if err != nil {
		return false, false
	}
	return u.locked(), u.passwordLock.locked()
}

// SignIn tries a password.
func (s *Simulator) SignIn(ref, password string) kit.SignIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	u, err := s.users.Ref(ref)
	if err != nil {
		return kit.SignIn{Reason: "unknown_user"}
	}
	return s.signIn(u, password)
}

// Populate makes many users.
func (s *Simulator) Populate(order kit.Populate) (kit.Populated, error) {
	if err := order.Check(); err != nil {
		return kit.Populated{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := kit.Populated{Created: order.Count, Locked: order.Locked}
	for i := range order.Count {
		u := s.populated(order, i)
		if out.LastID = u.id; i == 0 {
			out.FirstID = u.id
		}
	}
	out.Users = s.users.Len()
	return out, nil
}

func (s *Simulator) populated(order kit.Populate, i int) *user {
	name := fmt.Sprintf("%s%06d", order.Prefix, s.users.Len()+1)
	u := &user{
		id: uuid.NewString(), username: name, email: name + "@example.com", population: DefaultPopulationID,
		enabled: i >= order.Suspended, password: order.Password, passwordState: "OK",
	}
	s.add(u, kit.Fields{{Key: "nickname", Value: kit.JSON(name)}})
	switch {
	case !order.IsLocked(i):
	case order.LockedBy == kit.CauseAdmin:
		s.lockAccount(u, kit.CauseAdmin, s.now(), u.account.until)
	default:
		s.lockPassword(u)
	}
	return u
}

// Settings returns the settings in force.
func (s *Simulator) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// Configure changes settings; wrong ones are refused and nothing changes.
func (s *Simulator) Configure(change func(*Settings)) error {
	return s.change(func(settings *Settings) error {
		change(settings)
		return nil
	})
}

func (s *Simulator) change(change func(*Settings) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	settings := s.settings
	if err := change(&settings); err != nil {
		return err
	}
	if err := settings.check(); err != nil {
		return err
	}
	s.settings = settings
	return nil
}
