package conformance

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// HTTPHarness is a Harness whose peer speaks HTTP and misbehaves to order: what RunHTTP
// and RunBounds need beyond Run.
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

// TimedLocker is a Harness whose provider knows locks that run out, and tells when.
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
	// that may pass fails it, as the same look-up must not tell more or less by chance.
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

// maker makes a peer of its own, with a user locked by failed sign-ins.
type maker func(t testing.TB) *bench

// httpCase is one case of RunHTTP.
type httpCase struct {
	name string
	test func(*testing.T, maker)
	// tokens says what part of the case depends on the token that a credential fetches.
	tokens part
}

type part int

const (
	none part = iota
	itsSteps
	all
)

// httpCases are what depends on the provider's own calls; what is the HTTP caller's alone is
// tried once, in its own tests.
var httpCases = []httpCase{
	{"EveryStatus", everyStatus, itsSteps},
	{"Waits", waits, itsSteps},
	{"BrokenAnswers", brokenAnswers, itsSteps},
	{"WrongAnswers", wrongAnswers, itsSteps},
	{"Pages", pages, none},
	{"EndedInFlight", endedInFlight, itsSteps},
	{"DroppedConnections", droppedConnections, itsSteps},
	{"HostileReferences", hostileReferences, none},
	{"NamesOfUsers", namesOfUsers, none},
	{"CallsPerActivity", callsPerActivity, none},
	{"Concurrency", concurrency, all},
	{"CredentialRefused", credentialRefused, all},
	{"SecretFiles", secretFiles, all},
	{"StaleReads", staleReads, none},
	{"LocksRunOut", locksRunOut, none},
	{"EchoedSecrets", echoedSecrets, all},
	{"RequestIDs", requestIDs, none},
}

// RunHTTP runs what every connector over HTTP must withstand, each case on a peer of its own.
func RunHTTP(t *testing.T, newHarness func(t testing.TB) HTTPHarness) {
	for _, each := range httpCases {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			each.test(t, func(t testing.TB) *bench { return newBench(t, newHarness(t)) })
		})
	}
}

// RunTokens runs the part of RunHTTP that depends on the token that a credential fetches:
// for a connector that went through RunHTTP with another kind of credential.
func RunTokens(t *testing.T, newHarness func(t testing.TB) HTTPHarness) {
	for _, each := range httpCases {
		if each.tokens == none {
			continue
		}
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			each.test(t, func(t testing.TB) *bench {
				b := newBench(t, newHarness(t))
				b.tokensOnly = each.tokens == itsSteps
				return b
			})
		})
	}
}

// eachStep runs the test for each step that is wanted, on a peer of its own.
func eachStep(t *testing.T, fresh maker, wanted func(Step) bool, test func(*testing.T, *bench, Step)) {
	first := fresh(t)
	for _, step := range first.Steps() {
		if wanted != nil && !wanted(step) || first.tokensOnly && !step.Token {
			continue
		}
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t), step)
		})
	}
}

// bench is a peer, a locked user of it, and what was learnt about its secrets.
type bench struct {
	HTTPHarness
	t      testing.TB
	user   User
	secret *secrets
	tap    *tap
	// tokensOnly leaves out the steps that fetch no token.
	tokensOnly bool
	kept       Connector
}

func newBench(t testing.TB, h HTTPHarness) *bench {
	b := &bench{HTTPHarness: h, t: t, secret: newSecrets(h)}
	b.tap = &tap{next: httpcall.NewTransport(), host: h.Host(), secret: b.secret}
	t.Cleanup(b.tap.close)
	b.user = b.makeUser("")
	h.LockByFailedSignIns(t, b.user)
	return b
}

// makeUser makes a user of whom no error may speak.
func (b *bench) makeUser(name string) User {
	user := b.MakeUser(b.t, name, "")
	b.secret.add(user.Username, user.Email)
	return user
}

// open opens a new connector with all rights. All that it does is watched.
func (b *bench) open() Connector { return b.openAt(nil) }

func (b *bench) openAt(now func() time.Time) Connector {
	opened, err := connectors.Open(b.Provider(), b.Config(), connectors.Options{Transport: b.tap, Now: now})
	require.NoError(b.t, err)
	return watch(b.t, opened, b.secret)
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

// act does the action to the bench's user.
func (b *bench) act(ctx context.Context, connector Connector, action Action) outcome {
	ref := b.user.Ref()
	switch action {
	case Unlock:
		account := &connectors.Account{ID: b.user.ID, Username: b.user.Username, Email: b.user.Email}
		_, err := connector.Unlock(ctx, account)
		return outcome{err: err}
	case List:
		page, err := connector.ListLocked(ctx, "", listLimit)
		return outcome{accounts: page.Accounts, err: err}
	case LookupByName:
		ref = connectors.UserRef{Username: b.user.Username}
	case LookupByID:
	}
	account, err := connector.Lookup(ctx, ref)
	if err != nil {
		return outcome{err: err}
	}
	return outcome{accounts: []*connectors.Account{account}}
}

// order orders a fault of the step and returns the function that withdraws it.
func (b *bench) order(step Step, fault simulator.Fault) func() {
	fault.Operation = step.Operation
	id, err := b.Peer().Faults.Add(fault)
	require.NoError(b.t, err)
	return func() { require.NoError(b.t, b.Peer().Faults.Remove(id)) }
}

// under does the step's action while the fault is in force, with a new connector where
// one keeps the step's answer.
func (b *bench) under(step Step, fault simulator.Fault) outcome {
	defer b.order(step, fault)()
	if b.kept == nil || step.Token || step.Advisory {
		b.kept = b.open()
	}
	return b.act(b.t.Context(), b.kept, step.Action)
}

// answering is a fault that answers 200 with a body.
func answering(body string) simulator.Fault {
	return simulator.Fault{Kind: simulator.KindStatus, Status: http.StatusOK, Body: &body}
}

// truth is the account and the answer to the step when nothing is amiss.
func (b *bench) truth(step Step) (*connectors.Account, []byte) {
	b.t.Helper()
	withdraw := b.order(step, simulator.Fault{Kind: simulator.KindChange, Times: 1, Hook: func(*http.Request) { b.tap.keepNext() }})
	defer withdraw()
	got := b.act(b.t.Context(), b.open(), step.Action)
	require.NoError(b.t, got.err)
	body := b.tap.kept()
	require.NotNil(b.t, body, "the step %s was not taken", step)
	return got.account(b.user.ID), body
}

// unlocks counts the effective unlocks of the bench's user by the unlock call.
func (b *bench) unlocks() int {
	b.settle()
	changes := b.Peer().Book.List(b.user.ID, 0)
	return len(slices.DeleteFunc(changes, func(change simulator.Change) bool {
		return change.What != simulator.Unlocked || change.Cause != simulator.CauseUnlockCall
	}))
}

// patience bounds what must happen soon, on a machine that is busy.
const patience = 20 * time.Second

// settle waits until the peer has finished every call.
func (b *bench) settle() {
	require.Eventually(b.t, func() bool { return b.Peer().Calls.Summary().InFlight == 0 }, patience, time.Millisecond)
}
