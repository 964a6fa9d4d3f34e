package devserver

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const (
	freePort       = "127.0.0.1:0"
	workflowQueue  = "workflows"
	activityQueue  = "activities"
	attributeName  = "LatchkeyConnection"
	goOnSignal     = "go-on"
	nameUpdate     = "name"
	patience       = 2 * time.Minute // an upper bound for what hangs
	pollInterval   = 10 * time.Millisecond
	greetWorkflow  = "Greet"
	waitWorkflow   = "Wait"
	updateWorkflow = "Updated"
	greetActivity  = "Greeting"
)

// activityTimeout lets Temporal recover a task that it has noted as started and
// lost on the way to the worker, as it does when that note takes longer than a
// second to write (https://github.com/temporalio/temporal/issues/11733): the
// race detector on a busy machine is slow enough for that.
const activityTimeout = 5 * time.Second

// keyword are search attributes for the tests.
func keyword(names ...string) map[string]enumspb.IndexedValueType {
	attributes := map[string]enumspb.IndexedValueType{}
	for _, name := range names {
		attributes[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	return attributes
}

// start boots a server on free ports that stops with the test.
func start(t testing.TB, options Options) *Server {
	t.Helper()
	if options.Address == "" {
		options.Address = freePort
	}
	server, err := Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

func dial(t testing.TB, server *Server) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: server.Address(), Logger: silent{}})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// serve runs workers for the test workflows and, on a queue of their own, for
// their activities. It returns what stops them.
func serve(t testing.TB, c client.Client) (stop func()) {
	t.Helper()
	workflows := worker.New(c, workflowQueue, worker.Options{})
	workflows.RegisterWorkflowWithOptions(greet, workflow.RegisterOptions{Name: greetWorkflow})
	workflows.RegisterWorkflowWithOptions(wait, workflow.RegisterOptions{Name: waitWorkflow})
	workflows.RegisterWorkflowWithOptions(updated, workflow.RegisterOptions{Name: updateWorkflow})
	activities := worker.New(c, activityQueue, worker.Options{})
	activities.RegisterActivityWithOptions(greeting, activity.RegisterOptions{Name: greetActivity})
	require.NoError(t, workflows.Start())
	require.NoError(t, activities.Start())
	return func() { workflows.Stop(); activities.Stop() }
}

// greet is a workflow of one activity on another queue.
func greet(ctx workflow.Context, name string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           activityQueue,
		StartToCloseTimeout: activityTimeout,
	})
	var result string
	err := workflow.ExecuteActivity(ctx, greetActivity, name).Get(ctx, &result)
	return result, err
}

func greeting(_ context.Context, name string) (string, error) { return "hello " + name, nil }

// wait is a workflow that stays open until it is told to go on.
func wait(ctx workflow.Context) (string, error) {
	var word string
	workflow.GetSignalChannel(ctx, goOnSignal).Receive(ctx, &word)
	return word, nil
}

// updated is a workflow that ends with the first update.
func updated(ctx workflow.Context) (string, error) {
	var name string
	err := workflow.SetUpdateHandler(ctx, nameUpdate, func(_ workflow.Context, to string) (string, error) {
		name = to
		return "named " + to, nil
	})
	if err != nil {
		return "", err
	}
	err = workflow.Await(ctx, func() bool { return name != "" && workflow.AllHandlersFinished(ctx) })
	return name, err
}

func startOptions(id string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: id, TaskQueue: workflowQueue}
}

// runGreet starts a workflow and returns its result.
func runGreet(t testing.TB, c client.Client, id string) string {
	t.Helper()
	result, err := tryGreet(t.Context(), c, id)
	require.NoError(t, err)
	return result
}

// tryGreet is runGreet for other goroutines than the test's.
func tryGreet(ctx context.Context, c client.Client, id string) (result string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	run, err := c.ExecuteWorkflow(ctx, startOptions(id), greetWorkflow, id)
	if err != nil {
		return "", err
	}
	err = run.Get(ctx, &result)
	return result, err
}

// silent is a log of the SDK that nobody reads.
type silent struct{}

var _ sdklog.Logger = silent{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
