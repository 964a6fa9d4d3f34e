package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// TestPlan: a seed always draws the same plan, which asks for everybody whom nobody may unlock,
// and in which Temporal and a worker are away once at least.
func TestPlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed, length := rapid.Uint64().Draw(t, "seed"), time.Duration(rapid.IntRange(2, 60).Draw(t, "seconds"))*time.Second
		plan := newPlan(seed, length)
		require.Equal(t, plan, newPlan(seed, length))
		forbidden, killed, away := map[string]bool{}, false, false
		for i, each := range plan {
			require.LessOrEqual(t, each.at, length)
			require.True(t, i == 0 || plan[i-1].at <= each.at, "in the order of time")
			switch {
			case each.request != nil && each.request.person >= ordinary:
				forbidden[each.request.connection+number(each.request.person)] = true
			case each.outage != nil:
				killed = killed || each.outage.crash && !each.outage.temporal
				away = away || each.outage.temporal
			}
		}
		require.True(t, killed && away)
		require.Len(t, forbidden, len(connections)*(allPeople-ordinary))
	})
}

// TestPlanOfFaults: a provider takes each of them.
func TestPlanOfFaults(t *testing.T) {
	t.Parallel()
	for _, connection := range connections {
		made, err := newTenant(connection)
		require.NoError(t, err)
		t.Cleanup(made.stop)
		for _, each := range newPlan(1, 10*time.Minute) {
			if each.fault != nil && each.fault.connection == connection {
				_, err := made.Faults.Add(each.fault.order)
				require.NoError(t, err)
				require.False(t, each.fault.order.AfterEffect && each.fault.order.Status/100 == 4, "such an answer says that nothing was done")
			}
		}
		require.NotEmpty(t, made.Faults.List())
	}
}

// TestAcceptedCalls: an unlock is accepted where the provider served it, or where its answer
// cannot be told from that.
func TestAcceptedCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault    simulator.Fault
		accepted map[string]bool
	}{
		"served":                 {simulator.Fault{Kind: simulator.KindHalf}, map[string]bool{jumpcloud: true, pingone: true}},
		"a web page":             {simulator.Fault{Kind: simulator.KindHTML}, map[string]bool{}},
		"a web page after it":    {simulator.Fault{Kind: simulator.KindHTML, AfterEffect: true}, map[string]bool{jumpcloud: true, pingone: true}},
		"nothing":                {simulator.Fault{Kind: simulator.KindEmpty}, map[string]bool{jumpcloud: true}},
		"what is not documented": {simulator.Fault{Kind: simulator.KindDeepJSON}, map[string]bool{jumpcloud: true}},
		"a failure":              {simulator.Fault{Kind: simulator.KindStatus, Status: 503}, map[string]bool{}},
		"a connection dropped":   {simulator.Fault{Kind: simulator.KindDrop}, map[string]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, connection := range []string{jumpcloud, pingone} {
				calls := []simulator.Call{{Operation: "unlock", Method: "POST", Path: "/users/ada/unlock", Faults: []int{7}}}
				accepted := acceptedCalls(calls, connection == jumpcloud, map[int]simulator.Fault{7: test.fault}, map[string]account{"ada": {}})
				require.Equal(t, test.accepted[connection], len(accepted) == 1, connection)
			}
		})
	}
}
