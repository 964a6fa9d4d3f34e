package main

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/internal/directory/directorytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// latchkey runs a command line of latchkey's, which is built at the path, and returns what it
// prints.
func latchkey(t *testing.T, path, line string) string {
	t.Helper()
	words := strings.Fields(line)
	require.Equal(t, "latchkey", words[0])
	var stdout, stderr output
	command := exec.CommandContext(t.Context(), path, words[1:]...)
	command.Stdout, command.Stderr = &stdout, &stderr
	require.NoError(t, command.Run(), "%s\n%s", &stdout, &stderr)
	return stdout.String()
}

// TestUp: the three commands of the banner do what they promise, everything that it names
// answers, and after Ctrl-C nothing does.
func TestUp(t *testing.T) {
	t.Parallel()
	u := up(t)
	require.Len(t, u.commands("latchkey"), 2)
	require.Len(t, u.commands("curl"), 1)

	curl := strings.Split(u.commands("curl")[0], "'")
	require.Equal(t, "curl --json ", curl[0])
	status, body := ask(t, http.MethodPost, strings.TrimSpace(curl[2]), curl[1])
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"ok":false,"reason":"locked"}`, body)

	path := filepath.Join(t.TempDir(), "latchkey")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/latchkey")
	build.Dir = filepath.Join("..", "..") // The command is of another module than this.
	built, err := build.CombinedOutput()
	require.NoError(t, err, "%s", built)
	require.Contains(t, latchkey(t, path, u.commands("latchkey")[0]), "unlocked")
	require.Equal(t, workflows.Unlocked, parse[workflows.Result](t, latchkey(t, path, u.commands("latchkey")[1])).Outcome)

	status, body = ask(t, http.MethodPost, strings.TrimSpace(curl[2]), curl[1])
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"ok":true}`, body)

	status, _ = ask(t, http.MethodGet, u.find("Temporal UI"), "")
	require.Equal(t, http.StatusOK, status)
	status, body = ask(t, http.MethodGet, u.find("Temporal HTTP API")+"/api/v1/namespaces/default/workflows", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, workflows.UnlockUserName)

	addresses := u.addresses()
	require.GreaterOrEqual(t, len(addresses), 5)
	require.Less(t, u.stop(), 10*time.Second)
	for _, address := range addresses {
		_ = listen(t, address).Close()
	}
	for line := range strings.Lines(u.stderr.String()) {
		require.Contains(t, line, "audit")
	}
}

// TestStopWhileBusy: Ctrl-C does not wait for a provider that does not answer.
func TestStopWhileBusy(t *testing.T) {
	t.Parallel()
	u := up(t, "--ui-address", "")
	require.NotContains(t, u.stdout.String(), "Temporal UI")
	order(t, u.find("JumpCloud, simulated"), `{"kind":"latency","delay":"1m"}`)
	_, unlocks := u.dial()
	_, err := unlocks.Start(t.Context(), workflows.Input{Connection: "jumpcloud", Username: "grace.hopper"})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, calls := ask(t, http.MethodGet, u.find("JumpCloud, simulated")+"/_simulator/calls", "")
		return strings.Contains(calls, `"inFlight":1`) || strings.Contains(calls, `"inFlight": 1`)
	}, patience, pause)
	require.Less(t, u.stop(), 15*time.Second)
}

// order orders a fault at a simulated tenant.
func order(t *testing.T, url, fault string) {
	t.Helper()
	status, body := ask(t, http.MethodPost, url+"/_simulator/faults", fault)
	require.Less(t, status, http.StatusMultipleChoices, body)
}

// TestDatabaseFile: a run that is open when latchkey-dev ends is finished by the next one
// with the same file.
func TestDatabaseFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "latchkey.db")
	first := up(t, "--db", file)
	order(t, first.find("JumpCloud, simulated"), `{"kind":"status","status":503}`)
	temporal, unlocks := first.dial()
	open, err := unlocks.Start(t.Context(), workflows.Input{Connection: "jumpcloud", Email: "grace.hopper@example.com"})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		described, err := temporal.DescribeWorkflowExecution(t.Context(), open.WorkflowID, open.RunID)
		require.NoError(t, err)
		pending := described.GetPendingActivities()
		return len(pending) == 1 && pending[0].GetAttempt() > 1
	}, patience, pause)
	first.stop()

	second := up(t, "--db", file)
	_, unlocks = second.dial()
	result, err := unlocks.Attach(open.WorkflowID, open.RunID).Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Greater(t, result.Attempts.Lookup, 1)
	second.stop()
}

// TestServesTheEnvironment is not parallel: it sets the process's environment.
func TestServesTheEnvironment(t *testing.T) {
	tenant := jumpcloudsimulator.New(jumpcloudsimulator.Options{})
	url, stop, err := tenant.Start("")
	require.NoError(t, err)
	t.Cleanup(stop)
	id := tenant.MustCreateUser(map[string]any{"username": "real"})
	require.NoError(t, tenant.LockByFailures(id))
	t.Setenv("LATCHKEY_CONNECTIONS", "jc-prod:jumpcloud")
	t.Setenv("LATCHKEY_CONNECTION_JC_PROD_API_KEY", jumpcloudsimulator.DefaultAPIKey)
	t.Setenv("LATCHKEY_CONNECTION_JC_PROD_BASE_URL", url+"/api")
	u := up(t)
	require.Contains(t, u.stdout.String(), "From the environment   the connection jc-prod\n")
	_, unlocks := u.dial()
	for connection, in := range map[string]workflows.Input{
		"jc-prod": {UserID: id}, "jumpcloud": {Username: "grace.hopper"}, "pingone": {Username: "alan.turing"},
	} {
		in.Connection = connection
		open, err := unlocks.Start(t.Context(), in)
		require.NoError(t, err)
		result, err := open.Result(t.Context())
		require.NoError(t, err)
		require.Equal(t, workflows.Unlocked, result.Outcome, connection)
	}
	require.False(t, tenant.Locked(id))
	u.stop()
	require.Contains(t, u.stderr.String(), "audit")
	require.NotContains(t, u.stderr.String(), jumpcloudsimulator.DefaultAPIKey)
}

// TestUpWith: a real directory is served beside the tenants, with a locked user to try; one that
// there is not is refused.
func TestUpWith(t *testing.T) {
	t.Parallel()
	directorytest.Skip(t)
	u := up(t, "--with", "openldap")
	require.Len(t, u.commands("latchkey"), 3)
	require.Contains(t, u.commands("latchkey")[2], "--connection openldap --email grace.hopper@example.com")
	require.Contains(t, u.find("OpenLDAP"), "ldaps://127.")

	left := run(t.Context(), "--with", "netscape")
	require.ErrorContains(t, left.err, `--with: "netscape" is no directory that can be started: there is openldap`)
}
