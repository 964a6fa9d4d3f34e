package conformance

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// interrupted: a connection that breaks off, and a caller who gives up, before or after the
// effect of a step, leave an unlock unknown. Each is sent once.
func interrupted(t *testing.T, fresh newFixture) {
	const long = simulator.Duration(time.Minute)
	eachStep(t, fresh, nil, func(t *testing.T, f *fixture, step Step) {
		for name, when := range map[string]struct {
			fault     simulator.Fault
			cancelled bool
		}{
			"dropped before the effect":   {fault: simulator.Fault{Kind: simulator.KindDrop}},
			"dropped after the effect":    {fault: simulator.Fault{Kind: simulator.KindDrop, AfterEffect: true}},
			"cancelled before the effect": {fault: simulator.Fault{Kind: simulator.KindLatency, Delay: long}, cancelled: true},
			"cancelled after the effect":  {fault: simulator.Fault{Kind: simulator.KindLatency, Delay: long, AfterEffect: true}, cancelled: true},
		} {
			before, requests := f.relock(step), f.Peer().Calls.Count(step.Operation)
			ctx, cancel := context.WithCancel(t.Context())
			if when.cancelled {
				f.order(step, simulator.Fault{Kind: simulator.KindChange, Hook: func(*http.Request) { cancel() }})
			}
			f.order(step, when.fault)
			began := time.Now()
			got := f.act(ctx, f.open(), step.Action)
			require.Less(t, time.Since(began), patience, name)
			cancel()
			f.Peer().Faults.Clear()

			f.requireOutcome(got, step, step.expectKind(connectors.Unavailable, connectors.Unknown), "%s", name)
			if when.cancelled {
				require.ErrorIs(t, got.err, context.Canceled, name)
			} else if got.err != nil {
				require.NoError(t, failureOf(t, got.err).Cause, name)
			}
			if step.Unlocks {
				unlocked := f.unlocks() > before
				require.Equal(t, when.fault.AfterEffect || step.Unlocked, unlocked, name)
				require.Equal(t, requests+1, f.Peer().Calls.Count(step.Operation), "an unlock is sent once")
			}
		}
	})
}

// relock locks every layer of the user before an unlock that may take effect, and
// returns how many unlocks there were.
func (f *fixture) relock(step Step) int {
	if !step.Unlocks {
		return 0
	}
	f.LockByFailedSignIns(f.t, f.user)
	f.LockAsAdministrator(f.t, f.user)
	return f.unlocks()
}
