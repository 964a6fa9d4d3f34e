package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"pgregory.net/rapid"
)

// TestAttemptsGoOnUntilTheEnd: however long a step may take, and however long its attempts
// take, no second of it is left without an attempt that fits, and none comes after its end.
func TestAttemptsGoOnUntilTheEnd(t *testing.T) {
	t.Parallel()
	policy := &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second}
	rapid.Check(t, func(t *rapid.T) {
		step := time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "step"))
		took := time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "an attempt takes"))
		elapsed := took
		for number := 1; ; number++ {
			wait := backoff(activity.Info{Attempt: int32(number), RetryPolicy: policy})
			now := time.Now()
			current := attempt{number: number, began: now, here: now, until: now.Add(step - elapsed), step: step, wait: wait}
			delay := current.delay()
			if delay == 0 {
				delay = wait
			}
			if elapsed+delay >= step { // The server begins no attempt that would come too late.
				break
			}
			require.GreaterOrEqual(t, delay, shortestWait-time.Millisecond, "attempt %d", number)
			elapsed += delay + took
		}
		require.Greater(t, elapsed, step-2*shortestWait-time.Millisecond, "attempts ended too early")
	})
}

// TestBackoff: it is what the server would wait.
func TestBackoff(t *testing.T) {
	t.Parallel()
	policy := &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second}
	for number, want := range map[int32]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 30 * time.Second, 100000: 30 * time.Second} {
		require.Equal(t, want, backoff(activity.Info{Attempt: number, RetryPolicy: policy}), number)
	}
	require.Zero(t, backoff(activity.Info{Attempt: 1}), "unknown: it is left to the server")
}
