package unlockuser_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// scenario is one way that an unlock can go, on the embedded server with the real
// activities and a scripted provider. Each is tested, and recorded for the replay.
type scenario struct {
	account *connectors.Account
	// script arranges the provider; nil leaves it well-behaved.
	script func(s *stage)
	rules  guard.Rules
	// ungrouped plants no canary among the protected groups: those of the account are unknown.
	ungrouped bool
	// unserved starts no worker for the connection.
	unserved bool
	input    func(in *workflows.Input)
	// raw is the whole input, in place of a decent one.
	raw []any
	// meanwhile acts while the run is open.
	meanwhile func(t *testing.T, s *stage)
	// outcome or failure is how it ends: a failure is a type of client.Failure.
	outcome workflows.Outcome
	failure string
	refusal workflows.RefusalCode
	sent    connectors.Answer
	check   func(t *testing.T, s *stage, result *workflows.Result)
}

// stage is what a scenario plays on.
type stage struct {
	requester string
	*latchkeytest.Connector
	Temporal *latchkeytest.Temporal
	// name is the connection's.
	name    string
	run     temporalclient.WorkflowRun
	stop    func()
	failure *client.Failure
	// reached is closed by the script where the test is to go on.
	reached chan struct{}
	// released is closed when the scenario ends: hanging calls end with it.
	released chan struct{}
	release  func()
}

// hang keeps a call from ending, whatever its context says.
func (s *stage) hang() { <-s.released }

// hangThen is a call that is reached, hangs, and ends so.
func (s *stage) hangThen(err error) func(context.Context, int) error {
	return func(context.Context, int) error {
		close(s.reached)
		s.hang()
		return err
	}
}

// details are what the Temporal UI shows of the run now.
func (s *stage) details(t *testing.T) string {
	t.Helper()
	return latchkeytest.Metadata(t, s.Temporal.Client, s.run.GetID(), s.run.GetRunID()).GetCurrentDetails()
}

// play runs the scenario to its end.
func (c scenario) play(t *testing.T) *stage {
	t.Helper()
	temporal := latchkeytest.Server(t)
	account := c.account
	if account == nil {
		account = latchkeytest.Account(latchkeytest.FailedSignIns(time.Now()))
	}
	s := &stage{Connector: latchkeytest.NewConnector(account), Temporal: temporal, reached: make(chan struct{}), released: make(chan struct{})}
	if c.script != nil {
		c.script(s)
	}
	name := latchkeytest.ConnectionName()
	s.name = name
	s.release = sync.OnceFunc(func() { close(s.released) })
	t.Cleanup(s.release)
	ctx, cancel := context.WithTimeout(t.Context(), latchkeytest.Patience)
	defer cancel()
	in := workflows.Input{Connection: name, UserID: latchkeytest.UserID, RequestedBy: "soar", RequestReason: "INC-4711"}
	if c.input != nil {
		c.input(&in)
	}
	s.requester = in.RequestedBy
	if !c.unserved {
		waits := len(c.rules.ApprovalFor) > 0 || in.Approval.Required
		rules := latchkeytest.Planted(c.rules, waits)
		if c.ungrouped {
			rules.ProtectedGroups = c.rules.ProtectedGroups
		}
		s.stop = temporal.Serve(t, latchkeytest.Connection{Name: name, Connector: s, Rules: rules})
	}
	arguments := c.raw
	if arguments == nil {
		arguments = []any{in}
	}
	var err error
	s.run, err = temporal.Client.ExecuteWorkflow(ctx, temporalclient.StartWorkflowOptions{
		ID: "test/" + name, TaskQueue: workflows.TaskQueue,
	}, workflows.UnlockUserName, arguments...)
	require.NoError(t, err)
	if c.meanwhile != nil {
		c.meanwhile(t, s)
	}
	result, err := (&client.Client{Temporal: temporal.Client}).Attach(s.run.GetID(), s.run.GetRunID()).Result(ctx)
	c.judge(t, s, result, err)
	latchkeytest.RequireClear(t, s.run.GetID(), s.run.GetRunID())
	latchkeytest.RequireNoRules(t, events(t, s))
	if c.failure == workflows.TypeInvalidInput {
		require.Contains(t, s.details(t), "**InvalidInput**: "+s.failure.Message)
		name = "" // It may be anything.
	}
	latchkeytest.RequireFindable(t, s.run.GetID(), s.run.GetRunID(), name, c.found(s.failure))
	s.requireCounted(t, c.sent)
	return s
}

// found is the word by which a search finds the run.
func (c scenario) found(failed *client.Failure) string {
	switch {
	case c.failure == "":
		return string(c.outcome)
	case c.failure != workflows.TypeCancelled:
		return c.failure
	case failed.Result.Outcome != "":
		return string(failed.Result.Outcome)
	case strings.Contains(failed.Result.Explanation, "as the test ordered"):
		return string(connectors.RejectedByProvider) // Why it failed is known beside.
	default:
		return "cancelled"
	}
}

// judge compares the end with the expected one.
func (c scenario) judge(t *testing.T, s *stage, result *workflows.Result, err error) {
	t.Helper()
	if c.failure != "" {
		require.ErrorAs(t, err, &s.failure, "want %s, got %+v", c.failure, result)
		require.Equal(t, c.failure, s.failure.Type, s.failure.Message)
		for _, personal := range latchkeytest.Personal() {
			require.NotContains(t, s.failure.Message, personal, "failures are stored in the clear")
		}
		result = s.failure.Result
	} else {
		require.NoError(t, err)
		require.Equal(t, c.outcome, result.Outcome, result.Explanation)
	}
	if c.failure == workflows.TypeInvalidInput {
		require.Nil(t, result)
		return
	}
	require.NotNil(t, result)
	require.NotEmpty(t, result.Explanation)
	require.NotZero(t, result.FinishedAt)
	require.Equal(t, s.requester, result.RequestedBy)
	require.Equal(t, "INC-4711", result.RequestReason)
	if c.refusal != "" {
		require.NotNil(t, result.Refusal)
		require.Equal(t, c.refusal, result.Refusal.Code)
	} else {
		require.Nil(t, result.Refusal)
	}
	want := c.sent
	if want == "" {
		want = connectors.No
	}
	require.Equal(t, want, result.UnlockSent, result.Explanation)
	if c.check != nil {
		c.check(t, s, result)
	}
}

// TestScenarios plays every scenario.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, group := range scenarios() {
		for name, c := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c.play(t)
			})
		}
	}
}

// scenarios groups them by what they are about.
func scenarios() []map[string]scenario {
	return []map[string]scenario{outcomes(), relocks(), failures(), lookupFailures(), cancellations(), timesRunOut(), joins(), approvals(), protections()}
}

// within bounds the scenario's steps.
func within(timeout time.Duration) func(*workflows.Input) {
	return func(in *workflows.Input) { in.Timeout = workflows.Duration(timeout) }
}

// requireCounted: what was, or may have been, sent is told, however the run ended or goes on.
func (s *stage) requireCounted(t *testing.T, sent connectors.Answer) {
	t.Helper()
	described, err := s.Temporal.Client.DescribeWorkflow(t.Context(), s.run.GetID(), s.run.GetRunID())
	require.NoError(t, err)
	told, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeUnlockSent)
	if sent == connectors.No {
		sent = ""
	}
	require.Equal(t, string(sent), told)
}
