package worker

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/latchkey-iam/latchkey/activities"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// closing returns a hook that tells that it was called.
func closing(channel chan struct{}) func(*http.Request) {
	return func(*http.Request) { close(channel) }
}

// TestServes: a worker asks for the work that it was told to do, and for none other.
func TestServes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ workflows, connection bool }{
		"workflows only": {workflows: true}, "a connection only": {connection: true}, "both": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			config := s.config
			config.Workflows = test.workflows
			if !test.connection {
				config.Connections = nil
			}
			stop := s.serve(config)
			queue := activities.Queue("jc")
			require.Eventually(t, func() bool {
				return (len(s.pollers(workflows.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)) > 0) == test.workflows &&
					(len(s.pollers(queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)) > 0) == test.connection
			}, patience, 20*time.Millisecond)
			require.Empty(t, s.pollers(workflows.TaskQueue, enumspb.TASK_QUEUE_TYPE_ACTIVITY))
			require.Empty(t, s.pollers(queue, enumspb.TASK_QUEUE_TYPE_WORKFLOW))
			require.NoError(t, stop())
			require.Len(t, s.logs.lines(t, "serving"), 1)
			require.Len(t, s.logs.lines(t, "draining"), 1)
		})
	}
}

// TestServesTogether: a worker without secrets and one beside the provider do one unlock.
func TestServesTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t, keywords())
	id := s.lockedUser("ada")
	s.serve(Config{Workflows: true, DrainTimeout: DefaultDrainTimeout})
	beside := s.config
	beside.Workflows = false
	s.serve(beside)
	require.Equal(t, workflows.Unlocked, s.unlock(workflows.Input{UserID: id}).Outcome)
}

// TestRateLimit: the server is told the rate of activities, which is that of requests
// divided by the fewest requests that an activity makes.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	config := s.config
	config.Connections[0].RateLimit = 8
	calls := float64(config.Connections[0].Config.Capabilities().Requests)
	s.serve(config)
	require.Eventually(t, func() bool {
		pollers := s.pollers(activities.Queue("jc"), enumspb.TASK_QUEUE_TYPE_ACTIVITY)
		return len(pollers) > 0 && pollers[0].GetRatePerSecond() == 8/calls
	}, patience, 20*time.Millisecond)
}

// TestDrains: what is under way when the worker is told to stop ends before the worker does,
// and counts; probes are told meanwhile.
func TestDrains(t *testing.T) {
	t.Parallel()
	s := newSite(t, keywords())
	id := s.lockedUser("ada")
	config := s.config
	config.HealthAddress = freeAddress(t)
	stop := s.serve(config)
	status, _ := probe(t, config.HealthAddress, "/readyz")
	require.Equal(t, http.StatusOK, status)

	const slow = 6 * time.Second
	reached := s.hold(jumpcloudsimulator.OpLookup, slow)
	began := time.Now() // Before the look-up is held, so that the hold cannot seem short.
	run := s.start(workflows.Input{UserID: id})
	<-reached
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	require.Eventually(t, func() bool {
		status, body := probe(t, config.HealthAddress, "/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "draining")
	}, slow, 10*time.Millisecond)
	require.NoError(t, <-ended)
	require.GreaterOrEqual(t, time.Since(began), slow-100*time.Millisecond)
	require.Less(t, time.Since(began), config.DrainTimeout)

	history := s.temporal.GetWorkflowHistory(t.Context(), run.WorkflowID, run.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	completed := 0
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED {
			completed++
		}
	}
	require.Equal(t, 1, completed, "the look-up's result arrived before the worker ended")

	s.serve(s.config)
	result, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Equal(t, 1, s.tenant.Calls.Count(jumpcloudsimulator.OpUnlock), "nothing was made twice")
}

// TestSearchAttributes: those that the namespace lacks are named, with the
// namespace; everything else works.
func TestSearchAttributes(t *testing.T) {
	t.Parallel()
	mixed := keywords()
	delete(mixed, workflows.AttributeAwaiting.GetName())
	mixed[workflows.AttributeUserID.GetName()] = enumspb.INDEXED_VALUE_TYPE_INT
	for name, test := range map[string]struct {
		there   map[string]enumspb.IndexedValueType
		missing []any
	}{
		"all are there": {there: keywords()},
		"none is there": {missing: []any{"LatchkeyConnection", "LatchkeyProvider", "LatchkeyOutcome", "LatchkeyUserId", "LatchkeyAwaiting", "LatchkeyUnlockSent"}},
		"one is missing and one is of another type": {there: mixed, missing: []any{"LatchkeyUserId", "LatchkeyAwaiting"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.there)
			s.serve(s.config)
			warned := s.logs.lines(t, "the namespace lacks search attributes of type Keyword; runs cannot be found by them")
			if test.missing == nil {
				require.Empty(t, warned)
			} else {
				require.Len(t, warned, 1)
				require.Equal(t, test.missing, warned[0]["missing"])
				require.Equal(t, s.namespace, warned[0]["namespace"])
			}
			require.Equal(t, workflows.Unlocked, s.unlock(workflows.Input{UserID: s.lockedUser("ada")}).Outcome)
			run := s.start(workflows.Input{UserID: s.lockedUser("grace"), RequestedBy: "soar", Approval: workflows.Approval{Required: true}})
			require.Eventually(t, func() bool {
				status, err := run.Status(t.Context())
				return err == nil && status.Step == workflows.StepApproval
			}, patience, 20*time.Millisecond)
			require.NoError(t, run.Approve(t.Context(), workflows.Answer{By: "boss"}))
			result, err := run.Result(t.Context())
			require.NoError(t, err)
			require.Equal(t, workflows.Unlocked, result.Outcome)
		})
	}
}

// TestServeFaults: a worker that cannot serve says why, and leaves nothing running.
func TestServeFaults(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	never := func() { t.Error("it must not serve") }

	config := s.config
	config.HealthAddress = taken.Addr().String()
	require.ErrorContains(t, Serve(t.Context(), config, s.temporal, s.namespace, s.logger, never), "LATCHKEY_HEALTH_ADDRESS")

	config = s.config
	config.Connections = []Connection{config.Connections[0], config.Connections[0]}
	config.Connections[0].Config, config.Connections[1].Config = config.Connections[0].Provider.NewConfig(), config.Connections[0].Provider.NewConfig()
	err = Serve(t.Context(), config, s.temporal, s.namespace, s.logger, never)
	require.Equal(t, 2, strings.Count(err.Error(), "connection jc: "), "both faults: %s", err)
	require.Empty(t, s.pollers(activities.Queue("jc"), enumspb.TASK_QUEUE_TYPE_ACTIVITY))
}
