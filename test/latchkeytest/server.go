package latchkeytest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/internal/testserver"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/registry"
)

// Identity is that of every client and worker: recorded histories must not tell where
// they were recorded.
const Identity = "latchkey-test"

// Patience bounds the wait for anything that a test expects. Only a test that fails waits so
// long.
const Patience = 2 * time.Minute

// Temporal is an embedded server, a client of it, and a worker that serves the workflows.
type Temporal struct {
	Client  client.Client
	Address string

	server *testserver.Server
	worker worker.Worker
}

var shared = sync.OnceValues(start)

// used says that the shared server was started.
var used atomic.Bool

// Server returns the server that all tests of the process share.
func Server(t *testing.T) *Temporal {
	t.Helper()
	testserver.Skip(t)
	used.Store(true)
	temporal, err := shared()
	require.NoError(t, err)
	return temporal
}

// Main runs a package's tests and stops the shared server, if any test used it. Call it
// from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if used.Load() {
		if temporal, err := shared(); err == nil {
			temporal.stop()
		}
	}
	os.Exit(code)
}

func start() (*Temporal, error) {
	server, err := testserver.Start(context.Background(), testserver.Options{SearchAttributes: workflows.SearchAttributeTypes()})
	if err != nil {
		return nil, err
	}
	temporal := &Temporal{server: server, Address: server.Address()}
	if temporal.Client, err = Dial(server.Address(), testserver.DefaultNamespace); err != nil {
		return nil, err
	}
	temporal.worker = worker.New(temporal.Client, workflows.TaskQueue, worker.Options{
		Identity: Identity, LocalActivityWorkerOnly: true, DisableRegistrationAliasing: true,
	})
	registry.Register(temporal.worker, workflows.SearchAttributes)
	if err := temporal.worker.Start(); err != nil {
		return nil, fmt.Errorf("start the workflow worker: %w", err)
	}
	return temporal, nil
}

// Dial connects to a server under the fixed identity.
func Dial(address, namespace string) (client.Client, error) {
	return client.Dial(client.Options{HostPort: address, Namespace: namespace, Identity: Identity, DataConverter: temporalclient.DataConverter,
		Logger: Silent(), WorkerHeartbeatInterval: time.Second,
		ConnectionOptions: client.ConnectionOptions{GrpcCompression: &client.GrpcCompressionNone{}}})
}

// Silent is a logger for the Temporal SDK that says nothing.
func Silent() sdklog.Logger { return sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

func (s *Temporal) stop() {
	s.worker.Stop()
	s.Client.Close()
	_ = s.server.Stop()
}

// Connection is what a test serves.
type Connection struct {
	// Name is unique over the tests of a process.
	Name      string
	Connector activities.Connector
	Rules     guard.Rules
	Ceiling   activities.Ceiling
	Audit     *zap.Logger
	// Records is what is known of earlier unlocks; nil when that cannot be counted.
	Records        activities.Records
	HidesPrivilege bool
	HidesGroups    bool
}

// Activities returns the steps at the connection.
func (c Connection) Activities() *activities.Activities {
	steps := &activities.Activities{
		Connection: c.Name, Provider: Provider, Connector: c.Connector, AbsentID: AbsentID, Rules: c.Rules, Ceiling: c.Ceiling,
		Audit: c.Audit, Records: c.Records, HidesPrivilege: c.HidesPrivilege, HidesGroups: c.HidesGroups,
	}
	if steps.Audit == nil {
		steps.Audit = zap.NewNop()
	}
	return steps
}

// Worker is one that serves the connection once it is started.
func (c Connection) Worker(temporal client.Client) worker.Worker {
	steps := c.Activities()
	served := worker.New(temporal, activities.Queue(c.Name), worker.Options{
		Identity: Identity, DisableWorkflowWorker: true, DisableRegistrationAliasing: true, Interceptors: steps.Interceptors(),
	})
	steps.Register(served)
	return served
}

// Environment runs workflows over the connection in skipped time. Its limits by the wall clock
// are those of a busy machine.
func (c Connection) Environment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(Silent())
	environment := suite.NewTestWorkflowEnvironment()
	environment.SetTestTimeout(Patience)
	steps := c.Activities()
	environment.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: Patience, Interceptors: steps.Interceptors()})
	steps.Register(environment)
	return environment
}

// Serve starts a worker for the connection, which stops with the test or when the
// returned function is called.
func (s *Temporal) Serve(t *testing.T, connection Connection) (stop func()) {
	t.Helper()
	served := connection.Worker(s.Client)
	require.NoError(t, served.Start())
	stop = sync.OnceFunc(served.Stop)
	t.Cleanup(stop)
	return stop
}

var connectionNumber atomic.Int64

// ConnectionName returns a name that no other test of the process uses.
func ConnectionName() string { return fmt.Sprintf("c-%d", connectionNumber.Add(1)) }
