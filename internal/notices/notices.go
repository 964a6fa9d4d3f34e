// Package notices gathers the licences of the libraries that are linked into our programs,
// which must go along with them.
package notices

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// ours begins the paths of our own modules, whose licence stands beside the notices.
const ours = "github.com/latchkey-iam/latchkey"

// elsewhere are the modules that hold no licence, with what stands in its place. A module
// that is not named here and holds none is an error.
var elsewhere = map[string]func(ctx context.Context, folder string) (string, error){
	// The same repository's next module holds it.
	"github.com/cactus/go-statsd-client/statsd": func(ctx context.Context, folder string) (string, error) {
		dir, err := list(ctx, folder, "-m", "-f", "{{.Dir}}", "github.com/cactus/go-statsd-client/v5")
		if err != nil {
			return "", err
		}
		return texts(map[string]bool{strings.TrimSpace(dir): true})
	},
	"github.com/nexus-rpc/nexus-proto-annotations": func(context.Context, string) (string, error) {
		return "This module holds no licence; see https://github.com/nexus-rpc/nexus-proto-annotations.\n", nil
	},
}

// legal is what the files are called that hold licences, and what goes with them.
var legal = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|copyright|notice|patents|authors)([._-].*)?$`)

// library is a module that is linked.
type library struct {
	path, version string
	// folders are those of its packages that are linked, and those above them.
	folders map[string]bool
}

// Write writes the licences of all that is linked into the packages of the module in the
// folder, built as the environment says; everything is read from the module cache.
func Write(ctx context.Context, to io.Writer, folder string, packages ...string) error {
	libraries, err := linked(ctx, folder, packages)
	if err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString("The programs in this image hold the libraries below, each under its own licence.\n")
	var faults []error
	for _, path := range slices.Sorted(maps.Keys(libraries)) {
		found, err := libraries[path].licence(ctx, folder)
		if err != nil {
			faults = append(faults, err)
		}
		fmt.Fprintf(&text, "\n%s\n%s %s\n\n%s", strings.Repeat("=", 80), path, libraries[path].version, found)
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	_, err = io.WriteString(to, text.String())
	return err
}

// linked returns the modules behind the packages, by their paths.
func linked(ctx context.Context, folder string, packages []string) (map[string]*library, error) {
	const format = "{{if .Standard}}{{else}}{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}\t{{.Dir}}{{end}}"
	listed, err := list(ctx, folder, append([]string{"-deps", "-f", format}, packages...)...)
	if err != nil {
		return nil, err
	}
	libraries := map[string]*library{}
	for line := range strings.Lines(listed) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 4 || fields[0] == ours || strings.HasPrefix(fields[0], ours+"/") {
			continue
		}
		path, version, root, dir := fields[0], fields[1], fields[2], fields[3]
		if libraries[path] == nil {
			libraries[path] = &library{path: path, version: version, folders: map[string]bool{root: true}}
		}
		for ; len(dir) > len(root); dir = filepath.Dir(dir) {
			libraries[path].folders[dir] = true
		}
	}
	return libraries, addStandard(ctx, folder, libraries)
}

// addStandard adds Go's own library, which is in every program.
func addStandard(ctx context.Context, folder string, libraries map[string]*library) error {
	said, err := run(ctx, folder, "env", "GOROOT", "GOVERSION")
	if err != nil {
		return err
	}
	root, version, _ := strings.Cut(strings.TrimSpace(said), "\n")
	libraries["Go"] = &library{path: "Go", version: version, folders: map[string]bool{root: true}}
	return nil
}

// licence is all that the module says about its licence.
func (l *library) licence(ctx context.Context, folder string) (string, error) {
	found, err := texts(l.folders)
	if found == "" && err == nil && elsewhere[l.path] != nil {
		found, err = elsewhere[l.path](ctx, folder)
	}
	if found == "" && err == nil {
		err = fmt.Errorf("%s %s holds no licence: find out where it stands, and add it to internal/notices", l.path, l.version)
	}
	return found, err
}

// texts puts together the legal files of folders, the highest folder's first.
func texts(folders map[string]bool) (string, error) {
	var text strings.Builder
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return "", fmt.Errorf("look for licences: %w", err)
		}
		for _, entry := range entries {
			if !entry.Type().IsRegular() || !legal.MatchString(entry.Name()) || filepath.Ext(entry.Name()) == ".go" {
				continue
			}
			content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
			if err != nil {
				return "", fmt.Errorf("read a licence: %w", err)
			}
			fmt.Fprintf(&text, "%s\n", bytes.TrimRight(content, "\n"))
		}
	}
	return text.String(), nil
}

func list(ctx context.Context, folder string, args ...string) (string, error) {
	return run(ctx, folder, append([]string{"list"}, args...)...)
}

// run runs the go command.
func run(ctx context.Context, folder string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the packages are those that whoever builds an image names
	command.Dir = folder
	var faults bytes.Buffer
	command.Stderr = &faults
	said, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(faults.String()))
	}
	return string(said), nil
}
