package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// served returns how many workers serve each connection.
func served(t *testing.T, with *client.Client) map[string]int {
	t.Helper()
	listed, err := with.Connections(t.Context())
	require.NoError(t, err)
	workers := map[string]int{}
	for i, each := range listed {
		workers[each.Connection] = each.Workers
		require.True(t, i == 0 || listed[i-1].Connection < each.Connection, "they are in order")
	}
	return workers
}

// TestConnections: each worker of a connection counts, and one that has stopped does not.
func TestConnections(t *testing.T) {
	t.Parallel()
	temporal := latchkeytest.Server(t)
	asking := &client.Client{Temporal: temporal.Client}
	one, two := latchkeytest.ConnectionName(), latchkeytest.ConnectionName()
	listed := func(first, second int) func() bool {
		return func() bool {
			workers := served(t, asking)
			return workers[one] == first && workers[two] == second && workers[""] == 0
		}
	}
	temporal.Serve(t, latchkeytest.Connection{Name: one, Connector: latchkeytest.NewConnector(latchkeytest.Account())})
	for range 2 {
		temporal.Serve(t, latchkeytest.Connection{Name: two, Connector: latchkeytest.NewConnector(latchkeytest.Account())})
	}
	require.Eventually(t, listed(1, 2), latchkeytest.Patience, 100*time.Millisecond)
	stop := temporal.Serve(t, latchkeytest.Connection{Name: one, Connector: latchkeytest.NewConnector(latchkeytest.Account())})
	require.Eventually(t, listed(2, 2), latchkeytest.Patience, 100*time.Millisecond)
	stop()
	require.Eventually(t, listed(1, 2), latchkeytest.Patience, 100*time.Millisecond)
}

func TestConnectionsOfNoNamespace(t *testing.T) {
	t.Parallel()
	_, err := (&client.Client{Temporal: latchkeytest.Server(t).Client, Namespace: "no-such-namespace"}).Connections(t.Context())
	require.ErrorContains(t, err, "list the workers of the namespace")
}

// TestCheckConnection reads rights that are granted, denied and unknown.
func TestCheckConnection(t *testing.T) {
	t.Parallel()
	kinds := map[connectors.Kind]connectors.Answer{connectors.PermissionDenied: connectors.No, connectors.Unauthenticated: connectors.No,
		connectors.RateLimited: connectors.Unknown, connectors.NotFound: connectors.Yes}
	for kind, want := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.OnUnlock = func(context.Context, int) error { return latchkeytest.Fail(kind) }
			result, err := d.client.CheckConnection(t.Context(), d.name)
			require.NoError(t, err)
			require.Equal(t, d.name, result.Connection)
			require.Equal(t, latchkeytest.Provider, result.Provider)
			require.Equal(t, activities.Right{Right: activities.RightRead, Granted: connectors.Yes}, result.Rights[0])
			require.Equal(t, activities.Right{Right: activities.RightFind, Granted: connectors.Yes}, result.Rights[1])
			unlock := result.Rights[2]
			require.Equal(t, want, unlock.Granted)
			if want != connectors.Yes {
				require.Equal(t, kind, unlock.Kind)
				require.Contains(t, unlock.Advice, "as the test ordered")
			}
			require.True(t, d.Account().State.Locked(), "a check changes nothing")
		})
	}
}

func TestCheckConnectionFails(t *testing.T) {
	t.Parallel()
	temporal := latchkeytest.Server(t)
	asking := &client.Client{Temporal: temporal.Client}
	for name, test := range map[string]struct{ connection, kind, text string }{
		"a wrong name":  {"JC Prod", workflows.TypeInvalidInput, "lower-case letters"},
		"no name":       {"", workflows.TypeInvalidInput, "lower-case letters"},
		"nobody serves": {"unserved", workflows.TypeNoWorker, `"unserved"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := asking.CheckConnection(t.Context(), test.connection)
			require.Contains(t, requireFailure(t, err, test.kind).Message, test.text)
		})
	}
}

// TestCheckConnectionPanics: a fault of a connector is one of ours, and its text is not repeated.
func TestCheckConnectionPanics(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.OnUnlock = func(context.Context, int) error { panic(errors.New("broken for " + latchkeytest.Email)) }
	_, err := d.client.CheckConnection(t.Context(), d.name)
	failure := requireFailure(t, err, workflows.TypeInternal)
	require.NotContains(t, failure.Message, latchkeytest.Email)
	require.Nil(t, failure.Result)
}
