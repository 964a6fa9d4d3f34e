// Package endtoend runs the real binary against a real Temporal server and the simulated
// tenants, and kills it.
package endtoend

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/latchkey-iam/latchkey/client"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/internal/testserver"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// binary is the latchkey command, built once; temporal is the one server of all tests, and
// serving the worker that runs the workflows of its default namespace.
var (
	binary   string
	temporal *testserver.Server
	serving  *process
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "latchkey-endtoend")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	binary = filepath.Join(folder, "latchkey")
	build := exec.Command("go", "build", "-o", binary, "./cmd/latchkey")
	build.Dir = filepath.Join("..", "..", "..") // The command is of another module than this.
	if output, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build latchkey: %v\n%s", err, output))
	}
	temporal, err = testserver.Start(context.Background(), testserver.Options{SearchAttributes: workflows.SearchAttributeTypes()})
	if err != nil {
		panic(err)
	}
	defer func() { _ = temporal.Stop() }()
	serving, err = serveWorkflows(folder)
	if err != nil {
		panic(err)
	}
	defer serving.kill()
	return m.Run()
}

// serveWorkflows starts the worker that runs the workflows of the default namespace. No
// test kills it, so that each loses only the connection that it means to lose.
func serveWorkflows(home string) (*process, error) {
	serving, err := start(binary, "HOME="+home, "TEMPORAL_ADDRESS="+temporal.Address(), "LATCHKEY_HEALTH_ADDRESS=off")
	if err != nil {
		return nil, err
	}
	for !serving.serves() {
		select {
		case <-serving.ended:
			return nil, fmt.Errorf("the worker for workflows ended: %s", serving.stderr)
		case <-time.After(pause):
		}
	}
	return serving, nil
}

const (
	// pause is how long to wait before asking again.
	pause = 20 * time.Millisecond
	// patience bounds the wait for what a test expects, on a machine that is busy.
	patience = latchkeytest.Patience
)

// house is a simulated tenant under a connection of its own, and a client.
type house struct {
	t *testing.T
	// address is where Temporal answers.
	address    string
	namespace  string
	connection string
	// alone says that the house's worker serves the workflows too, in a namespace of its
	// own, so that nobody else can.
	alone    bool
	provider provider
	// tenant is the provider's where that is JumpCloud.
	tenant   *jumpcloudsimulator.Simulator
	url      string
	temporal sdkclient.Client
	client   *client.Client
}

// newHouse names the connection after the test, so that tests can run side by side.
func newHouse(t *testing.T, alone bool) *house {
	t.Helper()
	return newHouseOf(t, alone, jumpcloud(jumpcloudsimulator.DefaultAPIKey))
}

// newHouseOf is newHouse with any provider.
func newHouseOf(t *testing.T, alone bool, with provider) *house {
	t.Helper()
	h := newHouseAt(t, temporal.Address(), with)
	if h.alone = alone; alone {
		h.namespace = h.connection
		h.registerNamespace()
	}
	h.temporal = h.dial(h.namespace)
	h.client = &client.Client{Temporal: h.temporal}
	return h
}

// newHouseAt makes a house at a Temporal server that may not be up yet.
func newHouseAt(t *testing.T, address string, with provider) *house {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	name = strings.Trim(name[max(0, len(name)-60):], "-")
	h := &house{t: t, address: address, connection: name, namespace: sdkclient.DefaultNamespace, provider: with}
	h.tenant, _ = with.tenant.(*jumpcloudsimulator.Simulator)
	url, stop, err := with.Start("")
	require.NoError(t, err)
	t.Cleanup(stop)
	h.url = url
	return h
}

func (h *house) dial(namespace string) sdkclient.Client {
	h.t.Helper()
	dialled, err := temporalclient.Dial(h.t.Context(), temporalclient.At(h.address, namespace),
		sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	require.NoError(h.t, err)
	h.t.Cleanup(dialled.Close)
	return dialled
}

// registerNamespace makes the house's namespace and waits until it is known.
func (h *house) registerNamespace() {
	h.t.Helper()
	service := h.dial(sdkclient.DefaultNamespace).WorkflowService()
	_, err := service.RegisterNamespace(h.t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: h.namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
	require.NoError(h.t, err)
	require.Eventually(h.t, func() bool {
		_, err := service.CountWorkflowExecutions(h.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Namespace: h.namespace})
		return err == nil
	}, patience, pause)
}

// process is a worker of its own.
type process struct {
	command *exec.Cmd
	// stdout may be read once the process has ended.
	stdout bytes.Buffer
	stderr *lockedBuffer
	ended  chan struct{}
}

// start starts the real binary as a worker, with no environment but this.
func start(command string, environment ...string) (*process, error) {
	started := &process{command: exec.Command(command, "worker"), stderr: &lockedBuffer{}, ended: make(chan struct{})}
	started.command.Env = environment
	started.command.Stderr = started.stderr
	started.command.Stdout = &started.stdout
	if err := started.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = started.command.Wait()
		close(started.ended)
	}()
	return started, nil
}

// startWorker starts a worker for the house's connection and waits until it serves.
func (h *house) startWorker() *process {
	h.t.Helper()
	return h.startWorkerOf(binary)
}

// startWorkerOf is startWorker with another binary.
func (h *house) startWorkerOf(command string, more ...string) *process {
	h.t.Helper()
	prefix := "LATCHKEY_CONNECTION_" + strings.ToUpper(strings.ReplaceAll(h.connection, "-", "_")) + "_"
	environment := []string{
		"HOME=" + h.t.TempDir(),
		"TEMPORAL_ADDRESS=" + h.address,
		"TEMPORAL_NAMESPACE=" + h.namespace,
		"LATCHKEY_WORKFLOWS=" + strconv.FormatBool(h.alone),
		"LATCHKEY_HEALTH_ADDRESS=off",
		"LATCHKEY_LOG_LEVEL=debug",
		"LATCHKEY_CONNECTIONS=" + h.connection + ":" + h.provider.name,
	}
	for _, setting := range h.provider.settings(h.url) {
		environment = append(environment, prefix+setting)
	}
	started, err := start(command, append(environment, more...)...)
	require.NoError(h.t, err)
	h.t.Cleanup(started.kill)
	require.Eventually(h.t, started.serves, patience, pause, "the worker does not serve: %s", started.stderr)
	return started
}

// serves reports whether the worker has said that it serves.
func (p *process) serves() bool { return p.said("serving") }

// said reports whether the worker logged the message.
func (p *process) said(message string) bool {
	return strings.Contains(p.stderr.String(), `"msg":"`+message+`"`)
}

// kill ends the process without warning.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// lockedBuffer collects what a process writes while a test reads it.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}
