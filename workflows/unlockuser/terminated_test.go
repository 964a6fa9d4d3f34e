package unlockuser_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestTerminated: wherever a run is terminated, a later request for the user begins at once
// and ends with the account unlocked, which took effect once.
func TestTerminated(t *testing.T) {
	t.Parallel()
	user := latchkeytest.MemberID(1)
	for name, test := range map[string]struct {
		rules guard.Rules
		// arrange hangs the call in which the run is terminated.
		arrange func(c *latchkeytest.Crowd, hang func())
		step    workflows.Step
		outcome workflows.Outcome
		// named says that the requests have an ID of their own.
		named bool
	}{
		"looking up for a ticket": {step: workflows.StepLookup, outcome: workflows.Unlocked, named: true, arrange: func(c *latchkeytest.Crowd, hang func()) {
			c.OnLookup = func(context.Context, string) error { hang(); return nil }
		}},
		"looking up": {step: workflows.StepLookup, outcome: workflows.Unlocked, arrange: func(c *latchkeytest.Crowd, hang func()) {
			c.OnLookup = func(context.Context, string) error { hang(); return nil }
		}},
		"waiting for an approval": {step: workflows.StepApproval, outcome: workflows.Unlocked, rules: guard.Rules{ApprovalFor: []string{guard.ApprovalAlways}}},
		"unlocking": {step: workflows.StepUnlock, outcome: workflows.Unlocked, arrange: func(c *latchkeytest.Crowd, hang func()) {
			c.OnUnlock = func(context.Context, string) error { hang(); return nil }
		}},
		"verifying": {step: workflows.StepVerify, outcome: workflows.AlreadyUnlocked, arrange: func(c *latchkeytest.Crowd, hang func()) {
			c.OnLookup = func(context.Context, string) error {
				if c.Unlocked()[user] > 0 {
					hang()
				}
				return nil
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := latchkeytest.UnservedCrowd(t, latchkeytest.Locked(1)...)
			released, reached := make(chan struct{}), make(chan struct{})
			var hung atomic.Bool
			if test.arrange != nil {
				test.arrange(c, func() {
					if hung.CompareAndSwap(false, true) {
						close(reached)
						<-released
					}
				})
			}
			release := sync.OnceFunc(func() { close(released) })
			t.Cleanup(release)
			c.Serve(latchkeytest.Connection{Rules: test.rules})

			in := workflows.Input{Connection: c.Name, UserID: user, RequestedBy: "soar"}
			if test.named {
				in.RequestID = "ticket-" + c.Name
			}
			terminated := startOne(t, c, in)
			terminated.awaitStep(t, test.step)
			if test.arrange != nil {
				<-reached
			}
			for _, part := range []string{"**" + string(test.step) + "**", "until ", " UTC", "*Request Cancellation*"} {
				require.Contains(t, terminated.details(t), part)
			}
			require.NoError(t, c.Client.Temporal.TerminateWorkflow(t.Context(), terminated.run.GetID(), terminated.run.GetRunID(), ""))
			_, err := c.Client.Attach(terminated.run.GetID(), terminated.run.GetRunID()).Result(t.Context())
			var failure *client.Failure
			require.ErrorAs(t, err, &failure)
			require.Equal(t, workflows.TypeTerminated, failure.Type)

			again := startOne(t, c, in)
			require.NotEqual(t, terminated.run.GetRunID(), again.run.GetRunID())
			if test.step == workflows.StepApproval {
				again.awaitStep(t, workflows.StepApproval)
				require.NoError(t, again.answer(t.Context(), workflows.ApproveUpdate, "boss"))
			}
			result, err := c.Client.Attach(again.run.GetID(), again.run.GetRunID()).Result(t.Context())
			require.NoError(t, err)
			require.Equal(t, test.outcome, result.Outcome, result.Explanation)
			release()
			require.Equal(t, map[string]int{user: 1}, c.Unlocked())
		})
	}
}

// startOne starts an unlock of one of the crowd.
func startOne(t *testing.T, c *latchkeytest.Crowd, in workflows.Input) *stage {
	t.Helper()
	run, err := c.Client.Start(t.Context(), in)
	require.NoError(t, err)
	s := &stage{Temporal: latchkeytest.Server(t)}
	s.run = s.Temporal.Client.GetWorkflow(t.Context(), run.WorkflowID, run.RunID)
	return s
}
