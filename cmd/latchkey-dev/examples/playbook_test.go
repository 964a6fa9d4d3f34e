package examples

import (
	"bytes"
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/devtest"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// TestPlaybook runs the example as its documentation says: who may be unlocked is, and for
// who may not a case is opened.
func TestPlaybook(t *testing.T) {
	t.Parallel()
	environment := devtest.Start(t, "")
	playbook := buildPlaybook(t)
	locked, err := environment.Locked("ada")
	require.NoError(t, err)
	suspended, err := environment.Locked("grace")
	require.NoError(t, err)
	require.NoError(t, environment.Tenant(dev.JumpCloud).Act(suspended, "suspend", nil))
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
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			command := exec.CommandContext(ctx, playbook, append(c.args, "-address", environment.Temporal.Address(), "-ticket", ticket)...)
			var faults strings.Builder
			command.Stderr = &faults
			out, err := command.Output()
			require.NoError(t, err, faults.String())
			want := `{"userId":"` + c.subject + `","code":"` + c.code + `"`
			if c.opened {
				want += `,"case":"CASE-` + ticket + `"`
			}
			require.Contains(t, string(out), want+"}\n")
			require.Equal(t, c.opened, bytes.HasPrefix(out, []byte("CASE-"+ticket+": "+c.code+" at account "+c.subject)), string(out))
		})
	}
	require.True(t, environment.Tenant(dev.JumpCloud).SignIn("ada", dev.Password).OK)
	require.False(t, environment.Tenant(dev.JumpCloud).SignIn("grace", dev.Password).OK)
}

// relock has a device try an old password again as soon as the user has been seen unlocked.
func relock(environment *dev.Environment, user string) {
	seen := 0
	environment.Tenant(dev.JumpCloud).Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpLookup, Path: user, Kind: simulator.KindChange, Hook: func(*http.Request) {
		if environment.Tenant(dev.JumpCloud).LockedAt(user, simulator.LayerAccount) {
			return
		}
		if seen++; seen == 2 { // The first proved the unlock.
			_ = environment.Tenant(dev.JumpCloud).LockByFailures(user) // The test notices when it fails.
		}
	}})
}

// buildPlaybook returns the path of the example's command.
func buildPlaybook(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "playbook")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/latchkey-iam/latchkey/examples/playbook").CombinedOutput()
	require.NoError(t, err, string(output))
	return path
}
