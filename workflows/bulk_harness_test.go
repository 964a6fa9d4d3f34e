package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// crowd is a population behind a connection that is served.
type crowd struct {
	*latchkeytest.Population
	t      *testing.T
	name   string
	client *client.Client
	run    *client.Run
}

// records is what visibility knows, as the test says.
type records struct {
	retention time.Duration
	unlocks   map[string]int
	err       error
}

func (r records) Retention(context.Context) (time.Duration, error) { return r.retention, r.err }

func (r records) UnlocksOf(_ context.Context, ids []string, _ time.Time) (map[string]int, error) {
	found := map[string]int{}
	for _, id := range ids {
		if n := r.unlocks[id]; n > 0 {
			found[id] = n
		}
	}
	return found, r.err
}

// retained are records of a namespace that keeps enough.
func retained(unlocks map[string]int) records {
	return records{retention: 72 * time.Hour, unlocks: unlocks}
}

func newCrowd(t *testing.T, connection latchkeytest.Connection, members ...*connectors.Account) *crowd {
	t.Helper()
	c := unserved(t, members...)
	c.serve(connection)
	return c
}

// unserved is a population whose connection nobody serves yet.
func unserved(t *testing.T, members ...*connectors.Account) *crowd {
	t.Helper()
	c := &crowd{Population: latchkeytest.NewPopulation(), t: t, name: latchkeytest.ConnectionName(), client: &client.Client{Temporal: latchkeytest.Server(t).Client}}
	c.Add(members...)
	return c
}

func (c *crowd) serve(connection latchkeytest.Connection) {
	c.t.Helper()
	connection.Name, connection.Connector = c.name, c
	connection.Rules = planted(connection.Rules, len(connection.Rules.ApprovalFor) > 0)
	if connection.Records == nil {
		connection.Records = retained(nil)
	}
	latchkeytest.Server(c.t).Serve(c.t, connection)
}

// startRaw starts with any input, whether the connection is served or not.
func (c *crowd) startRaw(workflow string, in any) {
	c.t.Helper()
	run, err := c.client.Temporal.ExecuteWorkflow(c.t.Context(), temporalclient.StartWorkflowOptions{
		ID: "test/bulk/" + c.name, TaskQueue: workflows.TaskQueue,
	}, workflow, in)
	require.NoError(c.t, err)
	c.run = c.client.Attach(run.GetID(), run.GetRunID())
}

// fails runs to the end, which is a failure of the type with what was done so far.
func (c *crowd) fails(kind string) *client.Failure {
	c.t.Helper()
	_, err := c.end()
	var failure *client.Failure
	require.ErrorAs(c.t, err, &failure)
	require.Equal(c.t, kind, failure.Type, failure.Message)
	for _, personal := range append(latchkeytest.Personal(), "member", "secret") {
		require.NotContains(c.t, failure.Message, personal, "failures are stored in the clear")
	}
	return failure
}

// locked returns n members that failed sign-ins locked an hour ago.
func locked(n int) []*connectors.Account {
	members := make([]*connectors.Account, n)
	for i := range members {
		members[i] = latchkeytest.Member(i+1, latchkeytest.FailedSignIns(time.Now()))
	}
	return members
}

func (c *crowd) start(in workflows.BulkInput) {
	c.t.Helper()
	in.Connection = c.name
	run, err := c.client.StartBulk(c.t.Context(), in)
	require.NoError(c.t, err)
	c.run = run
}

func (c *crowd) end() (*workflows.BulkResult, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), latchkeytest.Patience)
	defer cancel()
	return c.run.BulkResult(ctx)
}

// bulk runs to the end.
func (c *crowd) bulk(in workflows.BulkInput) *workflows.BulkResult {
	c.t.Helper()
	c.start(in)
	result, err := c.end()
	require.NoError(c.t, err)
	return result
}

// report is what became of each user; everybody has exactly one decision.
func (c *crowd) report() map[string]workflows.Decision {
	c.t.Helper()
	report := map[string]workflows.Decision{}
	require.NoError(c.t, c.run.Decisions(c.t.Context(), func(d workflows.Decision) error {
		key := d.UserID
		if d.Reference != nil {
			key = d.Reference.Username + d.Reference.Email
		}
		require.NotContains(c.t, report, key, "two decisions on one user")
		require.NotEmpty(c.t, d.Explanation)
		report[key] = d
		return nil
	}))
	return report
}

// await waits until the run is in a state.
func (c *crowd) await(state workflows.BulkState) *workflows.Progress {
	c.t.Helper()
	var progress *workflows.Progress
	require.Eventually(c.t, func() bool {
		var err error
		progress, err = c.run.Progress(c.t.Context())
		return err == nil && progress.State == state
	}, latchkeytest.Patience, 20*time.Millisecond)
	return progress
}

func (c *crowd) tell(what string) (*workflows.Progress, error) {
	return c.run.Command(c.t.Context(), what, workflows.Command{RequestedBy: "otto", RequestReason: "INC-1"})
}

// hold keeps every unlock from going on until release is closed; entered tells of each.
func (c *crowd) hold(most int) (entered chan string, release chan struct{}) {
	entered, release = make(chan string, most), make(chan struct{})
	c.OnUnlock = func(_ context.Context, id string) error {
		entered <- id
		<-release
		return nil
	}
	return entered, release
}

func to[T any](value T) *T { return &value }

func minutes(n int) workflows.Duration { return workflows.Duration(time.Duration(n) * time.Minute) }

// noDate is a lock that the provider does not date.
func noDate() connectors.Lock {
	return connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn}
}

func since(ago time.Duration, reason connectors.Reason) connectors.Lock {
	lock := latchkeytest.FailedSignIns(time.Now().Add(time.Hour - ago))
	lock.Reason = reason
	return lock
}

// manySuspended is how many of mostlySuspended are left out: they fill a run at little cost.
const manySuspended = 240

// mostlySuspended returns n members, the first of whom are suspended.
func mostlySuspended(n int) []*connectors.Account {
	members := locked(n)
	for _, member := range members[:manySuspended] {
		member.State.Suspended = true
	}
	return members
}
