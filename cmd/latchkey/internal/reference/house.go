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

// arrows are the imports between the rooms of the picture. Whoever can be reached over another
// room has no arrow of its own, and neither have the examples, the tests' rooms and internal,
// which everybody may import.
func (r rooms) arrows() map[string][]string {
	all := map[string]map[string]bool{}
	for path, own := range r {
		from := drawn(path)
		if from == "test" || from == "examples" || from == "internal" || strings.HasSuffix(from, "conformance") {
			continue
		}
		for _, imported := range own.imports {
			if to := drawn(imported); to != from && to != "internal" && to != "test" {
				if all[from] == nil {
					all[from] = map[string]bool{}
				}
				all[from][to] = true
			}
		}
	}
	var reaches func(from, to string) bool
	reaches = func(from, to string) bool {
		return all[from][to] || slices.ContainsFunc(slices.Collect(maps.Keys(all[from])), func(over string) bool { return reaches(over, to) })
	}
	arrows := map[string][]string{}
	for from, tos := range all {
		for to := range tos {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(tos)), func(over string) bool { return over != to && reaches(over, to) }) {
				arrows[from] = append(arrows[from], to)
			}
		}
		slices.Sort(arrows[from])
	}
	return arrows
}

// house is the page with the picture and a line for each package.
func house() ([]byte, error) {
	found, err := readRooms()
	if err != nil {
		return nil, err
	}
	p := newPage("The house", "An arrow is an import. A room that can be reached over another has no arrow of its own. Everybody may import `internal`, which imports nothing of ours; the examples and what only tests import are left out.")
	p.printf("\n```mermaid\nflowchart TD\n")
	arrows := found.arrows()
	for _, from := range slices.Sorted(maps.Keys(arrows)) {
		for _, to := range arrows[from] {
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
