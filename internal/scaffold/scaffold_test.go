package scaffold_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/internal/scaffold"
)

// TestScaffold lays the files over the tree: they compile, and fail the conformance
// suite for want of a peer.
func TestScaffold(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	files, err := scaffold.Files("acmeid", "Acme ID")
	require.NoError(t, err)
	overlay := map[string]map[string]string{"Replace": {}}
	folder := t.TempDir()
	for path, text := range files {
		written := filepath.Join(folder, filepath.Base(path))
		require.NoError(t, os.WriteFile(written, text, 0o600))
		overlay["Replace"][filepath.Join(root, path)] = written
	}
	list, err := json.Marshal(overlay)
	require.NoError(t, err)
	overlayFile := filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(overlayFile, list, 0o600))

	run := func(arguments ...string) ([]byte, error) {
		command := exec.CommandContext(t.Context(), "go", arguments...)
		command.Dir = root
		return command.CombinedOutput()
	}
	const added = "github.com/latchkey-iam/latchkey/connectors/acmeid"
	output, err := run("build", "-overlay", overlayFile, added)
	require.NoError(t, err, "%s", output)
	binary := filepath.Join(folder, "acmeid.test")
	output, err = run("test", "-vet=off", "-c", "-o", binary, "-overlay", overlayFile, added)
	require.NoError(t, err, "%s", output)
	output, err = exec.CommandContext(t.Context(), binary).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(output), "start the peer here")
}

func TestWrongName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a", "Acme", "acme-id", "../x", "1acme"} {
		_, err := scaffold.Files(name, "Acme")
		require.ErrorContains(t, err, "lower-case")
	}
}
