package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
)

// listedSoon is how long a worker may take to be listed: it says that it is there every
// ten seconds.
const listedSoon = time.Minute

func (n *tenant) list(t *testing.T, args ...string) outcome {
	t.Helper()
	return n.again().run(t.Context(), append([]string{"connections", "list", "--address", n.server.address}, args...)...)
}

func (n *tenant) check(t *testing.T, name string, args ...string) outcome {
	t.Helper()
	return n.again().run(t.Context(), append([]string{"connections", "check", name, "--address", n.server.address}, args...)...)
}

// nobody is a command line at the shared server, without a connection.
func nobody(t *testing.T) *tenant {
	t.Helper()
	return &tenant{harness: newHarness(), server: shared(t)}
}

func TestConnectionsList(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-listed", lockedUser())
	serve(t, "cli-listed-twice", lockedUser())
	serve(t, "cli-listed-twice", lockedUser())
	got := until(t, func() outcome { return with.list(t, "-o", "json") }, func(stdout string) bool {
		workers := map[string]int{}
		for _, each := range read[[]client.Served](t, stdout) {
			workers[each.Connection] = each.Workers
		}
		return workers["cli-listed"] == 1 && workers["cli-listed-twice"] == 2
	})
	require.Empty(t, got.stderr)
	require.NotContains(t, got.stdout, `"connection": ""`, "a worker for workflows serves no connection")

	drawn := with.list(t)
	require.Equal(t, ExitOK, drawn.code)
	require.Regexp(t, `CONNECTION +│ WORKERS`, drawn.stdout)
	require.Regexp(t, `cli-listed +│ +1 │`, drawn.stdout)
	require.Regexp(t, `cli-listed-twice +│ +2 │`, drawn.stdout)
}

func TestConnectionsListOfNothing(t *testing.T) {
	t.Parallel()
	asking := nobody(t)
	const empty = "cli-empty"
	_, err := asking.server.temporal.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: empty, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return asking.list(t, "--namespace", empty).code == ExitOK }, listedSoon, 200*time.Millisecond)
	require.Equal(t, "No connection is served. Start a worker with: latchkey worker\n", asking.list(t, "--namespace", empty).stdout)
	require.JSONEq(t, "[]", asking.list(t, "--namespace", empty, "-o", "json").stdout)
}

func TestConnectionsOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"list"}, {"check", "jc-prod"}} {
		asking := nobody(t)
		got := asking.run(t.Context(), append(append([]string{"connections"}, args...), "--address", asking.server.address, "--namespace", "nowhere")...)
		require.Equal(t, ExitUnreachable, got.code, got.stderr)
		require.Contains(t, got.stderr, "(namespace nowhere)")
	}
}

// errBroken is what no connector should say.
var errBroken = errors.New("secret")

func TestConnectionsCheck(t *testing.T) {
	t.Parallel()
	denied := failing(connectors.PermissionDenied, "the key is read-only: give its administrator a role that may write")
	refused := failing(connectors.Unauthenticated, "the key was refused: make a new one")
	for name, test := range map[string]struct {
		lookup, unlock error
		granted        []connectors.Answer
		said           string
		code           int
		advice         string
	}{
		"all": {granted: []connectors.Answer{connectors.Yes, connectors.Yes, connectors.Yes}},
		"may-not-unlock": {unlock: denied, granted: []connectors.Answer{connectors.Yes, connectors.Yes, connectors.No}, code: ExitUnreachable,
			said: "PermissionDenied: the credential of cli-check-may-not-unlock was not shown to have the right to: unlock", advice: denied.Message},
		"refused": {lookup: refused, unlock: refused, granted: []connectors.Answer{connectors.No, connectors.No, connectors.No}, code: ExitUnreachable,
			said: "Unauthenticated: the credential of cli-check-refused was not shown to have the right to: read, find, unlock", advice: refused.Message},
		"in-doubt": {lookup: denied, unlock: failing(connectors.Unavailable, "it is down"), granted: []connectors.Answer{connectors.No, connectors.No, connectors.Unknown},
			code: ExitUnreachable, said: "PermissionDenied: the credential of cli-check-in-doubt was not shown to have the right to: read, find, unlock", advice: "it is down"},
		"ambiguous": {lookup: failing(connectors.Ambiguous, "two users match"), granted: []connectors.Answer{connectors.Unknown, connectors.Unknown, connectors.Yes},
			code: ExitUnreachable, said: "was not shown to have the right to: read, find", advice: "two users match"},
		"broken": {unlock: errBroken, granted: []connectors.Answer{connectors.Yes, connectors.Yes, connectors.Unknown},
			code: ExitFault, said: "Internal: the credential of cli-check-broken was not shown to have the right to: unlock", advice: "this is a fault in Latchkey"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := lockedUser()
			with.lookupError, with.unlockError = test.lookup, test.unlock
			name := "cli-check-" + name
			tenant := serve(t, name, with)
			got := tenant.check(t, name, "-o", "json")
			require.Equal(t, test.code, got.code, got.stderr)
			require.Contains(t, got.stderr, test.said)
			result := read[activities.CheckResult](t, got.stdout)
			require.Equal(t, []string{name, "fake"}, []string{result.Connection, result.Provider})
			for i, granted := range test.granted {
				require.Equal(t, granted, result.Rights[i].Granted)
			}
			drawn := tenant.check(t, name)
			require.Equal(t, test.code, drawn.code)
			require.Regexp(t, `unlock +│ `+string(test.granted[2]), drawn.stdout)
			require.Contains(t, drawn.stdout, test.advice)
			require.Contains(t, drawn.stdout, "this provider cannot")
			require.NotContains(t, got.stdout+got.stderr+drawn.stdout+drawn.stderr, errBroken.Error())
			require.Zero(t, with.unlocks)
		})
	}
}

func TestConnectionsCheckStartsNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		connection, said string
		// advice is what stands below.
		advice []string
		code   int
	}{
		"unserved": {"cli-unserved", `latchkey: NoWorker: no worker serves the connection "cli-unserved"`,
			[]string{"See: latchkey worker"}, ExitUnreachable},
		"no name":    {"", "give one connection's name", []string{"For its flags run: latchkey connections check --help"}, ExitUsage},
		"wrong name": {"JC Prod", "connection must be 1 to 63 lower-case letters", []string{}, ExitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := nobody(t).check(t, test.connection)
			require.Equal(t, test.code, got.code)
			said := lines(got.stderr)
			require.Contains(t, said[0], test.said)
			require.Equal(t, test.advice, said[1:])
			require.Empty(t, got.stdout)
		})
	}
}

// TestConnectionCompletion completes at the Temporal that the command line names.
func TestConnectionCompletion(t *testing.T) {
	t.Parallel()
	with := serve(t, "cli-completed", lockedUser())
	complete := func(args ...string) []string {
		return lines(with.again().run(t.Context(), append([]string{"__complete"}, args...)...).stdout)
	}
	at := []string{"--address", with.server.address}
	require.Eventually(t, func() bool {
		return strings.Contains(with.list(t).stdout, "cli-completed")
	}, listedSoon, 200*time.Millisecond)
	require.Contains(t, complete("connections", "check", at[0], at[1], ""), "cli-completed")
	require.Contains(t, complete("unlock", at[0], at[1], "--connection", ""), "cli-completed")
	require.Equal(t, []string{":4"}, complete("connections", "check", at[0], at[1], "cli-completed", ""), "it takes one name")
	require.Equal(t, []string{":4"}, complete("connections", "check", "--address", nowhere, ""))
}
