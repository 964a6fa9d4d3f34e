package activities_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestEveryKind maps each kind of failure to Temporal's, with and without a wait.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	for _, kind := range connectors.Kinds() {
		said, known := workflows.Ending(string(kind))
		require.True(t, known, kind)
		require.Equal(t, kind.Retryable(), said.Again == workflows.AgainYes, kind)
		for _, wait := range []time.Duration{0, 90 * time.Second} {
			t.Run(fmt.Sprint(kind, wait), func(t *testing.T) {
				t.Parallel()
				b := newBench(locked())
				b.OnLookup = func(context.Context, int) (*connectors.Account, error) {
					return nil, &connectors.Error{Kind: kind, Provider: "fake", Operation: "look up", Status: 418, Code: "TEAPOT",
						Message: "it is a teapot", RetryAfter: wait, RequestID: "r-1", Cause: context.DeadlineExceeded}
				}
				_, err := run[activities.LookupResult](b, b.steps.Lookup, activities.LookupInput{Ref: connectors.UserRef{Email: latchkeytest.Email}})
				failure, details := requireFailure(t, err, string(kind))
				// What is tried again is what the catalogue says. The first time a refusal may not be
				// meant; see TestRefusalsAreAskedAgain.
				doubtful := said.Again == workflows.AgainTwice
				require.Equal(t, said.Again == workflows.AgainNo, failure.NonRetryable())
				delay := wait
				if doubtful {
					delay = time.Second
				}
				require.Equal(t, delay, failure.NextRetryDelay())
				require.Equal(t, temporal.ApplicationErrorCategoryUnspecified, failure.Category())
				require.Equal(t, activities.FailureDetails{Sent: connectors.No, Attempt: 1, Status: 418, Code: "TEAPOT"}, details)
				require.Contains(t, failure.Message(), "connection jc-prod: fake: look up: it is a teapot (status 418, code TEAPOT")
				if wait > 0 {
					require.Contains(t, failure.Message(), "retry after 1m30s")
				}
				require.NoError(t, failure.Unwrap(), "a cause would be stored too")
			})
		}
	}
}

// TestUnclassified: what no connector should say is a fault of Latchkey's, and is not repeated.
func TestUnclassified(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(context.Context, int) (*connectors.Account, error){
		"an error": func(context.Context, int) (*connectors.Account, error) {
			return nil, errors.New("secret token of " + latchkeytest.Email)
		},
		"a panic": func(context.Context, int) (*connectors.Account, error) {
			panic("secret token of " + latchkeytest.Email)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			b.OnLookup = broken
			for _, step := range []func() error{
				func() error {
					_, err := run[activities.LookupResult](b, b.steps.Lookup, activities.LookupInput{})
					return err
				},
				func() error {
					_, err := run[activities.UnlockResult](b, b.steps.Unlock, unlockInput(b, time.Minute))
					return err
				},
				func() error {
					_, err := run[activities.VerifyResult](b, b.steps.Verify, activities.VerifyInput{})
					return err
				},
				func() error {
					_, err := run[activities.VerifyResult](b, b.steps.Watch, activities.WatchInput{})
					return err
				},
			} {
				failure, _ := requireFailure(t, step(), activities.TypeInternal)
				require.True(t, failure.NonRetryable())
				require.NotContains(t, failure.Error(), "secret")
			}
			for _, entry := range b.logs.All() {
				require.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), "secret")
			}
		})
	}
}

// TestPanicDuringUnlock: what a broken connector has sent is not known.
func TestPanicDuringUnlock(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	b.AfterUnlock = func(context.Context, int) error { panic("secret") }
	_, err := run[activities.UnlockResult](b, b.steps.Unlock, unlockInput(b, 0))
	_, details := requireFailure(t, err, activities.TypeInternal)
	require.Equal(t, connectors.Unknown, details.Sent)
}
