package ceiling_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	temporalclient "go.temporal.io/sdk/client"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/ceiling"
)

// TestCeilingHolds: whatever is asked, in whatever order, no hour sees more runs admitted than
// the limit with which the last of them asked; and a run that was admitted stays so for an hour.
func TestCeilingHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		counted := &ceiling.Counted{}
		now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
		admitted := map[string]time.Time{}
		for range rapid.IntRange(1, 40).Draw(t, "questions") {
			now = now.Add(time.Duration(rapid.IntRange(0, int(testCeilingWindow)/2).Draw(t, "later")))
			limit := rapid.IntRange(1, 6).Draw(t, "limit")
			runs := rapid.SliceOfN(rapid.Map(rapid.IntRange(1, 12), func(n int) string { return fmt.Sprint(n) }), 1, 8).Draw(t, "runs")
			for i, in := range counted.Admit(now, limit, runs...) {
				at, before := admitted[runs[i]]
				again := before && now.UnixMilli()-at.UnixMilli() < testCeilingWindow.Milliseconds()
				count := 0
				for _, at := range admitted {
					if now.UnixMilli()-at.UnixMilli() < testCeilingWindow.Milliseconds() {
						count++
					}
				}
				require.Equal(t, again || count < limit, in, "%d of %d within the hour", count, limit)
				if in && !again {
					admitted[runs[i]] = now
				}
			}
		}
	})
}

// ceilings are the ends of KeepCeiling, with the runs of each. They are recorded for the replay.
func ceilings() map[string]latchkeytest.Play {
	return map[string]latchkeytest.Play{
		"ceiling with nothing left to count": func(t *testing.T) []*historypb.History {
			t.Helper()
			c := newCounter(t)
			require.Equal(t, []bool{true, true, false}, c.ask(2, "a", "b", "c"))
			require.Equal(t, []bool{true, false}, c.ask(2, "b", "c"), "a further attempt is not counted again")
			return c.ended()
		},
		"ceiling chain": func(t *testing.T) []*historypb.History {
			t.Helper()
			c := newCounter(t)
			for i := range testAsksPerRun {
				require.Equal(t, []bool{i < 2}, c.ask(2, fmt.Sprint(i)))
			}
			require.Equal(t, []bool{true, false}, c.ask(2, "1", "x"), "what was counted is handed on")
			require.Equal(t, []bool{true}, c.ask(3, "x"), "a higher limit has room for more")
			require.Equal(t, []bool{false}, c.ask(1, "y"), "a lower limit counts what there is")
			return c.ended()
		},
		"ceiling with a wrong input": func(t *testing.T) []*historypb.History {
			t.Helper()
			return newCounter(t).refuses(workflows.CeilingInput{Connection: "JC Prod"}, "connection")
		},
		"ceiling that takes up nothing": func(t *testing.T) []*historypb.History {
			t.Helper()
			c := newCounter(t)
			return c.refuses(workflows.CeilingInput{Connection: c.connection, Admitted: []workflows.Admission{{Run: "a", At: 1}}}, "admitted")
		},
		"ceiling that is cancelled": func(t *testing.T) []*historypb.History {
			t.Helper()
			c := newCounter(t)
			require.Equal(t, []bool{true}, c.ask(1, "a"))
			require.NoError(t, c.temporal.Client.CancelWorkflow(t.Context(), c.id(), ""))
			require.ErrorContains(t, c.end(), "canceled")
			return c.histories()
		},
	}
}

// counter is the ceiling of a connection on the embedded server.
type counter struct {
	t          *testing.T
	temporal   *latchkeytest.Temporal
	connection string
	// first is the chain's first run.
	first string
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	return &counter{t: t, temporal: latchkeytest.Server(t), connection: latchkeytest.ConnectionName()}
}

func (c *counter) id() string { return workflows.CeilingID(c.connection) }

// ask asks as a worker does, again where a run continues as new meanwhile.
func (c *counter) ask(limit int, runs ...string) []bool {
	c.t.Helper()
	var result workflows.AdmitResult
	require.Eventually(c.t, func() bool {
		start := c.temporal.Client.NewWithStartWorkflowOperation(temporalclient.StartWorkflowOptions{
			ID: c.id(), TaskQueue: workflows.TaskQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		}, workflows.KeepCeilingName, workflows.CeilingInput{Connection: c.connection})
		handle, err := c.temporal.Client.UpdateWithStartWorkflow(c.t.Context(), temporalclient.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: start,
			UpdateOptions: temporalclient.UpdateWorkflowOptions{
				UpdateName: workflows.AdmitUpdate, WaitForStage: temporalclient.WorkflowUpdateStageCompleted,
				Args: []any{workflows.AdmitRequest{Limit: limit, Runs: runs}},
			},
		})
		if err != nil || handle.Get(c.t.Context(), &result) != nil {
			return false
		}
		if c.first == "" {
			c.first = handle.RunID()
		}
		return true
	}, latchkeytest.Patience, 20*time.Millisecond)
	return result.Admitted
}

// end waits until the chain has ended.
func (c *counter) end() error {
	return c.temporal.Client.GetWorkflow(c.t.Context(), c.id(), c.first).Get(c.t.Context(), nil)
}

// ended waits for the end that comes when nothing is left to count.
func (c *counter) ended() []*historypb.History {
	c.t.Helper()
	require.Contains(c.t, latchkeytest.Metadata(c.t, c.temporal.Client, c.id(), "").GetCurrentDetails(), "unlocks an hour at `"+c.connection+"` are used")
	require.NoError(c.t, c.end())
	require.Contains(c.t, latchkeytest.InClear(c.t, c.temporal.Client, c.id(), ""), c.connection)
	return c.histories()
}

// refuses starts a ceiling with an input of which it says what is wrong.
func (c *counter) refuses(in workflows.CeilingInput, fault string) []*historypb.History {
	c.t.Helper()
	run, err := c.temporal.Client.ExecuteWorkflow(c.t.Context(), temporalclient.StartWorkflowOptions{ID: c.id(), TaskQueue: workflows.TaskQueue}, workflows.KeepCeilingName, in)
	require.NoError(c.t, err)
	c.first = run.GetRunID()
	require.ErrorContains(c.t, c.end(), fault)
	return c.histories()
}

func (c *counter) histories() []*historypb.History {
	c.t.Helper()
	return latchkeytest.Chain(c.t, c.temporal.Client, c.id(), c.first)
}

// TestCeilings plays every ceiling.
func TestCeilings(t *testing.T) {
	t.Parallel()
	for name, play := range ceilings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			histories := play(t)
			require.Equal(t, strings.Contains(name, "chain"), len(histories) > 1)
		})
	}
}

// TestCeilingRefuses: what could not be kept is refused before anything is written.
func TestCeilingRefuses(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	require.Equal(t, []bool{true}, c.ask(1, "a"))
	for name, request := range map[string]workflows.AdmitRequest{
		"no limit":       {Runs: []string{"b"}},
		"a huge limit":   {Limit: workflows.MaxCeiling + 1, Runs: []string{"b"}},
		"nobody":         {Limit: 1},
		"too many":       {Limit: 1, Runs: make([]string, workflows.MaxAsked+1)},
		"without a name": {Limit: 1, Runs: []string{""}},
		"a long name":    {Limit: 1, Runs: []string{strings.Repeat("b", 65)}},
	} {
		handle, err := c.temporal.Client.UpdateWorkflow(t.Context(), temporalclient.UpdateWorkflowOptions{
			WorkflowID: c.id(), RunID: c.first, UpdateName: workflows.AdmitUpdate, Args: []any{request}, WaitForStage: temporalclient.WorkflowUpdateStageCompleted})
		if err == nil {
			err = handle.Get(t.Context(), nil)
		}
		require.ErrorContains(t, err, "must", name)
	}
}
