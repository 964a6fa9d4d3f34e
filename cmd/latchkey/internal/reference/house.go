package reference

import (
	"cmp"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"

	"github.com/latchkey-iam/latchkey/connectors/registry"
)

// rooms are the packages by their paths below the repository's root.
type rooms map[string]room

type room struct {
	// synopsis is the first sentence of the package's documentation.
	synopsis string
	imports  []string
}

// readRooms asks Go for the packages of both modules. It runs at the root.
func readRooms() (rooms, error) {
	found := rooms{}
	for _, folder := range []string{".", "cmd/latchkey-dev"} {
		list := exec.Command("go", "list", "-f", `{{.ImportPath}}|{{.Doc}}|{{join .Imports " "}}`, "./...") //nolint:noctx // it ends by itself
		list.Dir = folder
		output, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("list the packages in %s: %w", folder, err)
		}
		for line := range strings.Lines(string(output)) {
			parts := strings.SplitN(strings.TrimSpace(line), "|", 3)
			own := room{synopsis: parts[1]}
			for _, imported := range strings.Fields(parts[2]) {
				if path, ours := strings.CutPrefix(imported, module+"/"); ours {
					own.imports = append(own.imports, path)
				}
			}
			found[strings.TrimPrefix(parts[0], module+"/")] = own
		}
	}
	return found, nil
}

const anyProvider = "connectors/<provider>"

// drawn is the room under which the picture shows a package: a command with all that serves it
// alone, and the providers as one.
func drawn(path string) string {
	for _, whole := range []string{"cmd/latchkey-dev", "cmd/latchkey", "internal", "examples", "test"} {
		if path == whole || strings.HasPrefix(path, whole+"/") {
			return whole
		}
	}
	for _, provider := range registry.Providers() {
		if within, is := strings.CutPrefix(path+"/", "connectors/"+provider.Name+"/"); is {
			return anyProvider + strings.TrimSuffix("/"+within, "/")
		}
	}
	return path
}

// graph says which rooms of the picture import which.
type graph map[string]map[string]bool

// graph leaves out the examples, the tests' rooms and internal, which everybody may import.
func (r rooms) graph() graph {
	g := graph{}
	for path := range r {
		from := drawn(path)
		if slices.Contains([]string{"test", "examples", "internal"}, from) || strings.HasSuffix(from, "conformance") {
			continue
		}
		g[from] = map[string]bool{}
	}
	for path, own := range r {
		from := drawn(path)
		for _, imported := range own.imports {
			if to := drawn(imported); to != from && g[from] != nil && g[to] != nil {
				g[from][to] = true
			}
		}
	}
	return g
}

// reaches reports whether there is a way from one room to another.
func (g graph) reaches(from, to string) bool {
	return g[from][to] || g.over(from, to)
}

// over reports whether there is a way that leads over a third room.
func (g graph) over(from, to string) bool {
	for third := range g[from] {
		if third != to && g.reaches(third, to) {
			return true
		}
	}
	return false
}

// arrows are the imports that no way over a third room says already.
func (g graph) arrows(from string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(g[from])), func(to string) bool { return g.over(from, to) })
}

// house is the page with the picture and a line for each package.
func house() ([]byte, error) {
	found, err := readRooms()
	if err != nil {
		return nil, err
	}
	p := newPage("The house", "An arrow is an import. A room that can be reached over another has no arrow of its own. Everybody may import `internal`, which imports nothing of ours; the examples and what only tests import are left out.")
	p.printf("\n```mermaid\nflowchart TD\n")
	g := found.graph()
	for _, from := range slices.Sorted(maps.Keys(g)) {
		for _, to := range g.arrows(from) {
			p.printf("    %s --> %s\n", node(from), node(to))
		}
	}
	p.printf("```\n")
	p.heading("package", "what it does")
	for _, path := range slices.Sorted(maps.Keys(found)) {
		p.row(code(path), cmp.Or(found[path].synopsis, "Tests alone."))
	}
	return p.Bytes(), nil
}

// node is a room as Mermaid writes one.
func node(path string) string {
	name := strings.NewReplacer("/", "_", "-", "_", "<", "", ">", "").Replace(path)
	return fmt.Sprintf(`%s["%s"]`, name, strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(path))
}
