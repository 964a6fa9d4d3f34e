package endtoend

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/directory"
	"github.com/latchkey-iam/latchkey/internal/directory/directorytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

const rightPassword = "Correct-Horse-Battery-1"

// newOpenLDAP is a house over a real OpenLDAP provider and its replica, in a namespace of its own.
func newOpenLDAP(t *testing.T, name string) (*house, *directory.OpenLDAP) {
	t.Helper()
	directorytest.Skip(t)
	servers, err := directory.StartOpenLDAP(t.Context(), directory.OpenLDAPOptions{Consumers: 1, UpdateRef: true})
	require.NoError(t, err)
	t.Cleanup(servers.Close)
	h := &house{t: t, address: temporal.Address(), connection: name, namespace: name, alone: true, provider: provider{
		name: "openldap", settings: func(string) []string {
			var settings []string
			for variable, value := range servers.Settings() {
				settings = append(settings, variable+"="+value)
			}
			return settings
		},
	}}
	h.registerNamespace()
	h.temporal = h.dial(h.namespace)
	h.client = &client.Client{Temporal: h.temporal}
	return h, servers
}

// latchkey runs a command line, and returns what it prints.
func (h *house) latchkey(arguments ...string) string {
	h.t.Helper()
	command := exec.CommandContext(h.t.Context(), binary, arguments...)
	command.Env = []string{"HOME=" + h.t.TempDir(), "TEMPORAL_ADDRESS=" + h.address, "TEMPORAL_NAMESPACE=" + h.namespace}
	var stderr strings.Builder
	command.Stderr = &stderr
	output, err := command.Output()
	require.NoError(h.t, err, "%s\n%s", output, stderr.String())
	return string(output)
}

// TestOpenLDAP: whoever real failed sign-ins locked is unlocked by the command line, by an
// approved request, in bulk, and by a schedule that held, and signs in.
func TestOpenLDAP(t *testing.T) {
	t.Parallel()
	h, servers := newOpenLDAP(t, "openldap")
	locked := func(username string) string {
		id, err := servers.AddPerson(username, "A", "Person", "Analyst", rightPassword)
		require.NoError(t, err)
		require.NoError(t, servers.FailSignIns(username))
		require.False(t, servers.SignIn(username, rightPassword))
		return id
	}
	ada, grace := locked("ada"), locked("grace")
	h.startWorker()

	require.NotContains(t, h.latchkey("connections", "check", h.connection), "olcAccess")

	var result workflows.Result
	require.NoError(t, json.Unmarshal([]byte(h.latchkey("unlock", "--connection", h.connection, "--username", "ada", "--reason", "INC-1", "-o", "json")), &result))
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Equal(t, ada, result.UserID)
	require.Equal(t, connectors.ReasonFailedSignIn, result.Before.Locks[0].Reason)
	require.NotEmpty(t, result.Evidence)
	require.Equal(t, 3, result.Evidence[0].Failures)
	require.Contains(t, string(result.User), `"ada@example.com"`)
	require.True(t, servers.SignIn("ada", rightPassword))

	run, err := h.client.Start(t.Context(), workflows.Input{Connection: h.connection, Email: "grace@example.com", RequestedBy: "desk",
		Approval: workflows.Approval{Required: true, Approvers: []string{"boss"}}})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return run.Approve(t.Context(), workflows.Answer{By: "boss", Reason: "I called her"}) == nil
	}, patience, pause)
	approved, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, approved.Outcome)
	require.Equal(t, grace, approved.UserID)
	require.True(t, servers.SignIn("grace", rightPassword))

	const sprayed = 60
	none := workflows.Duration(0)
	policy := workflows.Policy{MinLockedFor: &none, MaxPerUser: &workflows.MaxPerUser{}}
	for i := range 5 {
		locked(fmt.Sprintf("few%d", i))
	}
	bulk, err := h.client.StartBulk(t.Context(), workflows.BulkInput{Connection: h.connection, Policy: policy})
	require.NoError(t, err)
	counted, err := bulk.BulkResult(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": 5}, counted.Counts, counted.Codes)

	for i := range sprayed {
		locked(fmt.Sprintf("many%d", i))
	}
	schedule, err := h.temporal.ScheduleClient().Create(t.Context(), sdkclient.ScheduleOptions{ID: "auto-unlock", Action: &sdkclient.ScheduleWorkflowAction{
		ID: workflows.BulkID(h.connection, "auto-unlock"), Workflow: workflows.UnlockLockedUsersName, TaskQueue: workflows.TaskQueue,
		Args: []any{workflows.BulkInput{Connection: h.connection, Policy: policy}},
	}})
	require.NoError(t, err)
	require.NoError(t, schedule.Trigger(t.Context(), sdkclient.ScheduleTriggerOptions{}))
	var held *client.Run
	require.Eventually(t, func() bool {
		described, err := schedule.Describe(t.Context())
		if err != nil || len(described.Info.RunningWorkflows) == 0 {
			return false
		}
		running := described.Info.RunningWorkflows[0]
		held = h.client.Attach(running.WorkflowID, running.FirstExecutionRunID)
		progress, err := held.Progress(t.Context())
		return err == nil && progress.State == workflows.StateHeld && progress.Fresh == sprayed
	}, patience, pause)
	require.False(t, servers.SignIn("many0", rightPassword))
	_, err = held.Command(t.Context(), workflows.ReleaseUpdate, workflows.Command{RequestedBy: "operator"})
	require.NoError(t, err)
	counted, err = held.BulkResult(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"unlocked": sprayed}, counted.Counts, counted.Codes)
	for i := range sprayed {
		require.True(t, servers.SignIn(fmt.Sprintf("many%d", i), rightPassword))
	}
}

// TestOpenLDAPServerThatIsGone: the provider unlocks, the replica cannot be asked, and the result
// names it; the check of the connection prints the rule that a reader lacks.
func TestOpenLDAPServerThatIsGone(t *testing.T) {
	t.Parallel()
	h, servers := newOpenLDAP(t, "openldap-gone")
	_, err := servers.AddPerson("ada", "Ada", "Person", "Analyst", rightPassword)
	require.NoError(t, err)
	require.NoError(t, servers.FailSignIns("ada"))
	h.startWorker()
	servers.Servers[1].Stop()
	run, err := h.client.Start(t.Context(), workflows.Input{Connection: h.connection, Username: "ada", Timeout: workflows.Duration(20 * time.Second)})
	require.NoError(t, err)
	result, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.PartiallyUnlocked, result.Outcome)
	require.Len(t, result.RefusedBy, 1)
	require.Equal(t, servers.Servers[1].Host+":3636", result.RefusedBy[0].Server)
	require.True(t, servers.SignIn("ada", rightPassword))

	require.NoError(t, servers.Servers[1].Start(t.Context()))
	settings := h.provider.settings
	h.connection = "openldap-reader"
	h.provider.settings = func(url string) []string { return append(settings(url), "BIND_DN="+directory.OpenLDAPReader) }
	h.startWorker()
	checked, err := h.client.CheckConnection(t.Context(), h.connection)
	require.NoError(t, err)
	granted := map[string]connectors.Answer{}
	for _, right := range checked.Rights {
		granted[right.Right] = right.Granted
	}
	require.Equal(t, map[string]connectors.Answer{"read": connectors.Yes, "find": connectors.Yes, "unlock": connectors.No}, granted)
	require.Contains(t, checked.Rights[2].Advice, `olcAccess: {0}to dn.subtree="ou=people,dc=example,dc=com" attrs=pwdAccountLockedTime by dn.exact="`+directory.OpenLDAPReader+`" write by * break`)
}
