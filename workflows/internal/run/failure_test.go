package run_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// TestUnderstand reads the ends of a step that a server can tell of. What matters most: an
// attempt that may have sent an unlock is never taken for one that did not.
func TestUnderstand(t *testing.T) {
	t.Parallel()
	details := func(sent connectors.Answer, attempt int) activities.FailureDetails {
		return activities.FailureDetails{Sent: sent, Attempt: attempt}
	}
	application := func(kind string, told ...any) error {
		return temporal.NewApplicationErrorWithOptions("it failed", kind, temporal.ApplicationErrorOptions{Details: told})
	}
	const (
		start       = enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
		closed      = enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
		attempt     = enumspb.TIMEOUT_TYPE_START_TO_CLOSE
		unavailable = string(connectors.Unavailable)
	)
	for name, test := range map[string]struct {
		err  error
		want run.Failure
		text string
	}{
		"a real failure": {application("RateLimited", details(connectors.No, 3)),
			run.Failure{Kind: "RateLimited", Sent: connectors.No, Attempt: 3}, "it failed"},
		"a failure that tells nothing": {application("RateLimited"),
			run.Failure{Kind: "RateLimited", Sent: connectors.Unknown}, "it failed"},
		"an unknown type": {application("PanicError"), run.Failure{Kind: workflows.TypeInternal, Sent: connectors.Unknown}, "failed as PanicError"},
		"never taken up":  {temporal.NewTimeoutError(start, nil), run.Failure{Kind: workflows.TypeNoWorker, Sent: connectors.No}, "no worker took the step up"},
		"not taken up again after a failure": {temporal.NewTimeoutError(start, application("Unavailable", details(connectors.No, 2)), details(connectors.No, 2)),
			run.Failure{Kind: unavailable, Sent: connectors.No, Attempt: 2}, "time ran out; the last attempt failed so: it failed"},
		"not taken up again after a death": {temporal.NewTimeoutError(start, temporal.NewTimeoutError(attempt, nil)),
			run.Failure{Kind: unavailable, Sent: connectors.Unknown, Attempt: 1}, "no attempt ended in time"},
		"died while sending": {temporal.NewTimeoutError(closed, nil, details(connectors.Unknown, 4)),
			run.Failure{Kind: unavailable, Sent: connectors.Unknown, Attempt: 4}, "no attempt ended in time"},
		"died before sending": {temporal.NewTimeoutError(closed, nil, details(connectors.No, 2)),
			run.Failure{Kind: unavailable, Sent: connectors.No, Attempt: 2}, "no attempt ended in time"},
		"told nothing": {temporal.NewTimeoutError(closed, nil),
			run.Failure{Kind: unavailable, Sent: connectors.Unknown, Attempt: 1}, "no attempt ended in time"},
		"failed, then died while sending": {temporal.NewTimeoutError(closed, application("RateLimited", details(connectors.No, 1)), details(connectors.Unknown, 2)),
			run.Failure{Kind: "RateLimited", Sent: connectors.Unknown, Attempt: 2}, "time ran out"},
		"failed, then told nothing": {temporal.NewTimeoutError(closed, application("RateLimited", details(connectors.No, 1))),
			run.Failure{Kind: "RateLimited", Sent: connectors.Unknown, Attempt: 1}, "time ran out"},
		"anything else": {errors.New("broken for " + latchkeytest.Email), run.Failure{Kind: workflows.TypeInternal, Sent: connectors.Unknown}, "unforeseen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run.Understand(test.err, "c-1")
			require.Contains(t, got.Message, test.text)
			require.NotContains(t, got.Message, latchkeytest.Email)
			got.Message, got.Answered = "", false
			require.Equal(t, test.want, got)
		})
	}
}
