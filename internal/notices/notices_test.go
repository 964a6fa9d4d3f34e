package notices_test

import (
	"debug/buildinfo"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/internal/notices"
)

const root = "../.."

// licenceText is what the text of any licence holds.
var licenceText = regexp.MustCompile(`(?i)permi(t|ssion)|redistribution|without warranty|holds no licence`)

// sections are the notices by the first line of each: the module and its version.
func sections(t *testing.T, text string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, section := range strings.Split(text, "\n"+strings.Repeat("=", 80)+"\n")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		found[title] = body
	}
	return found
}

// TestEveryModule: each module that is in the program as it is built has its licence in the
// notices, and so has Go's own library.
func TestEveryModule(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "latchkey")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/latchkey")
	build.Dir = root
	said, err := build.CombinedOutput()
	require.NoError(t, err, string(said))
	built, err := buildinfo.ReadFile(program)
	require.NoError(t, err)
	require.NotEmpty(t, built.Deps)

	var text strings.Builder
	require.NoError(t, notices.Write(t.Context(), &text, root, "./cmd/latchkey"))
	found := sections(t, text.String())
	require.Regexp(t, licenceText, found["Go "+runtime.Version()])
	for _, module := range built.Deps {
		require.Regexp(t, licenceText, found[module.Path+" "+module.Version], "%s %s", module.Path, module.Version)
	}
	require.Len(t, found, len(built.Deps)+1, "and nothing that is not in it")
}

// TestParts: the licences of parts of a module go along where those parts are linked.
func TestParts(t *testing.T) {
	t.Parallel()
	write := func(of string) string {
		var text strings.Builder
		require.NoError(t, notices.Write(t.Context(), &text, root, of))
		return text.String()
	}
	require.Contains(t, write("github.com/klauspost/compress/zstd/internal/xxhash"), "Caleb Spare")
	require.NotContains(t, write("github.com/klauspost/compress/internal/le"), "Caleb Spare")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	require.ErrorContains(t, notices.Write(t.Context(), &text, root, "./nowhere"), "go list: ")
	require.Empty(t, text.String())
}
