package conformance_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
)

// traits are what tells the provider of a scripted tenant from others.
type traits struct {
	id connectors.ID
	// newID makes the ID of the user with a number.
	newID func(number int) string
	// partly says that a lock holds only some ways in.
	partly bool
	// revives says that the provider's unlock call also enables the account.
	revives bool
	// byFailures says that only failed sign-ins lock, and that nobody is suspended.
	byFailures bool
	// oneState says that a suspended or disabled account's lock is not told.
	oneState bool
	// groups says that the groups of an account are told.
	groups bool
	// listless says that who is locked cannot be listed.
	listless bool
	// sorted says that lists come in the order of the IDs.
	sorted bool
	// servers are the names of several; the last is a replica.
	servers []string
}

// layers are those that failed sign-ins lock.
var layers = []connectors.Layer{connectors.LayerAccount, connectors.LayerMFA}

// person is a user of a scripted tenant.
type person struct {
	conformance.User
	disabled, suspended bool
	groups              []string
	// locks are those of each server.
	locks map[string][]connectors.Lock
}

// tenant is the peer: users in memory, on one server or several.
type tenant struct {
	traits
	mu      sync.Mutex
	now     time.Time
	people  map[string]*person
	stopped map[string]bool
}

// rights are those of a credential.
type rights int

const (
	allRights rights = iota
	readRights
	noRights
)

// The tenant's credentials.
const (
	rightSecret = "right-secret-of-the-tenant"
	wrongSecret = "wrong-secret-of-the-tenant"
)

// scripted is the Harness of a scripted tenant.
type scripted struct {
	*tenant
	// breaks changes a driver, for a suite that must see it; nil leaves it as it is.
	breaks func(*driver) connectors.Driver
}

var _ conformance.Harness = (*scripted)(nil)

func newScripted(traits traits, breaks func(*driver) connectors.Driver) *scripted {
	traits.servers = slices.Clone(traits.servers)
	if len(traits.servers) == 0 {
		traits.servers = []string{""}
	}
	return &scripted{breaks: breaks, tenant: &tenant{
		traits: traits, now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), people: map[string]*person{}, stopped: map[string]bool{},
	}}
}

// harness returns the Harness with what the traits add to it.
func harness(traits traits, breaks func(*driver) connectors.Driver) conformance.Harness {
	s := newScripted(traits, breaks)
	switch {
	case traits.servers != nil:
		return &several{s}
	case traits.partly:
		return &openWays{s}
	case traits.oneState:
		return &oneState{s}
	case traits.groups:
		return &grouper{s}
	default:
		return s
	}
}

var userFields = []connectors.Field{
	{Key: "id", Type: "string"}, {Key: "username", Type: "string"}, {Key: "email", Type: "string"}, {Key: "title", Type: "string"},
}

func (s *scripted) Provider() connectors.Provider {
	return connectors.Provider{Name: "scripted", Title: "Scripted", Fields: userFields, ID: s.id}
}

func (s *scripted) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: !s.listless, ReadsGroups: s.groups, Requests: 1}
}

func (s *scripted) Secrets() []string { return []string{rightSecret, wrongSecret} }

func (s *scripted) open(rights rights) conformance.Connector {
	var servers []connectors.Server
	for i, name := range s.servers {
		own := &driver{tenant: s.tenant, server: name, rights: rights, replica: i > 1}
		var used connectors.Driver = own
		if s.breaks != nil {
			used = s.breaks(own)
		} else if !s.listless {
			used = &scanner{own}
		}
		servers = append(servers, connectors.Server{Name: name, Driver: used})
	}
	return connectors.New(s.Provider(), servers...)
}

func (s *scripted) Connector() conformance.Connector        { return s.open(allRights) }
func (s *scripted) ReadOnly() conformance.Connector         { return s.open(readRights) }
func (s *scripted) WrongCredentials() conformance.Connector { return s.open(noRights) }
func (s *scripted) UnknownID() string                       { return s.id.Absent }

func (s *scripted) MakeUser(t testing.TB, username, email string) conformance.User {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.newID(len(s.people) + 1)
	user := conformance.User{ID: id, Username: cmp.Or(username, "user-"+fmt.Sprint(len(s.people)+1))}
	user.Email = cmp.Or(email, user.Username+"@example.com")
	require.NotContains(t, s.people, id)
	s.people[id] = &person{User: user, locks: map[string][]connectors.Lock{}}
	return user
}

func (s *scripted) LockByFailedSignIns(_ testing.TB, user conformance.User) {
	for _, server := range s.servers {
		s.lock(user.ID, server, connectors.ReasonFailedSignIn)
	}
}

func (s *scripted) LockAsAdministrator(_ testing.TB, user conformance.User) bool {
	if s.byFailures {
		return false
	}
	s.lock(user.ID, s.servers[0], connectors.ReasonAdmin)
	return true
}

func (s *scripted) Suspend(_ testing.TB, user conformance.User) bool {
	if s.byFailures {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[user.ID].suspended = true
	return true
}

func (s *scripted) Disable(_ testing.TB, user conformance.User) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[user.ID].disabled = true
	return true
}

func (s *scripted) SignIn(_ testing.TB, user conformance.User) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.people[user.ID]
	held := slices.ContainsFunc(s.servers, func(server string) bool { return len(one.locks[server]) > 0 })
	return !held && !one.disabled && !one.suspended
}

// openWays is a tenant whose locks hold only some ways in.
type openWays struct{ *scripted }

var _ conformance.OpenWays = (*openWays)(nil)

func (s *openWays) SignInElsewhere(_ testing.TB, user conformance.User) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.people[user.ID].disabled && !s.people[user.ID].suspended
}

// oneState is a tenant with one word for the state of an account.
type oneState struct{ *scripted }

var _ conformance.OneState = (*oneState)(nil)

func (s *oneState) OneState() {}

// several is a tenant of several servers.
type several struct{ *scripted }

var _ conformance.Several = (*several)(nil)

func (s *several) Servers() []string { return s.servers }

func (s *several) LockOn(_ testing.TB, user conformance.User, server string) []string {
	s.lock(user.ID, server, connectors.ReasonFailedSignIn)
	return []string{server}
}

func (s *several) Stop(_ testing.TB, server string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped[server] = true
}

// grouper is a tenant that tells the groups of an account.
type grouper struct{ *scripted }

var _ conformance.Grouper = (*grouper)(nil)

func (s *grouper) JoinGroup(_ testing.TB, user conformance.User, id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[user.ID].groups = append(s.people[user.ID].groups, id, name)
}

func (s *grouper) Population() (id, name string) { return "", "" }

// clock is the time by a server's own clock; each is an hour ahead of the one before.
func (n *tenant) clock(server string) time.Time {
	return n.now.Add(time.Duration(slices.Index(n.servers, server)) * time.Hour)
}

// lock locks every layer of the account on one server.
func (n *tenant) lock(id, server string, reason connectors.Reason) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = n.now.Add(time.Second)
	since := n.clock(server)
	var locks []connectors.Lock
	for _, layer := range layers {
		locks = append(locks, connectors.Lock{Layer: layer, Reason: reason, Since: &since, Partial: n.partly})
	}
	n.people[id].locks[server] = locks
}

// driver is how a provider's would be, were its API in memory.
type driver struct {
	*tenant
	server  string
	rights  rights
	replica bool
}

// scanner is a driver that lists.
type scanner struct{ *driver }

var (
	_ connectors.Driver  = (*driver)(nil)
	_ connectors.Scanner = (*scanner)(nil)
)

func (d *driver) Close() error { return nil }

// fail returns an error of the driver; sent is empty but for an unlock.
func (d *driver) fail(operation string, kind connectors.Kind, sent connectors.Answer, message string) *connectors.Error {
	return &connectors.Error{Kind: kind, Provider: "scripted", Operation: operation, Message: message, Sent: sent}
}

// call finds out whether a call would be answered at all, and by whom.
func (d *driver) call(ctx context.Context, operation string, sent connectors.Answer) *connectors.Error {
	switch {
	case ctx.Err() != nil:
		failure := d.fail(operation, connectors.Unavailable, sent, "the call was cancelled; try again")
		failure.Cause = ctx.Err()
		return failure
	case d.stopped[d.server]:
		return d.fail(operation, connectors.Unavailable, sent, "the server cannot be reached; try again")
	case d.rights == noRights:
		return d.fail(operation, connectors.Unauthenticated, sent, "the credential was refused; check it")
	default:
		return nil
	}
}

// account is what the server says of the user, as the driver reads it.
func (d *driver) account(one *person) *connectors.Account {
	object, _ := json.Marshal(map[string]string{"id": one.ID, "username": one.Username, "email": one.Email})
	whole, _ := connectors.Complete(object, userFields)
	account := &connectors.Account{ID: one.ID, Username: one.Username, Email: one.Email, User: whole, AsOf: d.clock(d.server), State: connectors.State{
		Locks: slices.Clone(one.locks[d.server]), Disabled: one.disabled, Suspended: one.suspended, Privileged: connectors.Unknown,
	}}
	if d.oneState && (one.disabled || one.suspended) {
		account.State.Locks = []connectors.Lock{}
	}
	if d.groups {
		account.Groups = append([]string{}, one.groups...)
	}
	account.State.CanSignIn = account.State.SignInAnswer()
	return account
}

func (d *driver) Get(ctx context.Context, id string) (*connectors.Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if failure := d.call(ctx, connectors.OperationLookup, ""); failure != nil {
		return nil, failure
	}
	one := d.people[id]
	if one == nil {
		return nil, d.fail(connectors.OperationLookup, connectors.NotFound, "", "no account has this ID")
	}
	return d.account(one), nil
}

func (d *driver) Find(ctx context.Context, field connectors.NameField, value string) ([]connectors.Match, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if failure := d.call(ctx, connectors.OperationLookup, ""); failure != nil {
		return nil, false, failure
	}
	var matches []connectors.Match
	for _, one := range d.people {
		if name := nameOf(one, field); strings.EqualFold(name, value) {
			matches = append(matches, connectors.Match{Account: d.account(one), Name: name})
		}
	}
	return matches, false, nil
}

func nameOf(one *person, field connectors.NameField) string {
	if field == connectors.FindEmail {
		return one.Email
	}
	return one.Username
}

func (d *driver) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if failure := d.call(ctx, connectors.OperationUnlock, connectors.No); failure != nil {
		return connectors.Unlocked{}, failure
	}
	one := d.people[account.ID]
	switch {
	case d.rights == readRights:
		return connectors.Unlocked{}, d.fail(connectors.OperationUnlock, connectors.PermissionDenied, connectors.No, "the credential may not unlock; give it the right")
	case d.replica:
		return connectors.Unlocked{}, d.fail(connectors.OperationUnlock, connectors.Unsupported, connectors.No, "the server takes no changes")
	case one == nil:
		return connectors.Unlocked{}, d.fail(connectors.OperationUnlock, connectors.NotFound, connectors.No, "no account has this ID")
	}
	if d.revives { // what the call would do is read first
		switch {
		case one.disabled || one.suspended:
			return connectors.Unlocked{}, d.fail(connectors.OperationUnlock, connectors.RejectedByProvider, connectors.No, "unlocking would also enable the account; enable it first")
		case len(one.locks[d.server]) == 0:
			return connectors.Unlocked{At: d.clock(d.server)}, nil
		}
	}
	return connectors.Unlocked{At: d.unlocks(one, layers)}, nil
}

// unlocks is the provider's own call: it clears the layers on this server, and on the replica,
// and returns the provider's time.
func (d *driver) unlocks(one *person, cleared []connectors.Layer) time.Time {
	d.now = d.now.Add(time.Second)
	for i, server := range d.servers {
		if server == d.server || i > 1 {
			one.locks[server] = slices.DeleteFunc(one.locks[server], func(lock connectors.Lock) bool { return slices.Contains(cleared, lock.Layer) })
		}
	}
	if d.revives {
		one.disabled, one.suspended = false, false
	}
	return d.clock(d.server)
}

func (s *scanner) Scan(ctx context.Context, after string) (accounts iter.Seq2[*connectors.Account, error], sorted bool) {
	return func(yield func(*connectors.Account, error) bool) {
		listed, err := s.list(ctx, after)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, account := range listed {
			if !yield(account, nil) {
				return
			}
		}
	}, s.sorted
}

// list is everybody whom the server knows, beginning after an ID where it sorts by them.
func (s *scanner) list(ctx context.Context, after string) ([]*connectors.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failure := s.call(ctx, connectors.OperationList, ""); failure != nil {
		return nil, failure
	}
	ids := slices.Sorted(maps.Keys(s.people))
	if s.sorted {
		ids = slices.DeleteFunc(ids, func(id string) bool { return id <= after })
	} else {
		slices.Reverse(ids)
	}
	var accounts []*connectors.Account
	for _, id := range ids {
		accounts = append(accounts, s.account(s.people[id]))
	}
	return accounts, nil
}
