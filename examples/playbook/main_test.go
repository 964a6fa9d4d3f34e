package main

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/internal/dev"
	"github.com/latchkey-iam/latchkey/internal/simulator"
)

// TestPlaybook runs the example as its documentation says: who may be unlocked is, and for
// who may not a case is opened.
func TestPlaybook(t *testing.T) {
	t.Parallel()
	environment := newEnvironment(t)
	locked, err := environment.Locked("ada")
	require.NoError(t, err)
	suspended, err := environment.Locked("grace")
	require.NoError(t, err)
	require.NoError(t, environment.JumpCloud.Act(suspended, "suspend", nil))
	watched, err := environment.Locked("edith")
	require.NoError(t, err)
	relock(environment, watched)
	const absent = "5f0c000000000000000000ff"

	for ticket, c := range map[string]struct {
		args    []string
		code    string
		subject string
		opened  bool
	}{
		"INC-1": {args: []string{"-email", "ada@example.com"}, subject: locked, code: "unlocked"},
		"INC-2": {args: []string{"-user-id", suspended}, subject: suspended, code: "refused", opened: true},
		"INC-4": {args: []string{"-user-id", watched, "-watch-for", "1m"}, subject: watched, code: "relocked", opened: true},
		"INC-3": {args: []string{"-user-id", absent}, subject: absent, code: "NotFound", opened: true},
	} {
		t.Run(c.code, func(t *testing.T) { // One after the other: the workers share a task queue.
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			var out bytes.Buffer
			require.NoError(t, run(ctx, append(c.args, "-address", environment.Temporal.Address(), "-ticket", ticket), &out))
			want := `{"userId":"` + c.subject + `","code":"` + c.code + `"`
			if c.opened {
				want += `,"case":"CASE-` + ticket + `"`
			}
			require.Contains(t, out.String(), want+"}\n")
			require.Equal(t, c.opened, bytes.HasPrefix(out.Bytes(), []byte("CASE-"+ticket+": "+c.code+" at account "+c.subject)), out.String())
		})
	}
	require.True(t, environment.JumpCloud.SignIn("ada", dev.Password).OK)
	require.False(t, environment.JumpCloud.SignIn("grace", dev.Password).OK)
}

// relock has a device try an old password again as soon as the user has been seen unlocked.
func relock(environment *dev.Environment, user string) {
	seen := 0
	environment.JumpCloud.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpLookup, Path: user, Kind: simulator.KindChange, Hook: func(*http.Request) {
		if environment.JumpCloud.Locked(user) {
			return
		}
		if seen++; seen == 2 { // The first proved the unlock.
			_ = environment.JumpCloud.LockByFailures(user) // The test notices when it fails.
		}
	}})
}

func newEnvironment(t *testing.T) *dev.Environment {
	t.Helper()
	environment, err := dev.Start(t.Context(), dev.FreePorts())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, environment.Stop()) })
	return environment
}
