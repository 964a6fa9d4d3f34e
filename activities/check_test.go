package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/latchkeytest"
)

// check runs a check of the bench's connection.
func check(b *bench) (*activities.CheckResult, error) {
	b.environment.RegisterActivity(b.steps.Check)
	value, err := b.environment.ExecuteActivity(b.steps.Check)
	if err != nil {
		return nil, err
	}
	var result activities.CheckResult
	return &result, value.Get(&result)
}

// granted says what each kind of failure to do something to nobody proves.
func granted() map[connectors.Kind]connectors.Answer {
	return map[connectors.Kind]connectors.Answer{
		connectors.NotFound:         connectors.Yes,
		connectors.Unauthenticated:  connectors.No,
		connectors.PermissionDenied: connectors.No,
		connectors.Ambiguous:        connectors.Unknown, connectors.RejectedByProvider: connectors.Unknown,
		connectors.Conflict: connectors.Unknown, connectors.RateLimited: connectors.Unknown, connectors.Unavailable: connectors.Unknown,
		connectors.Untrusted: connectors.Unknown, connectors.MalformedResponse: connectors.Unknown, connectors.Unsupported: connectors.Unknown,
	}
}

// TestCheckEveryKind fails each of the three questions in each way; the answer to one
// right says nothing of the others.
func TestCheckEveryKind(t *testing.T) {
	t.Parallel()
	require.Len(t, granted(), len(connectors.Kinds()))
	for kind, want := range granted() {
		for asked, name := range []string{activities.RightRead, activities.RightFind, activities.RightUnlock} {
			t.Run(fmt.Sprint(kind, " ", name), func(t *testing.T) {
				t.Parallel()
				b := newBench(locked())
				failure := latchkeytest.Fail(kind)
				b.OnLookup = func(_ context.Context, n int) (*connectors.Account, error) {
					if n == asked+1 {
						return nil, failure
					}
					return nil, nil
				}
				b.OnUnlock = func(context.Context, int) error {
					if name == activities.RightUnlock {
						return failure
					}
					return nil
				}
				result, err := check(b)
				require.NoError(t, err)
				require.Equal(t, []string{connection, latchkeytest.Provider}, []string{result.Connection, result.Provider})
				require.Len(t, result.Rights, 3)
				for i, right := range result.Rights {
					expected := activities.Right{Right: []string{"read", "find", "unlock"}[i], Granted: connectors.Yes}
					if i == asked && want != connectors.Yes {
						expected.Granted, expected.Kind, expected.Advice = want, kind, failure.Error()
					}
					require.Equal(t, expected, right)
				}
				require.True(t, b.Account().State.Locked(), "a check changes nothing")
			})
		}
	}
}

// TestCheckAsksForNobody: what a check asks for exists nowhere.
func TestCheckAsksForNobody(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	witness := &witness{Connector: b.Connector}
	b.steps.Connector = witness
	result, err := check(b)
	require.NoError(t, err)
	require.Equal(t, []connectors.UserRef{{ID: latchkeytest.AbsentID}, {Username: "latchkey-connection-check-nobody"}}, witness.asked)
	require.Equal(t, []string{latchkeytest.AbsentID}, witness.unlocked)
	require.False(t, result.Lists)
	b.steps.Connector = lister{witness}
	result, err = check(b)
	require.NoError(t, err)
	require.True(t, result.Lists)
}

// witness notes what a connector is asked for.
type witness struct {
	*latchkeytest.Connector
	asked    []connectors.UserRef
	unlocked []string
}

func (w *witness) Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error) {
	w.asked = append(w.asked, ref)
	return w.Connector.Lookup(ctx, ref)
}

func (w *witness) Unlock(ctx context.Context, account *connectors.Account) error {
	w.unlocked = append(w.unlocked, account.ID)
	return w.Connector.Unlock(ctx, account)
}

// lister can list who is locked.
type lister struct{ connectors.Connector }

func (lister) ListLocked(context.Context, string, int) (connectors.Page, error) {
	return connectors.Page{}, nil
}

// TestCheckUnclassified: what a broken connector says is not repeated.
func TestCheckUnclassified(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	broken := errors.New("secret token of " + latchkeytest.Email)
	b.OnLookup = func(context.Context, int) (*connectors.Account, error) { return nil, broken }
	b.OnUnlock = func(context.Context, int) error { return broken }
	result, err := check(b)
	require.NoError(t, err)
	for _, right := range result.Rights {
		require.Equal(t, connectors.Unknown, right.Granted)
		require.Empty(t, right.Kind)
		require.Contains(t, right.Advice, "fault in Latchkey")
	}
	stored, err := json.Marshal(result)
	require.NoError(t, err)
	for _, private := range append(latchkeytest.Personal(), "secret") {
		require.NotContains(t, string(stored), private)
	}
}

func TestCheckPanics(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	b.OnUnlock = func(context.Context, int) error { panic("secret token of " + latchkeytest.Email) }
	_, err := check(b)
	failure, _ := requireFailure(t, err, activities.TypeInternal)
	require.True(t, failure.NonRetryable())
	require.NotContains(t, failure.Error(), "secret")
	for _, entry := range b.logs.All() {
		require.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), "secret")
	}
}
