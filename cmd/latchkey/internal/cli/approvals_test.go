package cli

import (
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// awaiting starts an unlock that waits for an approval, and returns it once it is listed.
func awaiting(t *testing.T, name string) (*tenant, client.Waiting) {
	t.Helper()
	with := serve(t, name, lockedUser())
	got := with.unlock(t.Context(), "--user-id", someID, "--approval", "--approval-timeout", "2h", "--approvers", "boss,operator", "--requested-by", "soar", "--reason", "INC-1", "--detach")
	require.Equal(t, ExitOK, got.code, got.stderr)
	var listed []client.Waiting
	until(t, func() outcome {
		return with.again().call(t.Context(), "approvals", "list", "--connection", name, "-o", "json")
	}, func(stdout string) bool {
		listed = read[[]client.Waiting](t, stdout)
		return len(listed) == 1 && listed[0].Unknown == "" // The run has answered, too.
	})
	return with, listed[0]
}

func TestApprovalsList(t *testing.T) {
	t.Parallel()
	with, waiting := awaiting(t, "cli-approvals")
	id := workflows.UnlockID("cli-approvals", someID)
	require.Equal(t, []string{id, someID, "soar", "INC-1"}, []string{waiting.WorkflowID, waiting.UserID, waiting.RequestedBy, waiting.RequestReason})
	require.Equal(t, []string{workflows.CaseRequested}, waiting.Cases)

	drawn := until(t, func() outcome { return with.again().call(t.Context(), "approvals", "list", "--connection", with.name) }, having("INC-1"))
	require.Regexp(t, id+` +│ `+someID+` at cli-approvals +│ soar +│ INC-1 +│ requested +│ `+instant(waiting.Until)+` +│ account: failed_sign_in`, drawn.stdout)
	require.Contains(t, drawn.stdout, "latchkey approvals approve WORKFLOW_ID")
	require.Contains(t, with.again().call(t.Context(), "approvals", "list", "-o", "yaml").stdout, "workflowId: "+id)

	shown := until(t, func() outcome { return with.again().status(t.Context(), id) }, having("latchkey approvals approve "+id))
	require.Regexp(t, `step +approval\n`, shown.stdout)
	require.Contains(t, shown.stdout, "waited for until "+instant(waiting.Until)+" (needed: requested)")
	require.Contains(t, lines(with.again().run(t.Context(), "__complete", "approvals", "approve", "--address", with.server.address, "").stdout), id)
}

func TestApprovalsListOfNothing(t *testing.T) {
	t.Parallel()
	asking := nobody(t)
	require.Equal(t, "Nothing waits for an approval.\n", asking.call(t.Context(), "approvals", "list", "--connection", "cli-none").stdout)
	require.JSONEq(t, "[]", asking.again().call(t.Context(), "approvals", "list", "--connection", "cli-none", "-o", "json").stdout)
}

// bareNamespace makes a namespace without search attributes.
func (n *tenant) bareNamespace(t *testing.T, name string, retention time.Duration) {
	t.Helper()
	_, err := n.server.temporal.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(retention)})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return n.list(t, "--namespace", name).code == ExitOK }, listedSoon, 200*time.Millisecond)
}

func TestApprovalsListWithoutSearchAttributes(t *testing.T) {
	t.Parallel()
	asking := nobody(t)
	asking.bareNamespace(t, "cli-approvals-bare", 24*time.Hour)
	got := asking.call(t.Context(), "approvals", "list", "--namespace", "cli-approvals-bare")
	require.Equal(t, ExitUsage, got.code)
	require.Contains(t, got.stderr, "latchkey: NotSetUp: ")
	require.Contains(t, got.stderr, "latchkey setup")
	require.Empty(t, got.stdout)
}

func TestApprovalsApprove(t *testing.T) {
	t.Parallel()
	with, waiting := awaiting(t, "cli-approve")
	got := with.again().call(t.Context(), "approvals", "approve", waiting.WorkflowID, "--reason", "I called her", "-o", "json")
	require.Equal(t, ExitOK, got.code, got.stderr)
	require.Equal(t, answeredView{WorkflowID: waiting.WorkflowID, RunID: waiting.RunID, Decision: "approved", By: "operator", Reason: "I called her"},
		read[answeredView](t, got.stdout))
	followed := with.again().status(t.Context(), waiting.WorkflowID, "--follow")
	require.Equal(t, ExitOK, followed.code, followed.stderr)
	require.Contains(t, followed.stdout, "\nunlocked: ")
	require.Regexp(t, `approval +approved by operator at [^ ]+: I called her \(needed: requested\)`, followed.stdout)

	again := with.again().call(t.Context(), "approvals", "approve", waiting.WorkflowID)
	require.Equal(t, ExitOtherwise, again.code)
	require.Contains(t, again.stderr, "latchkey: Rejected: the run is completed and waits for no approval; look at it with: latchkey status "+waiting.WorkflowID+"")
}

func TestApprovalsDeny(t *testing.T) {
	t.Parallel()
	with, waiting := awaiting(t, "cli-deny")
	got := with.again().call(t.Context(), "approvals", "deny", waiting.WorkflowID, "--by", "boss", "--run-id", waiting.RunID)
	require.Equal(t, ExitOK, got.code, got.stderr)
	require.Regexp(t, `denied by +boss\n`, got.stdout)
	require.Contains(t, got.stdout, "latchkey status "+waiting.WorkflowID+" --follow")
	require.Equal(t, ExitRefused, with.again().status(t.Context(), waiting.WorkflowID, "--follow").code)
	require.Zero(t, with.provider.unlocks)
}

func TestApprovalsRejected(t *testing.T) {
	t.Parallel()
	with, waiting := awaiting(t, "cli-rejected")
	for name, test := range map[string]struct {
		args []string
		code int
		said string
	}{
		"requester":  {[]string{waiting.WorkflowID, "--by", "soar"}, ExitOtherwise, "Rejected: who asked for the unlock must not answer"},
		"approvers":  {[]string{waiting.WorkflowID, "--by", "mallory"}, ExitOtherwise, "Rejected: the request does not let this name answer"},
		"nobody":     {[]string{waiting.WorkflowID, "--by", " "}, ExitUsage, "--by is empty"},
		"unknown":    {[]string{"unlock/no/such"}, ExitNoSuchUser, "NotFound: there is no workflow unlock/no/such"},
		"no ID":      {nil, ExitUsage, "give one workflow ID"},
		"other run":  {[]string{waiting.WorkflowID, "--run-id", "00000000-0000-4000-8000-000000000000"}, ExitNoSuchUser, "NotFound"},
		"wrong flag": {[]string{waiting.WorkflowID, "--who", "boss"}, ExitUsage, "unknown flag --who"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, answer := range answers {
				got := with.again().call(t.Context(), append([]string{"approvals", answer.name}, test.args...)...)
				require.Equal(t, test.code, got.code, got.stderr)
				require.Contains(t, got.stderr, test.said)
				require.Empty(t, got.stdout)
			}
		})
	}
}

// TestApprovalOfAnotherType: only an unlock of one user can be approved.
func TestApprovalOfAnotherType(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-approve-other", lockedUser())
	require.Equal(t, ExitOK, with.check(t, with.name).code)
	var listed *workflowservice.ListWorkflowExecutionsResponse
	require.Eventually(t, func() bool {
		var err error
		listed, err = with.server.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId STARTS_WITH 'check/" + with.name + "/'"})
		return err == nil && len(listed.GetExecutions()) == 1
	}, listedSoon, 50*time.Millisecond)
	got := with.again().call(t.Context(), "approvals", "approve", listed.GetExecutions()[0].GetExecution().GetWorkflowId())
	require.Equal(t, ExitNoSuchUser, got.code)
	require.Contains(t, got.stderr, "is a workflow of type CheckConnection, and must be one of type UnlockUser")
}

func TestApprovalOnTheProgressLine(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-approval-progress", lockedUser())
	with.env.StderrTerminal = true
	with.env.Width = func() int { return 200 }
	id := workflows.UnlockID(with.name, someID)
	done := aside(func() outcome {
		return with.unlock(t.Context(), "--user-id", someID, "--approval", "--requested-by", "soar")
	})
	with.stderr.await(t, "; latchkey approvals approve "+id)
	require.Contains(t, with.stderr.String(), "waiting for an approval until ")
	require.Equal(t, ExitOK, with.again().call(t.Context(), "approvals", "approve", id).code)
	got := <-done
	require.Equal(t, ExitOK, got.code, got.stderr)
	require.Contains(t, got.stdout, "approved by operator at ")
}

func TestWaitingRow(t *testing.T) {
	t.Parallel()
	unknown := waitingRow(client.Waiting{WorkflowID: "w", UserID: someID, Connection: "jc-prod", Unknown: "no worker answered"})
	require.Equal(t, table.Row{"w", someID + " at jc-prod", "no worker answered", "", "", "", ""}, unknown)
}

func TestApprovalText(t *testing.T) {
	t.Parallel()
	record := workflows.ApprovalRecord{Cases: []string{"always", "privileged"}, Until: endsAt}
	require.Equal(t, "waited for until 2026-03-01T13:00:00Z (needed: always, privileged)", approvalText(&record))
	record.Decision = "expired"
	require.Equal(t, "expired at 2026-03-01T13:00:00Z (needed: always, privileged)", approvalText(&record))
	record.Decision, record.By, record.At = "denied", "boss", began
	require.Equal(t, "denied by boss at 2026-03-01T12:00:00Z (needed: always, privileged)", approvalText(&record))

	view := &client.View{WorkflowID: "w", Step: workflows.StepApproval, Result: client.Result{Unlock: &workflows.Result{Approval: &record}}}
	require.Equal(t, "waiting for an approval until 13:00Z; latchkey approvals approve w", progressText(view, time.Second, began, 80))
	require.Contains(t, progressText(view, time.Second, began.Add(-24*time.Hour), 80), "until 2026-03-01T13:00:00Z;")
	require.Equal(t, "approval (1s)", progressText(&client.View{Step: workflows.StepApproval}, time.Second, began, 80))
}

func TestApprovalsListOfAWrongName(t *testing.T) {
	t.Parallel()
	got := run(t, "approvals", "list", "--connection", "JC Prod", "--address", nowhere)
	require.Equal(t, ExitUsage, got.code)
	require.Contains(t, got.stderr, "--connection must be 1 to 63 lower-case letters")
}

func TestApprovalFlags(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		said string
	}{
		{[]string{"--user-id", someID, "--approval", "--approval-timeout", "0s"}, "--approval-timeout must be at least 1s"},
		{[]string{"--user-id", someID, "--approval", "--approval-timeout", "10ms"}, "--approval-timeout must be between 1s and 720h"},
		{[]string{"--user-id", someID, "--approvers", ","}, "--approvers"},
	} {
		got := run(t, append([]string{"unlock", "--connection", "jc-prod", "--address", nowhere}, test.args...)...)
		require.Equal(t, ExitUsage, got.code, got.stderr)
		require.Contains(t, got.stderr, test.said)
	}
}
