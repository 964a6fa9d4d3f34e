package activities

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Interceptors do once what every attempt of a step needs: they bound its time, and turn its
// error or panic into a failure for Temporal. Whatever runs the steps has them: a worker or a
// test environment.
func (a *Activities) Interceptors() []interceptor.WorkerInterceptor {
	return []interceptor.WorkerInterceptor{&attemptInterceptor{steps: a}}
}

type attemptInterceptor struct {
	interceptor.WorkerInterceptorBase
	steps *Activities
}

// InterceptActivity puts an attempt around each step.
func (i *attemptInterceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &attemptInbound{interceptor.ActivityInboundInterceptorBase{Next: next}, i.steps}
}

type attemptInbound struct {
	interceptor.ActivityInboundInterceptorBase
	steps *Activities
}

// answerMargin is how long before its deadline an attempt gives up by itself, so that
// the real failure reaches the server before the server's own timer fires.
const answerMargin = 500 * time.Millisecond

// ExecuteActivity runs one attempt.
func (i *attemptInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (result any, err error) {
	info := activity.GetInfo(ctx)
	current := attemptOf(info)
	margin := min(answerMargin, time.Until(info.Deadline)/10)
	bounded, cancel := context.WithDeadline(context.WithValue(ctx, attemptKey{}, current), info.Deadline.Add(-margin))
	defer cancel()
	result, err = i.execute(bounded, in)
	if err == nil {
		return result, nil
	}
	sent := connectors.No
	if info.ActivityType.Name == UnlockName {
		sent = connectors.Unknown // Unless the step says better.
	}
	var told *sentError
	if errors.As(err, &told) {
		sent = told.sent
		// The next attempt is to know it. The attempt's own time may be over.
		activity.RecordHeartbeat(ctx, FailureDetails{Sent: sent, Attempt: current.number})
	}
	return nil, i.steps.failure(err, *current, sent)
}

// execute turns a panic into an error. The text of a panic may hold anything, and what the SDK
// makes of one is stored.
func (i *attemptInbound) execute(ctx context.Context, in *interceptor.ExecuteActivityInput) (result any, err error) {
	defer func() {
		if recover() != nil {
			i.steps.Audit.Error("a step panicked; this is a fault in Latchkey", zap.String("connection", i.steps.Connection), zap.Stack("stack"))
			err = errPanicked
		}
	}()
	return i.Next.ExecuteActivity(ctx, in) //nolint:wrapcheck // it is turned into a failure
}

var errPanicked = errors.New("the step panicked")

// sentError is the failure of an unlock that says what was sent over all attempts so far.
type sentError struct {
	error
	sent connectors.Answer
}

// Unwrap returns the failure itself.
func (e *sentError) Unwrap() error { return e.error }

// attempt is what a step knows of its own execution.
type attempt struct {
	number int
	// began is when the server handed the attempt out, by the server's clock; here is
	// the same moment by ours. Where the provider tells no time, ages are differences of
	// server times, so that workers' clocks do not matter.
	began, here time.Time
	// until is when the step has to end, by the server's clock, whatever its attempts do.
	// Wait is what the retry policy waits for after this attempt, and step how long the step
	// may take in all.
	until      time.Time
	wait, step time.Duration
}

func attemptOf(info activity.Info) *attempt {
	return &attempt{
		number: int(info.Attempt), began: info.StartedTime, here: time.Now(),
		until: info.ScheduledTime.Add(info.ScheduleToCloseTimeout), wait: backoff(info), step: info.ScheduleToCloseTimeout,
	}
}

type attemptKey struct{}

// thisAttempt is the one that the interceptor began.
func thisAttempt(ctx context.Context) *attempt {
	current, begun := ctx.Value(attemptKey{}).(*attempt)
	if !begun {
		panic(fmt.Sprintf("the worker of %s lacks Activities.Interceptors", activity.GetInfo(ctx).TaskQueue))
	}
	return current
}

// backoff is how long the server waits after an attempt that does not say how long.
func backoff(info activity.Info) time.Duration {
	policy := info.RetryPolicy
	if policy == nil {
		return 0
	}
	wait := float64(policy.InitialInterval) * math.Pow(policy.BackoffCoefficient, float64(info.Attempt-1))
	return time.Duration(min(wait, float64(policy.MaximumInterval)))
}

// now is the current time by the server's clock.
func (a attempt) now() time.Time { return a.began.Add(time.Since(a.here)) }
