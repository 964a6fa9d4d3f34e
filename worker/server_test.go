package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/internal/testserver"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// patience bounds the wait for what a test expects, on a machine that is busy.
const patience = latchkeytest.Patience

// embedded is one Temporal server for all tests of the package.
var embedded = sync.OnceValues(func() (*testserver.Server, error) {
	booted.Store(true)
	return testserver.Start(context.Background(), testserver.Options{})
})

var booted atomic.Bool

func TestMain(m *testing.M) {
	code := m.Run()
	if booted.Load() {
		if server, err := embedded(); err == nil {
			_ = server.Stop()
		}
	}
	os.Exit(code)
}

// site is a namespace of its own with a simulated JumpCloud under the connection "jc".
type site struct {
	t         *testing.T
	namespace string
	temporal  sdkclient.Client
	client    *client.Client
	tenant    *jumpcloudsimulator.Simulator
	// config serves both the workflows and the connection.
	config  Config
	logs    *logs
	logger  *zap.Logger
	metrics *metrics
}

// keywords are all of Latchkey's search attributes, as they should be.
func keywords() map[string]enumspb.IndexedValueType {
	types := map[string]enumspb.IndexedValueType{}
	for _, name := range workflows.SearchAttributes() {
		types[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	return types
}

var siteNumber atomic.Int64

func newSite(t *testing.T, attributes map[string]enumspb.IndexedValueType) *site {
	t.Helper()
	testserver.Skip(t)
	server, err := embedded()
	require.NoError(t, err)
	s := &site{t: t, namespace: fmt.Sprintf("site-%d", siteNumber.Add(1)), tenant: jumpcloudsimulator.New(jumpcloudsimulator.Options{}), logs: &logs{}}
	s.logger = NewLogger(Config{LogFormat: "json", LogLevel: zapcore.DebugLevel}, s.logs)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.logs)
		}
	})
	s.register(server.Address(), attributes)
	s.metrics, err = newMetrics()
	require.NoError(t, err)
	s.temporal, err = sdkclient.Dial(sdkclient.Options{HostPort: server.Address(), Namespace: s.namespace,
		Logger: TemporalLogger(s.logger), MetricsHandler: s.metrics.handler})
	require.NoError(t, err)
	t.Cleanup(s.temporal.Close)
	s.client = &client.Client{Temporal: s.temporal}
	url, stop, err := s.tenant.Start("")
	require.NoError(t, err)
	t.Cleanup(stop)
	s.config = Config{Workflows: true, DrainTimeout: DefaultDrainTimeout, Connections: []Connection{{
		Name: "jc", Provider: jumpcloud.Provider(),
		Config: &jumpcloud.Config{APIKey: jumpcloudsimulator.DefaultAPIKey, BaseURL: url + "/api", Region: "us"},
	}}}
	return s
}

// register makes the namespace with its search attributes and waits until it is known.
func (s *site) register(address string, attributes map[string]enumspb.IndexedValueType) {
	s.t.Helper()
	admin, err := sdkclient.Dial(sdkclient.Options{HostPort: address, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(s.t, err)
	defer admin.Close()
	_, err = admin.WorkflowService().RegisterNamespace(s.t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: s.namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
	require.NoError(s.t, err)
	if len(attributes) > 0 {
		require.Eventually(s.t, func() bool {
			_, err := admin.OperatorService().AddSearchAttributes(s.t.Context(), &operatorservice.AddSearchAttributesRequest{
				Namespace: s.namespace, SearchAttributes: attributes})
			return err == nil
		}, patience, 50*time.Millisecond)
	}
	require.Eventually(s.t, func() bool {
		listed, err := admin.OperatorService().ListSearchAttributes(s.t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: s.namespace})
		for name := range attributes {
			if _, there := listed.GetCustomAttributes()[name]; !there {
				return false
			}
		}
		_, counted := admin.WorkflowService().CountWorkflowExecutions(s.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Namespace: s.namespace})
		return err == nil && counted == nil
	}, patience, 50*time.Millisecond)
}

// serve serves until the returned function is called, which waits for the end.
func (s *site) serve(config Config) (stop func() error) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	serving, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- Serve(ctx, config, s.temporal, s.namespace, s.logger, func() { close(serving) }) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	s.t.Cleanup(func() { _ = stop() })
	select {
	case <-serving:
	case err := <-ended:
		require.NoError(s.t, err, "the worker does not serve")
	}
	return stop
}

// lockedUser makes a user whom failed sign-ins locked, and returns the ID.
func (s *site) lockedUser(name string) string {
	s.t.Helper()
	id := s.tenant.MustCreateUser(map[string]any{"username": name, "email": name + "@" + domain, "displayname": "Shown " + name})
	require.NoError(s.t, s.tenant.LockByFailures(id))
	return id
}

// domain is that of all addresses; no log may hold it.
const domain = "personal.example"

// unlock asks for an unlock and waits for its result.
func (s *site) unlock(in workflows.Input) *workflows.Result {
	s.t.Helper()
	run := s.start(in)
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	result, err := run.Result(ctx)
	require.NoError(s.t, err)
	return result
}

func (s *site) start(in workflows.Input) *client.Run {
	s.t.Helper()
	in.Connection = "jc"
	run, err := s.client.Start(s.t.Context(), in)
	require.NoError(s.t, err)
	return run
}

// pollers are those who ask for work at a queue.
func (s *site) pollers(queue string, kind enumspb.TaskQueueType) []*taskqueuepb.PollerInfo {
	s.t.Helper()
	described, err := s.temporal.DescribeTaskQueue(s.t.Context(), queue, kind)
	require.NoError(s.t, err)
	return described.GetPollers()
}

// hold makes the provider take this long to answer the next call of an operation, and tells
// when the call has come.
func (s *site) hold(operation string, wait time.Duration) (reached <-chan struct{}) {
	arrived := make(chan struct{})
	s.tenant.Faults.MustAdd(simulator.Fault{Operation: operation, Times: 1, Kind: simulator.KindChange, Hook: closing(arrived)})
	s.tenant.Faults.MustAdd(simulator.Fault{Operation: operation, Times: 1, Kind: simulator.KindLatency, Delay: simulator.Duration(wait)})
	return arrived
}

// logs collects the lines of a JSON log.
type logs struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (l *logs) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(line)
}

func (l *logs) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// reset forgets what was logged so far.
func (l *logs) reset() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.text.Reset()
}

// lines returns those with the message.
func (l *logs) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(l.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields), line)
		if fields["msg"] == message {
			found = append(found, fields)
		}
	}
	return found
}
