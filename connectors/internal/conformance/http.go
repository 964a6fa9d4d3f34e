package conformance

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// HTTPHarness is a Harness whose peer speaks HTTP and misbehaves to order: what RunHTTP
// needs beyond Run.
type HTTPHarness interface {
	Harness
	Secretive
	// Peer is the simulated tenant: its faults, its clock, its log of calls and its book.
	Peer() *simulator.Server
	// Host is the peer's host and port.
	Host() string
	// Config returns a configuration of a connector with all rights.
	Config() connectors.Config
	// Steps lists every request that the connector makes, in each action that makes it.
	Steps() []Step
	// Refusal is the body of a failure in the provider's own shape.
	Refusal(code, message string) string
}

// Filer is an HTTPHarness whose connectors take their secret from a file too.
type Filer interface {
	// ConfigOf returns the configuration of a connector whose secret stands in the file.
	ConfigOf(path string) connectors.Config
}

// Linker is an HTTPHarness whose provider's lists link to their next page.
type Linker interface {
	// LinkTo returns the page with a link to next, which may be any JSON value.
	LinkTo(page []byte, next any) []byte
}

// TimedLocker is a Harness whose provider has locks that run out, and reports when.
type TimedLocker interface {
	LockFor(t testing.TB, user User, duration time.Duration)
}

// Action is what a connector is asked to do.
type Action string

// The actions.
const (
	LookupByID   Action = "LookupByID"
	LookupByName Action = "LookupByName"
	Unlock       Action = "Unlock"
	List         Action = "List"
)

// Step is one request that a connector makes on its way through an action.
type Step struct {
	Action Action
	// Operation is the simulator's word for the request.
	Operation string
	// NamesAccount says that the address names the account: a 404 is then NotFound, and
	// elsewhere a wrong address.
	NamesAccount bool
	// Unlocks says that the request unlocks: any 2xx is a success, whatever its body, unless
	// that is a web page.
	Unlocks bool
	// Answered says, of a request that unlocks, that the provider answers with the user: any
	// other answer leaves open what was done.
	Answered bool
	// Unlocked says that an unlock was accepted before this step.
	Unlocked bool
	// Unread is the layer that stays unread when the step is refused for good; empty when
	// the action fails then.
	Unread connectors.Layer
	// Groups says that the groups of the account are unknown when the step is refused for
	// good.
	Groups bool
	// Advisory says that the action gets by without an answer that will not come; a failure
	// that may pass fails it, as the same look-up must not report more or less by chance.
	Advisory bool
	// Token says that the request fetches the access token.
	Token bool
	// LeavesOut names keys of which a word that is not documented leaves an account out of
	// a list.
	LeavesOut []string
}

func (s Step) String() string { return string(s.Action) + "/" + s.Operation }

// reads says that the action depends on what stands in the answer.
func (s Step) reads() bool { return !s.free() && !s.Advisory }

// free says that what stands in a 2xx is of no account.
func (s Step) free() bool { return s.Unlocks && !s.Answered }

// httpCases are what depends on the provider's own calls; what is the HTTP caller's alone is
// tried once, in its own tests.
var httpCases = []struct {
	name string
	test func(*testing.T, newFixture)
}{
	{"EveryStatus", everyStatus},
	{"WrongAnswers", wrongAnswers},
	{"Pages", pages},
	{"Interrupted", interrupted},
	{"HostileReferences", hostileReferences},
	{"NamesOfUsers", namesOfUsers},
	{"RequestsPerActivity", requestsPerActivity},
	{"RotatedSecret", rotatedSecret},
	{"StaleReads", staleReads},
	{"LocksRunOut", locksRunOut},
	{"EchoedSecrets", echoedSecrets},
	{"RequestIDs", requestIDs},
}

// RunHTTP runs what every connector over HTTP must withstand, each case on a peer of its own.
func RunHTTP(t *testing.T, newHarness func(t testing.TB) HTTPHarness) {
	for _, each := range httpCases {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			each.test(t, func(t testing.TB) *fixture { return fixtureOf(t, newHarness(t)) })
		})
	}
}

// newFixture makes a peer of its own.
type newFixture func(t testing.TB) *fixture

// eachStep runs the test for each step that is wanted, on a peer of its own.
func eachStep(t *testing.T, fresh newFixture, wanted func(Step) bool, test func(*testing.T, *fixture, Step)) {
	for _, step := range fresh(t).Steps() {
		if wanted != nil && !wanted(step) {
			continue
		}
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t), step)
		})
	}
}

// fixture is a peer, a user of it whom failed sign-ins have locked, and what no error may repeat.
type fixture struct {
	HTTPHarness
	t         testing.TB
	user      User
	secrets   *secrets
	transport *transport
	// kept is the connector of under.
	kept Connector
}

func fixtureOf(t testing.TB, h HTTPHarness) *fixture {
	f := &fixture{HTTPHarness: h, t: t, secrets: newSecrets(h)}
	f.transport = newTransport(h.Host(), f.secrets)
	t.Cleanup(func() {
		f.transport.CloseIdleConnections()
		if len(f.transport.strayed) > 0 {
			t.Errorf("other hosts were called: %v", f.transport.strayed)
		}
	})
	f.user = f.makeUser("")
	h.LockByFailedSignIns(t, f.user)
	return f
}

// makeUser makes a user whom no error may name.
func (f *fixture) makeUser(name string) User {
	user := f.MakeUser(f.t, name, "")
	f.secrets.add(user.Username, user.Email)
	return user
}

// open opens a new connector with all rights.
func (f *fixture) open() Connector { return f.openWith(f.Config(), nil) }

func (f *fixture) openWith(config connectors.Config, now func() time.Time) Connector {
	opened, err := connectors.Open(f.Provider(), config, connectors.Options{Transport: f.transport, Now: now})
	require.NoError(f.t, err)
	return &checkedConnector{Connector: opened, t: f.t, secrets: f.secrets}
}

// first is the operation of the first request that an action makes, beside one for a token.
func (f *fixture) first(action Action) string {
	for _, step := range f.Steps() {
		if step.Action == action && !step.Token {
			return step.Operation
		}
	}
	return ""
}

// outcome is what came of an action.
type outcome struct {
	accounts []*connectors.Account
	err      error
}

// account returns the locked user's account among those of the outcome, or nil.
func (o outcome) account(id string) *connectors.Account {
	for _, account := range o.accounts {
		if account.ID == id {
			return account
		}
	}
	return nil
}

// listLimit is more than any peer of the suite has users.
const listLimit = 1000

// act does the action to the fixture's user.
func (f *fixture) act(ctx context.Context, connector Connector, action Action) outcome {
	ref := f.user.Ref()
	switch action {
	case Unlock:
		account := &connectors.Account{ID: f.user.ID, Username: f.user.Username, Email: f.user.Email}
		_, err := connector.Unlock(ctx, account)
		return outcome{err: err}
	case List:
		page, err := connector.ListLocked(ctx, "", listLimit)
		return outcome{accounts: page.Accounts, err: err}
	case LookupByName:
		ref = connectors.UserRef{Username: f.user.Username}
	case LookupByID:
	}
	account, err := connector.Lookup(ctx, ref)
	if err != nil {
		return outcome{err: err}
	}
	return outcome{accounts: []*connectors.Account{account}}
}

// order orders a fault of the step and returns the function that withdraws it.
func (f *fixture) order(step Step, fault simulator.Fault) func() {
	fault.Operation = step.Operation
	id, err := f.Peer().Faults.Add(fault)
	require.NoError(f.t, err)
	return func() { require.NoError(f.t, f.Peer().Faults.Remove(id)) }
}

// under does the step's action while the fault is in force, with a new connector where
// one keeps the step's answer.
func (f *fixture) under(step Step, fault simulator.Fault) outcome {
	defer f.order(step, fault)()
	if f.kept == nil || step.Token || step.Advisory {
		f.kept = f.open()
	}
	return f.act(f.t.Context(), f.kept, step.Action)
}

// answering is a fault that answers 200 with a body.
func answering(body string) simulator.Fault {
	return simulator.Fault{Kind: simulator.KindStatus, Status: http.StatusOK, Body: &body}
}

// truth is the account and the answer to the step when nothing is amiss.
func (f *fixture) truth(step Step) (*connectors.Account, []byte) {
	f.t.Helper()
	f.transport.answer = nil
	defer f.order(step, simulator.Fault{Kind: simulator.KindChange, Times: 1, Hook: func(*http.Request) { f.transport.recording.Store(true) }})()
	got := f.act(f.t.Context(), f.open(), step.Action)
	require.NoError(f.t, got.err)
	require.NotNil(f.t, f.transport.answer, "the step %s was not taken", step)
	return got.account(f.user.ID), f.transport.answer
}

// unlocks counts the effective unlocks of the fixture's user by the unlock call.
func (f *fixture) unlocks() int {
	f.settle()
	changes := f.Peer().Book.List(f.user.ID, 0)
	return len(slices.DeleteFunc(changes, func(change simulator.Change) bool {
		return change.What != simulator.Unlocked || change.Cause != simulator.CauseUnlockCall
	}))
}

// patience bounds what must happen soon, on a machine that is busy.
const patience = 20 * time.Second

// settle waits until the peer has finished every call.
func (f *fixture) settle() {
	require.Eventually(f.t, func() bool { return f.Peer().Calls.Summary().InFlight == 0 }, patience, time.Millisecond)
}
