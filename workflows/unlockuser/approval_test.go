package unlockuser_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// awaitStep waits until the run says that it is at a step.
func (s *stage) awaitStep(t *testing.T, step workflows.Step) {
	t.Helper()
	require.Eventually(t, func() bool {
		answer, err := s.Temporal.Client.QueryWorkflow(t.Context(), s.run.GetID(), s.run.GetRunID(), workflows.StatusQuery)
		var status workflows.Status
		return err == nil && answer.Get(&status) == nil && status.Step == step
	}, latchkeytest.Patience, 10*time.Millisecond)
}

// answer approves or denies.
func (s *stage) answer(ctx context.Context, update, by string) error {
	handle, err := s.Temporal.Client.UpdateWorkflow(ctx, temporalclient.UpdateWorkflowOptions{
		WorkflowID: s.run.GetID(), UpdateName: update, WaitForStage: temporalclient.WorkflowUpdateStageCompleted,
		Args: []any{workflows.Answer{By: by, Reason: "I called her"}},
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}

// answered answers once the run waits, after something has changed.
func answered(update string, change func(*stage)) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		t.Helper()
		s.awaitStep(t, workflows.StepApproval)
		if change != nil {
			change(s)
		}
		require.NoError(t, s.answer(t.Context(), update, "boss"))
	}
}

func required(timeout time.Duration) func(*workflows.Input) {
	return func(in *workflows.Input) {
		in.Approval = workflows.Approval{Required: true, Timeout: workflows.Duration(timeout)}
	}
}

func decidedBy(decision, by string, cases ...string) func(*testing.T, *stage, *workflows.Result) {
	return func(t *testing.T, _ *stage, result *workflows.Result) {
		t.Helper()
		require.Equal(t, decision, result.Approval.Decision)
		require.Equal(t, by, result.Approval.By)
		require.Equal(t, cases, result.Approval.Cases)
	}
}

// approvals are the ways in which an approval ends.
func approvals() map[string]scenario {
	return map[string]scenario{
		"approved": {input: required(time.Hour), meanwhile: answered(workflows.ApproveUpdate, nil),
			outcome: workflows.Unlocked, sent: connectors.Yes, check: func(t *testing.T, s *stage, result *workflows.Result) {
				decidedBy("approved", "boss", "requested")(t, s, result)
				require.Equal(t, "I called her", result.Approval.Reason)
				require.LessOrEqual(t, len(events(t, s).GetEvents()), maxApprovedEvents)
				latchkeytest.RequireTimersEnded(t, events(t, s))
			}},
		"denied": {input: required(time.Hour), meanwhile: answered(workflows.DenyUpdate, nil),
			outcome: workflows.Denied, check: decidedBy("denied", "boss", "requested")},
		"approval expired": {input: required(time.Second), outcome: workflows.ApprovalExpired, check: decidedBy("expired", "", "requested")},
		"approval by rule": {rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}, Approvers: []string{"b*"}},
			meanwhile: answered(workflows.ApproveUpdate, nil), outcome: workflows.Unlocked, sent: connectors.Yes, check: decidedBy("approved", "boss", "always")},
		"approval by rule expired": {rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAdminLocks}, ApprovalTimeout: guard.Duration(time.Second)},
			account: latchkeytest.Account(latchkeytest.PasswordLock()), outcome: workflows.ApprovalExpired, check: decidedBy("expired", "", "admin_locks")},
		"no approval by rule": {rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAdminLocks, guard.ApprovalPrivileged}, Approvers: []string{latchkeytest.RuleCanary}},
			outcome: workflows.Unlocked, sent: connectors.Yes, check: func(t *testing.T, _ *stage, result *workflows.Result) { require.Nil(t, result.Approval) }},
		"gone at the approval": {input: required(time.Hour), meanwhile: answered(workflows.ApproveUpdate, func(s *stage) {
			s.Change(func(a *connectors.Account) { a.State.Locks = nil })
		}), outcome: workflows.AlreadyUnlocked},
		"gone at the approval, to be sent all the same": {input: func(in *workflows.Input) {
			required(time.Hour)(in)
			in.EvenIfUnlocked = true
		}, meanwhile: answered(workflows.ApproveUpdate, func(s *stage) {
			s.Change(func(a *connectors.Account) { a.State.Locks = nil })
		}), outcome: workflows.AlreadyUnlocked},
		"approver no longer allowed": {rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}, Approvers: []string{"boss"}},
			meanwhile: func(t *testing.T, s *stage) {
				t.Helper()
				s.awaitStep(t, workflows.StepApproval)
				s.stop()
				s.Temporal.Serve(t, latchkeytest.Connection{Name: s.name, Connector: s,
					Rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}, Approvers: []string{"another"}}})
				require.NoError(t, s.answer(t.Context(), workflows.ApproveUpdate, "boss"), "the run that waits knows the old rules")
			}, outcome: workflows.Refused, refusal: guard.CodeApprovalRequired},
		"locked anew at the approval": {input: required(time.Hour), meanwhile: answered(workflows.ApproveUpdate, func(s *stage) {
			s.Change(func(a *connectors.Account) {
				a.State.Locks = []connectors.Lock{latchkeytest.FailedSignIns(time.Now().Add(time.Hour))}
			})
		}), outcome: workflows.Refused, refusal: "changed_since_approval"},
		"privileged at the approval": {input: required(time.Hour), meanwhile: answered(workflows.ApproveUpdate, func(s *stage) {
			s.Change(func(a *connectors.Account) { a.State.Privileged = connectors.Yes })
		}), outcome: workflows.Refused, refusal: "changed_since_approval"},
		"suspended at the approval": {input: required(time.Hour), meanwhile: answered(workflows.ApproveUpdate, func(s *stage) {
			s.Change(func(a *connectors.Account) { a.State.Suspended = true })
		}), outcome: workflows.Refused, refusal: "suspended"},
		"an approval takes none of the time": {input: func(in *workflows.Input) {
			required(time.Hour)(in)
			in.Timeout = workflows.Duration(aWhile)
		}, meanwhile: func(t *testing.T, s *stage) {
			t.Helper()
			s.awaitStep(t, workflows.StepApproval)
			asked := time.Now()
			require.Eventually(t, func() bool { return time.Since(asked) > aWhile }, latchkeytest.Patience, 50*time.Millisecond)
			require.NoError(t, s.answer(t.Context(), workflows.ApproveUpdate, "boss"))
		}, outcome: workflows.Unlocked, sent: connectors.Yes},
		"nobody says who asks": {rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}, Approvers: []string{latchkeytest.RuleCanary}}, input: func(in *workflows.Input) {
			in.RequestedBy = " "
		}, outcome: workflows.Refused, refusal: guard.CodeRequesterUnknown},
		"nobody says who asks for a dry run": {rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}, Approvers: []string{latchkeytest.RuleCanary}}, input: func(in *workflows.Input) {
			in.RequestedBy, in.DryRun = "", true
		}, outcome: workflows.Refused, refusal: guard.CodeRequesterUnknown},
		"dry run of what needs an approval": {rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}, Approvers: []string{latchkeytest.RuleCanary}}, input: func(in *workflows.Input) {
			required(time.Hour)(in)
			in.DryRun = true
		}, outcome: workflows.WouldUnlock},
		"cancelled while an approval is waited for": {input: required(time.Hour), meanwhile: func(t *testing.T, s *stage) {
			t.Helper()
			s.awaitStep(t, workflows.StepApproval)
			require.NoError(t, s.Temporal.Client.CancelWorkflow(t.Context(), s.run.GetID(), s.run.GetRunID()))
		}, failure: "Cancelled"},
	}
}

// aWhile is long enough for the steps of an unlock on a slow machine.
const aWhile = 6 * time.Second

// maxApprovedEvents is how long the history of an unlock with an approval may get.
const maxApprovedEvents = 48

// TestWhoMayApprove: names that must not answer are refused before anything is written.
func TestWhoMayApprove(t *testing.T) {
	t.Parallel()
	c := scenario{
		rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}, Approvers: []string{"boss*", "soar", "helper", "jane*"}},
		input: func(in *workflows.Input) {
			in.Approval = workflows.Approval{Required: true, Approvers: []string{"*2", "soar", "helper", "jane*"}}
		},
		meanwhile: func(t *testing.T, s *stage) {
			t.Helper()
			s.awaitStep(t, workflows.StepApproval)
			joined, err := s.Temporal.Client.UpdateWorkflow(t.Context(), temporalclient.UpdateWorkflowOptions{
				WorkflowID: s.run.GetID(), UpdateName: workflows.JoinUpdate, WaitForStage: temporalclient.WorkflowUpdateStageCompleted,
				Args: []any{workflows.Join{RequestedBy: "helper"}},
			})
			require.NoError(t, err)
			require.NoError(t, joined.Get(t.Context(), nil))
			before := len(events(t, s).GetEvents())
			for by, want := range map[string]string{
				"":                                  "by is empty",
				"  ":                                "by is empty",
				" boss2":                            "white space",
				"SOAR":                              "who asked",
				"helper":                            "who joined",
				latchkeytest.Email:                  "the account itself",
				latchkeytest.Username:               "the account itself",
				latchkeytest.UserID:                 "the account itself",
				latchkeytest.Name:                   "the account itself",
				"Helper":                            "who joined",
				"helpe\u0433":                       "who joined",
				"so\u0430r":                         "who asked",
				"\uff53oar":                         "who asked",
				"so\u200bar":                        "cannot be seen",
				"boss2\u00ad":                       "cannot be seen",
				"boss\n2":                           "cannot be seen",
				"b\u043ess2":                        "the connection does not let",
				strings.ToUpper(latchkeytest.Email): "the account itself",
				"mallory2":                          "the connection does not let",
				"boss1":                             "the request does not let",
			} {
				require.ErrorContains(t, s.answer(t.Context(), workflows.ApproveUpdate, by), want, by)
				require.Error(t, s.answer(t.Context(), workflows.DenyUpdate, by), by)
			}
			for _, event := range events(t, s).GetEvents()[before:] {
				require.NotEqual(t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, event.GetEventType())
			}
			require.NoError(t, s.answer(t.Context(), workflows.ApproveUpdate, "boss2"))
		},
		outcome: workflows.Unlocked, sent: connectors.Yes,
	}
	c.play(t)
}

// TestNothingToApprove: an answer is refused when nothing waits for one.
func TestNothingToApprove(t *testing.T) {
	t.Parallel()
	scenario{
		script: func(s *stage) {
			s.OnUnlock = func(context.Context, int) error {
				close(s.reached)
				<-s.released
				return nil
			}
		},
		input: within(time.Minute),
		meanwhile: func(t *testing.T, s *stage) {
			t.Helper()
			<-s.reached
			require.ErrorContains(t, s.answer(t.Context(), workflows.ApproveUpdate, "boss"), "waits for no approval")
			s.release()
		},
		outcome: workflows.Unlocked, sent: connectors.Yes,
	}.play(t)
}

// TestStepByItself: the step that unlocks, started without its workflow, would trust what it
// is told of an approval.
func TestStepByItself(t *testing.T) {
	t.Parallel()
	server := latchkeytest.Server(t)
	connector := latchkeytest.NewConnector(latchkeytest.Account(latchkeytest.FailedSignIns(time.Now())))
	name := latchkeytest.ConnectionName()
	server.Serve(t, latchkeytest.Connection{Name: name, Connector: connector, Rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}}})
	account := connector.Account()
	handle, err := server.Client.ExecuteActivity(t.Context(), temporalclient.StartActivityOptions{
		ID: "forged/" + name, TaskQueue: activities.Queue(name), ScheduleToCloseTimeout: latchkeytest.Patience,
	}, activities.UnlockName, activities.UnlockInput{Account: account, ReadAt: time.Now(), Approved: &activities.Approved{State: account.State, By: "boss"}})
	require.NoError(t, err)
	err = handle.Get(t.Context(), nil)
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, string(connectors.Unsupported), failure.Type(), failure.Message())
	_, unlocks := connector.Calls()
	require.Zero(t, unlocks)
}
