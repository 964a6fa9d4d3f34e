package readonly_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// checkup is one way that the check of a connection can go. Each is tested, and recorded
// for the replay.
type checkup struct {
	// unlock answers the question whether the credential may unlock.
	unlock func(s *stage) error
	// input is the whole input, in place of a decent one.
	input    any
	unserved bool
	failure  string
	// granted is whether the right to unlock is.
	granted connectors.Answer
	// cancelled says that somebody cancels it as soon as the provider is asked.
	cancelled bool
}

// stage is what a checkup plays on.
type stage struct {
	*latchkeytest.Connector
	Temporal *latchkeytest.Temporal
	run      temporalclient.WorkflowRun
	failure  *client.Failure
	// reached is closed where the test is to go on, released when it ends.
	reached  chan struct{}
	released chan struct{}
}

// hang keeps a call from ending, whatever its context says.
func (s *stage) hang() { <-s.released }

// details are what the Temporal UI shows of the run now.
func (s *stage) details(t *testing.T) string {
	t.Helper()
	return latchkeytest.Metadata(t, s.Temporal.Client, s.run.GetID(), s.run.GetRunID()).GetCurrentDetails()
}

// events reads the history of the run.
func events(t *testing.T, s *stage) *historypb.History {
	t.Helper()
	return latchkeytest.History(t, s.Temporal.Client, s.run.GetID(), s.run.GetRunID())
}

// checkups are the ends of CheckConnection.
func checkups() map[string]checkup {
	fails := func(kind connectors.Kind) func(*stage) error {
		return func(*stage) error { return latchkeytest.Fail(kind) }
	}
	return map[string]checkup{
		"check finds all rights":        {granted: connectors.Yes},
		"check finds a right missing":   {unlock: fails(connectors.PermissionDenied), granted: connectors.No},
		"check finds the provider down": {unlock: fails(connectors.Unavailable), granted: connectors.Unknown},
		"check of a wrong name":         {input: workflows.CheckInput{Connection: "JC Prod"}, failure: workflows.TypeInvalidInput},
		"check of nothing":              {input: workflows.CheckInput{}, failure: workflows.TypeInvalidInput},
		"check without a worker":        {unserved: true, failure: workflows.TypeNoWorker},
		"check that panics":             {unlock: func(*stage) error { panic("broken for " + latchkeytest.Email) }, failure: workflows.TypeInternal},
		"check that is cancelled":       {cancelled: true, failure: workflows.TypeCancelled},
		"check outlives its time":       {unlock: func(s *stage) error { s.hang(); return nil }, failure: string(connectors.Unavailable)},
	}
}

// play runs the check to its end.
func (c checkup) play(t *testing.T) *stage {
	t.Helper()
	temporal := latchkeytest.Server(t)
	s := &stage{Connector: latchkeytest.NewConnector(latchkeytest.Account(latchkeytest.PasswordLock())), Temporal: temporal,
		reached: make(chan struct{}), released: make(chan struct{})}
	s.OnUnlock = func(context.Context, int) error {
		switch {
		case c.cancelled:
			close(s.reached)
			s.hang()
			return nil
		case c.unlock == nil:
			return nil
		default:
			return c.unlock(s)
		}
	}
	name := latchkeytest.ConnectionName()
	if !c.unserved {
		temporal.Serve(t, latchkeytest.Connection{Name: name, Connector: s, Rules: latchkeytest.Planted(guard.Rules{}, false)})
	}
	t.Cleanup(func() { close(s.released) })
	ctx, cancel := context.WithTimeout(t.Context(), latchkeytest.Patience)
	defer cancel()
	in := c.input
	if in == nil {
		in = workflows.CheckInput{Connection: name}
	}
	var err error
	s.run, err = temporal.Client.ExecuteWorkflow(ctx, temporalclient.StartWorkflowOptions{ID: "test/check/" + name, TaskQueue: workflows.TaskQueue},
		workflows.CheckConnectionName, in)
	require.NoError(t, err)
	if c.cancelled {
		<-s.reached
		require.NoError(t, temporal.Client.CancelWorkflow(ctx, s.run.GetID(), s.run.GetRunID()))
	}
	c.judge(t, s, name)
	latchkeytest.RequireNoRules(t, events(t, s))
	return s
}

// judge compares the end with the expected one.
func (c checkup) judge(t *testing.T, s *stage, name string) {
	t.Helper()
	var result activities.CheckResult
	run := (&client.Client{Temporal: s.Temporal.Client}).Attach(s.run.GetID(), s.run.GetRunID())
	if c.failure != "" {
		_, err := run.Result(t.Context())
		require.ErrorAs(t, err, &s.failure)
		require.Equal(t, c.failure, s.failure.Type, s.failure.Message)
		require.Nil(t, s.failure.Result)
		described, err := s.Temporal.Client.DescribeWorkflow(t.Context(), s.run.GetID(), s.run.GetRunID())
		require.NoError(t, err)
		outcome, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeOutcome)
		require.Equal(t, strings.Replace(c.failure, workflows.TypeCancelled, "cancelled", 1), outcome)
		require.Contains(t, s.details(t), "**"+outcome+"**: ")
		for _, personal := range latchkeytest.Personal() {
			require.NotContains(t, events(t, s).String(), personal, "histories are stored in the clear")
		}
		return
	}
	require.NoError(t, s.run.Get(t.Context(), &result))
	require.Equal(t, name, result.Connection)
	require.Equal(t, []connectors.Answer{connectors.Yes, connectors.Yes, c.granted},
		[]connectors.Answer{result.Rights[0].Granted, result.Rights[1].Granted, result.Rights[2].Granted})
	require.True(t, s.Account().State.Locked(), "a check changes nothing")
}

// TestCheckups plays every check.
func TestCheckups(t *testing.T) {
	t.Parallel()
	for name, c := range checkups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.play(t)
		})
	}
}
