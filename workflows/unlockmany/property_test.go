package unlockmany_test

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/registry"
	"github.com/latchkey-iam/latchkey/workflows/unlockmany"
)

// trial is one bulk run over a world, followed through its chain.
type trial struct {
	*world
	rules plain
	// tell is what an operator says to a run that holds; empty says nothing.
	tell string
	told bool
	last *workflows.BulkResult
	// most is how many children were open at once.
	open, most int
	decisions  []workflows.Decision
	result     *workflows.BulkResult
}

// TestBulkProperties: over random populations, policies and changes between the list and
// the unlock, nobody outside the policy is unlocked, and everybody found gets one decision. A
// list that is not whole is never taken for everybody, and what was seen before is kept.
func TestBulkProperties(t *testing.T) { //nolint:paralleltest // it shortens the runs of the whole process
	defer unlockmany.SetUsersPerRun(3)()
	rapid.Check(t, func(t *rapid.T) {
		trial := drawTrial(t)
		in := workflows.BulkInput{Connection: "c-1", Policy: trial.rules.policy}
		if trial.rules.given {
			in.Users = drawRefs(t, trial.world)
		} else if rapid.Bool().Draw(t, "ran before") {
			trial.ranBefore(t, in)
		}
		listed, missing := trial.listed()
		trial.play(t, in)
		trial.check(t, in, listed, missing)
		trial.checkMissing(t, listed, missing)
	})
}

// TestSeenBeforeIsKept: whoever was seen with a lock without a date is remembered, since when,
// until a list that was read whole shows that the lock is gone.
func TestSeenBeforeIsKept(t *testing.T) { //nolint:paralleltest // it shortens the runs of the whole process
	defer unlockmany.SetUsersPerRun(3)()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.IntRange(1, 6).Draw(t, "scan"))
		for n := range rapid.IntRange(1, 9).Draw(t, "members") {
			w.add(latchkeytest.Member(n+1, noDate()))
		}
		in := workflows.BulkInput{Connection: "c-1", Policy: workflows.Policy{DryRun: true, Hold: &workflows.Hold{Off: true}}}
		w.judge = func(*connectors.Account) string { return "it is a dry run" }
		trial := &trial{world: w}
		trial.play(t, in)
		before := seenAt(trial.result.FirstSeen)
		require.Len(t, before, len(w.ids))

		gone := map[string]bool{}
		for _, id := range w.ids {
			w.broken[id], w.dark[id], gone[id] = rarely(t, "broken"), rarely(t, "dark"), rarely(t, "gone")
			if gone[id] {
				w.Change(id, func(a *connectors.Account) { a.State.Locks = nil })
			}
		}
		trial.last = trial.result
		trial.result = nil
		trial.play(t, in)
		for id, since := range seenAt(trial.result.FirstSeen) {
			require.True(t, since.Equal(before[id]), id)
			require.False(t, gone[id] && !trial.result.Missing.Any(), id)
			delete(before, id)
		}
		for id := range before {
			require.True(t, gone[id] && trial.result.WalkedAll, "%s is forgotten, and nobody has seen it unlocked", id)
		}
	})
}

func drawTrial(t *rapid.T) *trial {
	trial := &trial{world: drawWorld(t), rules: plain{
		policy: drawPolicy(t), given: rapid.IntRange(0, 2).Draw(t, "given") == 0, hides: rapid.IntRange(0, 4).Draw(t, "hides") == 0,
		unlocksBefore: map[string]int{}, seenLong: map[string]bool{},
	}}
	trial.FoldsIDs = rapid.Bool().Draw(t, "folds")
	trial.tell = rapid.SampledFrom([]string{"", workflows.ReleaseUpdate, workflows.AbortUpdate}).Draw(t, "tell")
	for _, id := range trial.ids {
		trial.rules.unlocksBefore[id] = rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3}).Draw(t, "before")
	}
	trial.judge = trial.rules.forbids
	return trial
}

func drawRefs(t *rapid.T, w *world) []connectors.UserRef {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) connectors.UserRef {
		n := rapid.IntRange(1, len(w.ids)+1).Draw(t, "ref") // One more than there are.
		member := latchkeytest.Member(n)
		id := member.ID
		if w.FoldsIDs && rapid.Bool().Draw(t, "upper") {
			id = strings.ToUpper(id)
		}
		return rapid.SampledFrom([]connectors.UserRef{{ID: id}, {Username: member.Username}, {Email: member.Email}}).Draw(t, "by")
	}), 1, 12).Draw(t, "users")
}

// ranBefore lets a dry run see the locks without a date, some time ago.
func (c *trial) ranBefore(t *rapid.T, in workflows.BulkInput) {
	before := &trial{world: c.world, rules: c.rules, tell: workflows.ReleaseUpdate}
	c.judge = func(*connectors.Account) string { return "it was a dry run" }
	fates, broken, dark := c.fates, c.broken, c.dark
	c.fates, c.broken, c.dark = nil, nil, nil         // That list was whole.
	in.Policy.DryRun, in.Policy.MaxPerRun = true, nil // A dry run that stops at its limit has seen less than all.
	before.play(t, in)
	require.Empty(t, c.wrong)
	require.False(t, before.result.Missing.Any())
	c.judge, c.fates, c.hit, c.broken, c.dark = c.rules.forbids, fates, map[string]bool{}, broken, dark
	c.last = before.result
	ago := rapid.SampledFrom([]time.Duration{time.Minute, 20 * time.Minute}).Draw(t, "seen")
	for i, sighting := range c.last.FirstSeen {
		c.last.FirstSeen[i].Since = sighting.Since.Add(-ago)
		for _, id := range sighting.UserIDs {
			c.rules.seenLong[id] = ago > 15*time.Minute
		}
	}
}

// play runs the chain to its end.
func (c *trial) play(t *rapid.T, in workflows.BulkInput) {
	for range 100 {
		environment := c.environment()
		if in.Carried != nil {
			environment.SetContinuedExecutionRunID("the run before")
		}
		environment.ExecuteWorkflow(workflows.UnlockLockedUsersName, in)
		require.True(t, environment.IsWorkflowCompleted())
		err := environment.GetWorkflowError()
		var more *workflow.ContinueAsNewError
		if !errors.As(err, &more) {
			require.NoError(t, err)
			require.NoError(t, environment.GetWorkflowResult(&c.result))
			c.decisions = append(c.decisions, c.result.Decisions...)
			return
		}
		in = workflows.BulkInput{}
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(more.Input, &in))
		require.LessOrEqual(t, len(in.Carried.Result.Decisions), 3)
		c.decisions = append(c.decisions, in.Carried.Result.Decisions...)
	}
	require.Fail(t, "the chain has no end")
}

func (c *trial) environment() *testsuite.TestWorkflowEnvironment {
	environment := latchkeytest.Connection{Name: "c-1", Connector: c.world, HidesPrivilege: c.rules.hides, Records: latchkeytest.Retained(c.rules.unlocksBefore)}.
		Environment()
	registry.Register(environment, nil)
	environment.SetOnChildWorkflowStartedListener(func(*workflow.Info, workflow.Context, converter.EncodedValues) {
		c.open++
		c.most = max(c.most, c.open)
	})
	environment.SetOnChildWorkflowCompletedListener(func(*workflow.Info, converter.EncodedValue, error) { c.open-- })
	if c.last != nil {
		environment.SetLastCompletionResult(c.last)
	}
	if c.tell != "" {
		// Nothing else takes as long but a run that holds.
		environment.RegisterDelayedCallback(func() {
			environment.UpdateWorkflow(c.tell, "", &testsuite.TestUpdateCallback{
				OnAccept: func() {}, OnReject: func(error) {}, OnComplete: func(_ any, err error) { c.told = c.told || err == nil },
			}, workflows.Command{})
		}, 5*time.Minute)
	}
	return environment
}

// check states what no run may break.
func (c *trial) check(t *rapid.T, in workflows.BulkInput, listed []*connectors.Account, missing connectors.Missing) {
	require.Empty(t, c.wrong)
	effective, outcome := c.Unlocked(), c.result.Outcome
	for id, times := range effective {
		require.Equal(t, 1, times, id)
	}
	if most := c.rules.mostPerRun(); most > 0 {
		require.LessOrEqual(t, len(c.tried), most)
	}
	require.LessOrEqual(t, c.most, cmp.Or(in.Policy.Concurrency, 10))
	if in.Policy.DryRun {
		require.Empty(t, c.tried)
	}
	held := c.rules.holds(listed, missing.Rows) && !in.Policy.DryRun // A dry run only tells.
	require.Equal(t, held && c.tell == "", outcome == workflows.Held)
	require.Equal(t, held && c.tell == workflows.AbortUpdate, outcome == workflows.Aborted)
	require.Equal(t, held && c.tell != "", c.told)
	if outcome == workflows.Held || outcome == workflows.Aborted {
		require.Empty(t, c.tried)
	}
	c.checkDecisions(t, in, listed)
}

// checkDecisions: everybody found has exactly one, and the counts are theirs.
func (c *trial) checkDecisions(t *rapid.T, in workflows.BulkInput, listed []*connectors.Account) {
	counts, codes, users := map[string]int{}, map[string]int{}, map[string]workflows.Decision{}
	for _, decision := range c.decisions {
		counts[string(decision.Decision)]++
		require.NotEmpty(t, decision.Explanation)
		if decision.Code != "" {
			codes[decision.Code]++
		}
		if decision.Code == workflows.CodeDuplicate || decision.UserID == "" {
			continue
		}
		// Those of a list that was stopped are told by their references alone.
		if decision.UserID != strings.ToLower(decision.UserID) {
			require.Contains(t, []string{workflows.CodeMaxPerRun, workflows.CodeAborted}, decision.Code, "two spellings are one user")
		}
		require.NotContains(t, users, decision.UserID)
		users[decision.UserID] = decision
	}
	require.Equal(t, counts, c.result.Counts)
	require.Equal(t, codes, c.result.Codes)
	require.Len(t, c.decisions, c.result.Found)
	switch {
	case c.rules.given:
		require.Len(t, c.decisions, len(in.Users))
	case c.result.Outcome == workflows.Completed:
		require.True(t, c.result.WalkedAll)
		require.Len(t, users, len(listed))
	case c.result.Outcome == workflows.Incomplete:
		require.Len(t, users, len(listed))
	}
	for id := range c.Unlocked() {
		want := []workflows.Decided{"unlocked", "partially_unlocked"}
		if c.fates[id].relocked {
			want = []workflows.Decided{"relocked"}
		}
		require.Contains(t, want, users[id].Decision, id)
	}
	for id, decision := range users {
		if decision.Decision == "relocked" {
			require.True(t, c.fates[id].relocked)
		}
	}
}

// checkMissing: what the list lacks is in the result whenever it was read to its end, and
// whoever may still have a lock that was seen before is remembered.
func (c *trial) checkMissing(t *rapid.T, listed []*connectors.Account, missing connectors.Missing) {
	if c.rules.given {
		require.False(t, c.result.Missing.Any())
		return
	}
	switch c.result.Outcome {
	case workflows.Completed, workflows.Incomplete:
		require.Equal(t, missing, c.result.Missing)
		require.Equal(t, missing.Any(), c.result.Outcome == workflows.Incomplete)
	case workflows.Held, workflows.Aborted, workflows.LimitReached: // It may not have come to the end.
	}
	if !c.result.Missing.Any() {
		return
	}
	require.False(t, c.result.WalkedAll)
	require.Contains(t, c.result.Explanation, c.result.Missing.String())
	if c.last == nil {
		return
	}
	kept := seenAt(c.result.FirstSeen)
	for id, since := range seenAt(c.last.FirstSeen) {
		if !slices.ContainsFunc(listed, func(a *connectors.Account) bool { return a.ID == id }) {
			require.True(t, since.Equal(kept[id]), "%s is forgotten, and nobody has seen it unlocked", id)
		}
	}
}
