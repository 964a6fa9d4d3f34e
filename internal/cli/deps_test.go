package cli

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoServerInside keeps Temporal's server out of the command that runs in production.
func TestNoServerInside(t *testing.T) {
	t.Parallel()
	listed, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "github.com/latchkey-iam/latchkey/cmd/latchkey").Output()
	require.NoError(t, err)
	packages := strings.Fields(string(listed))
	require.Contains(t, packages, "github.com/latchkey-iam/latchkey/internal/cli")
	for _, name := range packages {
		for _, heavy := range []string{"go.temporal.io/server", "github.com/temporalio/ui-server", "modernc.org/sqlite"} {
			require.False(t, name == heavy || strings.HasPrefix(name, heavy+"/"), "%s is in cmd/latchkey", name)
		}
	}
}
