package testserver

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// ProgramVariable names the program, where that is built already: make test does that once
// for all packages.
const ProgramVariable = "TEST_TEMPORAL_SERVER"

// module is the folder of the module that holds the program, from the repository's root.
const module = "cmd/latchkey-dev"

var built = sync.OnceValues(build)

// program returns the path of the program, which is built when ProgramVariable names none.
func program() (string, error) {
	if named := os.Getenv(ProgramVariable); named != "" {
		return named, nil
	}
	return built()
}

// build builds the program to bin/ unless it is there and current. A cold build takes
// minutes. Packages are tested side by side: a lock lets one of them build.
func build() (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "bin", "testserver")
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return "", fmt.Errorf("build the tests' Temporal server: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("build the tests' Temporal server: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("build the tests' Temporal server: %w", err)
	}
	command := exec.Command("go", "build", "-o", path, "./testserver") //nolint:noctx,gosec // an interrupted test ends it; the path is our own
	command.Dir = filepath.Join(root, filepath.FromSlash(module))
	command.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOFLAGS=") })
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the tests' Temporal server: %w\n%s", err, bytes.TrimSpace(output))
	}
	return path, nil
}

// repository finds the root: tests run in their package's folder.
func repository() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository's root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, filepath.FromSlash(module), "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("find the repository's root: no folder above holds " + module + "/go.mod")
		}
		folder = parent
	}
}
