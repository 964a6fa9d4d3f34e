package unlockuser_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// told is what a playbook heard of its child.
type told struct {
	Result *workflows.Result
	// Failure is the type of an UnlockFailure, Cancelled whether Temporal's own error shows
	// through it.
	Failure, WorkflowID string
	Cancelled           bool
}

// playbook is a workflow of somebody else's that unlocks a user.
func playbook(ctx workflow.Context, in workflows.Input) (*told, error) {
	result, err := workflows.Unlock(ctx, in)
	var failed *workflows.UnlockFailure
	if errors.As(err, &failed) {
		return &told{Failure: failed.Type, WorkflowID: failed.WorkflowID, Result: failed.Result, Cancelled: temporal.IsCanceledError(err)}, nil
	}
	return &told{Result: result}, err
}

// staged is a playbook that runs over a scripted provider.
type staged struct {
	*latchkeytest.Connector
	name     string
	temporal *latchkeytest.Temporal
	run      temporalclient.WorkflowRun
}

// child is the run of the user's unlock.
func (s *staged) child() *stage {
	return &stage{Connector: s.Connector, Temporal: s.temporal,
		run: s.temporal.Client.GetWorkflow(context.Background(), workflows.UnlockID(s.name, latchkeytest.UserID), "")}
}

// start starts a playbook under a worker of its own.
func (s *staged) start(t *testing.T, in func(*workflows.Input)) {
	t.Helper()
	queue := "playbooks-" + s.name
	serving := worker.New(s.temporal.Client, queue, worker.Options{Identity: latchkeytest.Identity, LocalActivityWorkerOnly: true})
	serving.RegisterWorkflow(playbook)
	require.NoError(t, serving.Start())
	t.Cleanup(serving.Stop)
	request := workflows.Input{Connection: s.name, UserID: latchkeytest.UserID, RequestedBy: "soar"}
	if in != nil {
		in(&request)
	}
	var err error
	s.run, err = s.temporal.Client.ExecuteWorkflow(t.Context(), temporalclient.StartWorkflowOptions{ID: queue, TaskQueue: queue}, playbook, request)
	require.NoError(t, err)
}

// end is what the playbook heard.
func (s *staged) end(t *testing.T) *told {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), latchkeytest.Patience)
	defer cancel()
	var heard told
	require.NoError(t, s.run.Get(ctx, &heard))
	return &heard
}

func newStaged(t *testing.T, rules guard.Rules) *staged {
	t.Helper()
	s := &staged{Connector: latchkeytest.NewConnector(latchkeytest.Account(latchkeytest.FailedSignIns(time.Now()))),
		name: latchkeytest.ConnectionName(), temporal: latchkeytest.Server(t)}
	s.temporal.Serve(t, latchkeytest.Connection{Name: s.name, Connector: s, Rules: rules})
	return s
}

// TestUnlockAsChild: a playbook hears the outcome, or a failure to branch on with what was
// done so far, and the child's ID names nobody.
func TestUnlockAsChild(t *testing.T) {
	t.Parallel()
	denied := func(s *staged) {
		s.OnUnlock = func(context.Context, int) error { return latchkeytest.Fail(connectors.PermissionDenied) }
	}
	for name, c := range map[string]struct {
		in      func(*workflows.Input)
		rules   guard.Rules
		script  func(*staged)
		outcome workflows.Outcome
		failure string
		// id is where the child's ID begins; empty for a playbook that has no child.
		id string
	}{
		"by ID":        {outcome: workflows.Unlocked, id: "unlock/NAME/" + latchkeytest.UserID},
		"by address":   {in: func(in *workflows.Input) { in.UserID, in.Email = "", latchkeytest.Email }, outcome: workflows.Unlocked, id: "unlock/NAME/by-name/"},
		"dry run":      {in: func(in *workflows.Input) { in.DryRun = true }, outcome: workflows.WouldUnlock, id: "unlock/NAME/dry-run/"},
		"by request":   {in: func(in *workflows.Input) { in.RequestID = "case-" + in.Connection }, outcome: workflows.Unlocked, id: "case-NAME"},
		"refused":      {rules: guard.Rules{ProtectedUsers: []string{latchkeytest.UserID}}, outcome: workflows.Refused, id: "unlock/NAME/"},
		"wrong input":  {in: func(in *workflows.Input) { in.UserID = "" }, failure: workflows.TypeInvalidInput},
		"not allowed":  {script: denied, failure: string(connectors.PermissionDenied), id: "unlock/NAME/"},
		"nobody known": {in: func(in *workflows.Input) { in.UserID, in.Username = "", "nobody" }, failure: string(connectors.NotFound), id: "unlock/NAME/by-name/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStaged(t, c.rules)
			if c.script != nil {
				c.script(s)
			}
			s.start(t, c.in)
			heard := s.end(t)
			require.Equal(t, c.failure, heard.Failure)
			children := 0
			for _, event := range events(t, &stage{Temporal: s.temporal, run: s.run}).GetEvents() {
				if begun := event.GetStartChildWorkflowExecutionInitiatedEventAttributes(); begun != nil {
					children++
					require.True(t, strings.HasPrefix(begun.GetWorkflowId(), strings.ReplaceAll(c.id, "NAME", s.name)), begun.GetWorkflowId())
					require.Equal(t, workflows.TaskQueue, begun.GetTaskQueue().GetName())
					require.NotEmpty(t, event.GetUserMetadata().GetSummary().GetData())
				}
			}
			if c.failure == workflows.TypeInvalidInput {
				require.Zero(t, children)
				return
			}
			require.Equal(t, 1, children)
			require.NotNil(t, heard.Result, "a failure carries what was done so far")
			require.Equal(t, c.outcome, heard.Result.Outcome)
		})
	}
}

// TestUnlockAsChildBesideAnother: while an unlock of the user is open, the playbook hears so.
func TestUnlockAsChildBesideAnother(t *testing.T) {
	t.Parallel()
	s := newStaged(t, guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}})
	open, err := (&client.Client{Temporal: s.temporal.Client}).Start(t.Context(), workflows.Input{Connection: s.name, UserID: latchkeytest.UserID, RequestedBy: "soar"})
	require.NoError(t, err)
	s.start(t, nil)
	heard := s.end(t)
	require.Equal(t, workflows.TypeAlreadyRunning, heard.Failure)
	require.Equal(t, open.WorkflowID, heard.WorkflowID)
	require.Nil(t, heard.Result)
	require.NoError(t, s.temporal.Client.TerminateWorkflow(t.Context(), open.WorkflowID, "", "the test is over"))
}

// TestUnlockOutlivesItsPlaybook: an unlock that has begun is none of its parent's end.
func TestUnlockOutlivesItsPlaybook(t *testing.T) {
	t.Parallel()
	s := newStaged(t, guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}})
	s.start(t, nil)
	child := s.child()
	child.awaitStep(t, workflows.StepApproval)
	require.NoError(t, s.temporal.Client.TerminateWorkflow(t.Context(), s.run.GetID(), s.run.GetRunID(), "the playbook dies"))
	require.NoError(t, child.answer(t.Context(), workflows.ApproveUpdate, "boss"))
	result, err := (&client.Client{Temporal: s.temporal.Client}).Attach(child.run.GetID(), "").Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
}

// TestUnlockEndsFromOutside: a playbook hears that its child, or itself, was ended.
func TestUnlockEndsFromOutside(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end     func(*testing.T, *staged) error
		failure string
	}{
		"the playbook is cancelled": {failure: workflows.TypeCancelled, end: func(t *testing.T, s *staged) error {
			return s.temporal.Client.CancelWorkflow(t.Context(), s.run.GetID(), s.run.GetRunID())
		}},
		"the child is cancelled": {failure: workflows.TypeCancelled, end: func(t *testing.T, s *staged) error {
			return s.temporal.Client.CancelWorkflow(t.Context(), s.child().run.GetID(), "")
		}},
		"the child is terminated": {failure: workflows.TypeTerminated, end: func(t *testing.T, s *staged) error {
			return s.temporal.Client.TerminateWorkflow(t.Context(), s.child().run.GetID(), "", "an operator ends it")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStaged(t, guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}})
			s.start(t, nil)
			s.child().awaitStep(t, workflows.StepApproval)
			require.NoError(t, c.end(t, s))
			heard := s.end(t)
			require.Equal(t, c.failure, heard.Failure)
			cancelled := c.failure == workflows.TypeCancelled
			require.Equal(t, cancelled, heard.Cancelled)
			require.Equal(t, cancelled, heard.Result != nil, "what was done so far is known of what could tell")
			require.True(t, s.Account().State.Locked())
		})
	}
}
