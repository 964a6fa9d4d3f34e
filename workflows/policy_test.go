package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

func to[T any](value T) *T { return &value }

func minutes(n int) workflows.Duration { return workflows.Duration(time.Duration(n) * time.Minute) }

// failedSignIns are the reasons that a run over all locked users clears by default.
var failedSignIns = []connectors.Reason{connectors.ReasonFailedSignIn}

// TestPolicyCompleted: what is left out has the default of its kind of run, and what is
// given stays.
func TestPolicyCompleted(t *testing.T) {
	t.Parallel()
	hour := workflows.Duration(time.Hour)
	perUser := func(n int, within workflows.Duration) *workflows.MaxPerUser {
		return &workflows.MaxPerUser{Unlocks: n, Within: within}
	}
	cautious := workflows.Policy{
		OnlyReasons: &failedSignIns, MinLockedFor: to(minutes(15)), ExcludePrivileged: to(true), MaxPerRun: to(500), Concurrency: 10,
		MaxPerUser: perUser(3, 24*hour), Hold: &workflows.Hold{Above: to(50), Window: hour, Deadline: hour},
	}
	lax := workflows.Policy{
		OnlyReasons: &[]connectors.Reason{}, MinLockedFor: to(minutes(0)), ExcludePrivileged: to(false), MaxPerRun: to(0), Concurrency: 10,
		MaxPerUser: perUser(0, 0), Hold: &workflows.Hold{Off: true, Above: to(50), Window: hour, Deadline: hour},
	}
	own := workflows.Policy{
		OnlyReasons: &[]connectors.Reason{connectors.ReasonAdmin}, MinLockedFor: to(minutes(1)), MaxLockedFor: hour, ExcludePrivileged: to(false),
		Exclude: []string{"a"}, Include: []string{"b"}, MaxPerUser: perUser(1, hour), MaxPerRun: to(7), Concurrency: 3, DryRun: true,
		Hold: &workflows.Hold{Above: to(0), Window: minutes(2), Deadline: minutes(3)},
	}
	for name, test := range map[string]struct {
		policy workflows.Policy
		given  bool
		want   workflows.Policy
	}{
		"all locked users":                  {want: cautious},
		"a given list":                      {given: true, want: lax},
		"everything said, for all":          {policy: own, want: own},
		"everything said, for a list":       {policy: own, given: true, want: own},
		"a hold that is half said stays on": {policy: workflows.Policy{Hold: &workflows.Hold{Window: minutes(60)}}, given: true, want: with(lax, func(p *workflows.Policy) { p.Hold.Off = false })},
		"zeros that are meant": {policy: workflows.Policy{MinLockedFor: to(minutes(0)), MaxPerRun: to(0), MaxPerUser: perUser(0, 0), OnlyReasons: &[]connectors.Reason{}, ExcludePrivileged: to(false), Hold: &workflows.Hold{Off: true}},
			want: lax},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := test.policy
			workflows.Complete(&policy, test.given)
			require.Equal(t, test.want, policy)
			again := policy
			workflows.Complete(&again, test.given)
			require.Equal(t, policy, again, "a run of a chain completes what was completed")
		})
	}
}

// with changes a copy whose pointers lead to copies too.
func with(policy workflows.Policy, change func(*workflows.Policy)) workflows.Policy {
	policy.Hold = to(*policy.Hold)
	change(&policy)
	return policy
}

// TestCompletingLeavesTheCallersPolicyAlone: its pointers are not written through.
func TestCompletingLeavesTheCallersPolicyAlone(t *testing.T) {
	t.Parallel()
	hold, perUser := &workflows.Hold{}, &workflows.MaxPerUser{Unlocks: 1}
	policy := workflows.Policy{Hold: hold, MaxPerUser: perUser}
	workflows.Complete(&policy, false)
	require.Equal(t, &workflows.Hold{}, hold)
	require.Equal(t, &workflows.MaxPerUser{Unlocks: 1}, perUser)
}
