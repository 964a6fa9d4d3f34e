package conformance

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// ending is a context that ends when it is told to, so that no test depends on how fast
// the machine is.
type ending struct {
	context.Context
	done chan struct{}
	once sync.Once
	err  error
}

func newEnding(parent context.Context, err error) *ending {
	return &ending{Context: parent, done: make(chan struct{}), err: err}
}

func (e *ending) Done() <-chan struct{} { return e.done }

func (e *ending) Err() error {
	select {
	case <-e.done:
		return e.err
	default:
		return e.Context.Err()
	}
}

func (e *ending) end() { e.once.Do(func() { close(e.done) }) }

// endedInFlight ends the caller's context while a step is under way: before its effect,
// between effect and answer, and within the answer's body.
func endedInFlight(t *testing.T, fresh maker) {
	eachStep(t, fresh, nil, func(t *testing.T, b *bench, step Step) {
		for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
			for name, when := range map[string]struct {
				fault  simulator.Fault
				inBody bool
				effect bool
			}{
				"before the effect": {fault: simulator.Fault{Kind: simulator.KindLatency, Delay: simulator.Duration(time.Minute)}},
				"after the effect":  {fault: simulator.Fault{Kind: simulator.KindLatency, Delay: simulator.Duration(time.Minute), AfterEffect: true}, effect: true},
				"within the body":   {fault: simulator.Fault{Kind: simulator.KindSlow, Delay: simulator.Duration(time.Minute)}, inBody: true, effect: true},
			} {
				ctx := newEnding(t.Context(), cause)
				before := b.relock(step)
				hook := func(*http.Request) { ctx.end() }
				if when.inBody {
					hook = func(*http.Request) { b.tap.onNext(ctx.end) }
				}
				b.order(step, simulator.Fault{Kind: simulator.KindChange, Hook: hook})
				b.order(step, when.fault)
				began := time.Now()
				got := b.act(ctx, b.open(), step.Action)
				require.Less(t, time.Since(began), patience, name)
				b.Peer().Faults.Clear()
				b.requireEnded(got, step, cause, when.inBody, name)
				if step.Unlocks && !step.Unlocked {
					require.Equal(t, when.effect, b.unlocks() > before, name)
				}
			}
		}
	})
}

// requireEnded: the context's end is told, with what it left behind.
func (b *bench) requireEnded(got outcome, step Step, cause error, inBody bool, name string) {
	b.t.Helper()
	if inBody && step.free() {
		// The unlock was accepted, whatever its body says. What follows it fails, if anything does.
		if got.err != nil {
			require.Equal(b.t, connectors.Yes, failureOf(b.t, got.err).Sent, name)
		}
		return
	}
	require.ErrorIs(b.t, got.err, cause, name)
	want := step.expectKind(connectors.Unavailable, connectors.Unknown)
	b.requireOutcome(got, step, want, "%s", name)
}

// relock locks every layer of the user before an unlock that may take effect, and
// returns how many unlocks there were.
func (b *bench) relock(step Step) int {
	if !step.Unlocks {
		return 0
	}
	b.LockByFailedSignIns(b.t, b.user)
	b.LockAsAdministrator(b.t, b.user)
	return b.unlocks()
}

// droppedConnections: a connection that breaks off before or after the effect leaves an
// unlock unknown; each was sent once.
func droppedConnections(t *testing.T, fresh maker) {
	eachStep(t, fresh, nil, func(t *testing.T, b *bench, step Step) {
		for _, afterEffect := range []bool{false, true} {
			before, calls := b.relock(step), b.Peer().Calls.Count(step.Operation)
			got := b.under(step, simulator.Fault{Kind: simulator.KindDrop, AfterEffect: afterEffect})
			want := step.expectKind(connectors.Unavailable, connectors.Unknown)
			b.requireOutcome(got, step, want, "after the effect: %t", afterEffect)
			if got.err != nil {
				require.NoError(t, failureOf(t, got.err).Cause)
			}
			if step.Unlocks {
				require.Equal(t, calls+1, b.Peer().Calls.Count(step.Operation), "an unlock is sent once")
				effect := b.unlocks() > before
				require.Equal(t, afterEffect || step.Unlocked, effect, "after the effect: %t", afterEffect)
			}
		}
	})
}
