package unlockmany_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/unlockmany"
)

// failedSignIns are the reasons that a run over all locked users clears by default.
var failedSignIns = []connectors.Reason{connectors.ReasonFailedSignIn}

// TestPolicyAsGuard: a policy demands of every user what its fields say.
func TestPolicyAsGuard(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given, hides bool
		policy       workflows.Policy
		want         workflows.Guard
	}{
		"all locked users":                 {want: workflows.Guard{OnlyReasons: failedSignIns, MinLockedFor: minutes(15), ExcludePrivileged: true}},
		"a given list":                     {given: true, want: workflows.Guard{OnlyReasons: []connectors.Reason{}}},
		"a provider that hides privileges": {hides: true, want: workflows.Guard{OnlyReasons: failedSignIns, MinLockedFor: minutes(15)}},
		"patterns and the longest age": {given: true, policy: workflows.Policy{Exclude: []string{"a"}, Include: []string{"group:b"}, MaxLockedFor: minutes(9)},
			want: workflows.Guard{OnlyReasons: []connectors.Reason{}, Exclude: []string{"a"}, Include: []string{"group:b"}, MaxLockedFor: minutes(9)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := workflows.BulkInput{Connection: "c-1", Policy: test.policy}
			if test.given {
				in.Users = []connectors.UserRef{{ID: latchkeytest.UserID}}
			}
			require.NoError(t, in.Normalise())
			require.Equal(t, test.want, unlockmany.Demands(&in.Policy, test.hides))
		})
	}
}
