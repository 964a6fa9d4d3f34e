package worker

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/latchkey-iam/latchkey/client"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// bounded is a site whose connection has a ceiling.
func bounded(t *testing.T, limit int) *site {
	t.Helper()
	s := newSite(t, keywords())
	s.config.Connections[0].Rules.MaxUnlocksPerHour = limit
	return s
}

// burst asks for the unlock of this many users at once, and returns how many were unlocked at
// the provider. The others were refused, with the ceiling as the reason.
func (s *site) burst(prefix string, users int, in workflows.Input) int {
	s.t.Helper()
	before := s.tenant.Calls.Count(jumpcloudsimulator.OpUnlock)
	var runs []*client.Run
	for i := range users {
		in.UserID = s.lockedUser(fmt.Sprintf("%s%d", prefix, i))
		runs = append(runs, s.start(in))
	}
	sent := func() int { return s.tenant.Calls.Count(jumpcloudsimulator.OpUnlock) - before }
	if in.WatchFor > 0 { // What was sent is watched, and the rest is over.
		require.Eventually(s.t, func() bool { return s.over(runs)+sent() == users }, patience, 50*time.Millisecond)
		return sent()
	}
	for _, run := range runs {
		result, err := run.Result(s.t.Context())
		require.NoError(s.t, err)
		if result.Outcome != workflows.Unlocked {
			require.Equal(s.t, workflows.Refused, result.Outcome)
			require.Equal(s.t, workflows.RefusalCode("unlock_ceiling"), result.Refusal.Code)
		}
	}
	return sent()
}

// over counts the runs that have ended.
func (s *site) over(runs []*client.Run) int {
	s.t.Helper()
	count := 0
	for _, run := range runs {
		described, err := s.temporal.DescribeWorkflowExecution(s.t.Context(), run.WorkflowID, run.RunID)
		require.NoError(s.t, err)
		if described.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			count++
		}
	}
	return count
}

// TestCeilingOverWorkers: three workers together unlock no more than the ceiling, also when
// they are started anew and while what was sent is still watched.
func TestCeilingOverWorkers(t *testing.T) {
	t.Parallel()
	const limit, users = 5, 12
	s := bounded(t, limit)
	serve := func() (stop func()) {
		var stops []func() error
		for range 3 {
			stops = append(stops, s.serve(s.config))
		}
		return func() {
			var all sync.WaitGroup
			for _, each := range stops {
				all.Go(func() { _ = each() })
			}
			all.Wait()
		}
	}
	stop := serve()
	require.Equal(t, limit, s.burst("first", users, workflows.Input{WatchFor: workflows.Duration(time.Hour)}))
	stop()
	stop = serve()
	require.Zero(t, s.burst("second", users, workflows.Input{}), "what an earlier process sent counts")
	stop()
	s.config.Connections[0].Rules.MaxUnlocksPerHour = limit + 2
	serve()
	require.Equal(t, 2, s.burst("third", users, workflows.Input{}), "a higher ceiling leaves room for the difference")
}

// TestCeilingCountsWhatWasSent: however the run ends.
func TestCeilingCountsWhatWasSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		// fault keeps the first unlock from ending well.
		fault simulator.Fault
		end   func(s *site, run *client.Run) error
		ends  string
	}{
		"cancelled": {
			fault: simulator.Fault{Kind: simulator.KindLatency, Delay: simulator.Duration(3 * time.Second)},
			end: func(s *site, run *client.Run) error {
				return s.temporal.CancelWorkflow(s.t.Context(), run.WorkflowID, run.RunID)
			},
			ends: workflows.TypeCancelled,
		},
		"terminated": {
			fault: simulator.Fault{Kind: simulator.KindLatency, Delay: simulator.Duration(3 * time.Second)},
			end: func(s *site, run *client.Run) error {
				return s.temporal.TerminateWorkflow(s.t.Context(), run.WorkflowID, run.RunID, "as the test ordered")
			},
			ends: workflows.TypeTerminated,
		},
		"rejected": {fault: simulator.Fault{Kind: simulator.KindStatus, Status: 400}, ends: "RejectedByProvider"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := bounded(t, 1)
			s.serve(s.config)
			arrived := make(chan struct{})
			s.tenant.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpUnlock, Times: 1, Kind: simulator.KindChange, Hook: closing(arrived)})
			test.fault.Operation, test.fault.Times = jumpcloudsimulator.OpUnlock, 1
			s.tenant.Faults.MustAdd(test.fault)
			run := s.start(workflows.Input{UserID: s.lockedUser("one")})
			<-arrived
			if test.end != nil {
				require.NoError(t, test.end(s, run))
			}
			_, err := run.Result(t.Context())
			var failure *client.Failure
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.ends, failure.Type)
			require.Zero(t, s.burst("other", 1, workflows.Input{}))
		})
	}
}

// TestCeilingRetries: a further attempt of a run takes no further place.
func TestCeilingRetries(t *testing.T) {
	t.Parallel()
	s := bounded(t, 2)
	s.serve(s.config)
	s.tenant.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpUnlock, Times: 2, Kind: simulator.KindStatus, Status: 503})
	result := s.unlock(workflows.Input{UserID: s.lockedUser("one")})
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Equal(t, 3, result.Attempts.Unlock)
	require.Equal(t, 1, s.burst("other", 3, workflows.Input{}))
}

// TestCeilingBeginsAnew: a ceiling that an operator terminates forgets what it counted.
func TestCeilingBeginsAnew(t *testing.T) {
	t.Parallel()
	s := bounded(t, 1)
	s.serve(s.config)
	require.Equal(t, 1, s.burst("first", 2, workflows.Input{}))
	require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), workflows.CeilingID("jc"), "", "as the documents say"))
	require.Equal(t, 1, s.burst("second", 2, workflows.Input{}))
}

// TestCeilingIsAskedOnlyWhereThereIsOne: elsewhere nothing is started.
func TestCeilingIsAskedOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	s := bounded(t, 0)
	s.serve(s.config)
	require.Equal(t, 3, s.burst("first", 3, workflows.Input{}))
	_, err := s.temporal.DescribeWorkflowExecution(t.Context(), workflows.CeilingID("jc"), "")
	require.ErrorContains(t, err, "not found")
}

// TestCeilingInACrowd: many at once are asked for together, and exactly as many are admitted
// as there are places.
func TestCeilingInACrowd(t *testing.T) {
	t.Parallel()
	const limit, crowd = 70, 250
	s := bounded(t, limit)
	s.serve(s.config)
	workers := []*ceiling{}
	for range 3 {
		workers = append(workers, &ceiling{temporal: s.temporal, connection: "jc", limit: limit, logger: s.logger})
	}
	var mutex sync.Mutex
	var all sync.WaitGroup
	count, failures := 0, []error{}
	for i := range crowd {
		all.Go(func() {
			admitted, err := workers[i%len(workers)].Admit(t.Context(), fmt.Sprint(i))
			mutex.Lock()
			defer mutex.Unlock()
			if err != nil {
				failures = append(failures, err)
			}
			if admitted {
				count++
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(failures...))
	require.Equal(t, limit, count)
	described, err := s.temporal.DescribeWorkflowExecution(t.Context(), workflows.CeilingID("jc"), "")
	require.NoError(t, err)
	require.Less(t, described.GetWorkflowExecutionInfo().GetHistoryLength(), int64(crowd), "they asked together")
}

// TestCeilingWithoutAWorker: nothing is sent while nobody counts, and it is once somebody does.
func TestCeilingWithoutAWorker(t *testing.T) {
	t.Parallel()
	s := bounded(t, 1)
	id := s.lockedUser("one")
	beside := s.config
	beside.Workflows = false
	s.serve(beside)
	stop := s.serve(Config{Workflows: true, DrainTimeout: DefaultDrainTimeout})
	reached := s.hold(jumpcloudsimulator.OpLookup, time.Second)
	run := s.start(workflows.Input{UserID: id})
	<-reached
	require.NoError(t, stop())
	require.True(t, s.tenant.Locked(id))
	s.serve(Config{Workflows: true, DrainTimeout: DefaultDrainTimeout})
	result, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
}
