package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
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
	require.Contains(t, packages, "github.com/latchkey-iam/latchkey/cmd/latchkey/internal/cli")
	for _, name := range packages {
		for _, heavy := range []string{"go.temporal.io/server", "github.com/temporalio/ui-server", "modernc.org/sqlite"} {
			require.False(t, name == heavy || strings.HasPrefix(name, heavy+"/"), "%s is in cmd/latchkey", name)
		}
	}
}

// TestOnlyTheCommandLineNamesItself: what is below the commands is used by programs and read in
// the Temporal UI too, where a command or a flag of latchkey says nothing.
func TestOnlyTheCommandLineNamesItself(t *testing.T) {
	t.Parallel()
	var names []string
	for _, command := range (&app{}).root().Commands() {
		names = append(names, command.Name())
	}
	require.Contains(t, names, "unlock")
	named := regexp.MustCompile(`\blatchkey (` + strings.Join(names, "|") + `)\b|(^|[^-\w])--[a-z]`)
	require.Regexp(t, named, "start one with: latchkey worker")
	require.Regexp(t, named, "ask again with requestedBy (--requested-by)")
	read := 0
	for _, room := range []string{"worker", "client", "workflows", "activities", "connectors", "internal"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("..", "..", "..", "..", room), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if filepath.Base(filepath.Dir(path)) == "directory" { // It runs programs that have flags of their own.
				return nil
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			read++
			ast.Inspect(file, func(node ast.Node) bool {
				if literal, is := node.(*ast.BasicLit); is && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					require.NoError(t, err)
					require.NotRegexp(t, named, text, path)
				}
				return true
			})
			return nil
		}))
	}
	require.Greater(t, read, 50)
}
