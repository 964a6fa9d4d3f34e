package cli

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// server is one Temporal for all tests of this package, with a worker for workflows.
type server struct {
	address  string
	temporal sdkclient.Client
}

func TestMain(m *testing.M) { latchkeytest.Main(m) }

// shared returns the one server.
func shared(t *testing.T) *server {
	t.Helper()
	temporal := latchkeytest.Server(t)
	return &server{address: temporal.Address, temporal: temporal.Client}
}

// provider is an identity provider with one user.
type provider struct {
	mutex   sync.Mutex
	account connectors.Account
	// lookupError, unlockError and deaf are faults to order: look-ups or unlocks fail;
	// unlocks do nothing.
	lookupError, unlockError error
	deaf                     bool
	unlocks                  int
	// hold, when it is there, keeps every look-up until it is closed; entered says when one began.
	hold    chan struct{}
	entered chan struct{}
}

func (p *provider) Canonical(id string) (string, error) { return id, nil }

func (p *provider) Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error) {
	if p.hold != nil {
		select {
		case p.entered <- struct{}{}:
		default:
		}
		select {
		case <-p.hold:
		case <-ctx.Done():
			return nil, failing(connectors.Unavailable, "it took too long")
		}
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.lookupError != nil {
		return nil, p.lookupError
	}
	if ref.ID != p.account.ID && ref.Email != p.account.Email {
		return nil, failing(connectors.NotFound, "no user matches")
	}
	copied := p.account
	return &copied, nil
}

func (p *provider) Unlock(_ context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.unlockError != nil {
		return connectors.Unlocked{}, p.unlockError
	}
	if account.ID != p.account.ID {
		return connectors.Unlocked{}, failing(connectors.NotFound, "no user matches")
	}
	p.unlocks++
	if !p.deaf {
		p.account.State.Locks = []connectors.Lock{}
		p.account.State.CanSignIn = connectors.Yes
	}
	return connectors.Unlocked{}, nil
}

func (p *provider) Lists() bool { return false }

func (p *provider) ListLocked(context.Context, string, int) (connectors.Page, error) {
	return connectors.Page{}, failing(connectors.Unsupported, "this provider cannot list")
}

// failing is an error of the fake provider.
func failing(kind connectors.Kind, message string) *connectors.Error {
	return &connectors.Error{Kind: kind, Provider: "fake", Operation: "test", Message: message}
}

// lockedUser is a provider with one locked user.
func lockedUser() *provider {
	return &provider{account: connectors.Account{
		ID: someID, Username: "ada", Email: "ada@example.com",
		State: connectors.State{
			Locks:      []connectors.Lock{{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn}},
			Privileged: connectors.No, CanSignIn: connectors.No,
		},
		User: json.RawMessage(`{"username":"ada","big":12345678901234567890,"empty":null}`),
	}}
}

// slow makes every look-up wait until it is released.
func (p *provider) slow() *provider {
	p.hold, p.entered = make(chan struct{}), make(chan struct{}, 1)
	return p
}

func (p *provider) release() { close(p.hold) }

// tenant is a connection that is served, and the command line to ask at it.
type tenant struct {
	*harness
	server   *server
	name     string
	provider *provider
}

// serve serves a connection with a worker of its own until the test ends.
func serve(t *testing.T, name string, with *provider) *tenant {
	t.Helper()
	served := serveConnector(t, name, with)
	served.provider = with
	return served
}

// serveConnector is serve for a provider of any kind.
func serveConnector(t *testing.T, name string, with activities.Connector) *tenant {
	t.Helper()
	at := shared(t)
	served := latchkeytest.Connection{Name: name, Connector: with}.Worker(at.temporal)
	require.NoError(t, served.Start())
	t.Cleanup(served.Stop)
	return &tenant{harness: newHarness(), server: at, name: name}
}

// again returns the same tenant with fresh streams.
func (n *tenant) again() *tenant {
	copied := *n
	copied.harness = newHarness()
	return &copied
}

func (n *tenant) unlock(ctx context.Context, args ...string) outcome {
	return n.run(ctx, append([]string{"unlock", "--address", n.server.address, "--connection", n.name}, args...)...)
}

// call runs a command at the tenant's Temporal.
func (n *tenant) call(ctx context.Context, args ...string) outcome {
	return n.run(ctx, append(args, "--address", n.server.address)...)
}

func (n *tenant) status(ctx context.Context, args ...string) outcome {
	return n.run(ctx, append([]string{"status", "--address", n.server.address}, args...)...)
}

// aside runs a command aside; what it left comes through the channel.
func aside(command func() outcome) <-chan outcome {
	done := make(chan outcome, 1)
	go func() { done <- command() }()
	return done
}

// shown is a run as status shows it, with a result of its kind.
type shown[R any] struct {
	client.View
	Result *R `json:"result"`
}

type (
	shownUnlock = shown[workflows.Result]
	shownBulk   = shown[workflows.BulkResult]
)

// failed is what stands in the place of a result.
type failed[R any] struct {
	Failure client.Failure `json:"failure"`
	Result  *R             `json:"result"`
}

func read[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	require.NoError(t, json.Unmarshal([]byte(text), &value), text)
	return value
}

// soon bounds what must be said within seconds, and on a busy machine long before the
// minutes for which a request is tried.
func soon(t *testing.T, began time.Time) {
	t.Helper()
	require.Less(t, time.Since(began), 30*time.Second)
}
