package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// A server that takes seconds to set up is set up once, and copied for each run.

// templateOf returns the folder in which build has set a server up. It is kept in the user's
// cache folder, by the server's version and by the recipe; another process that builds it at
// the same time is waited for.
func templateOf(ctx context.Context, name, version, recipe string, build func(ctx context.Context, folder string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	parent := filepath.Join(cache, "latchkey", "directories")
	if err := os.MkdirAll(parent, 0o750); err != nil {
		return "", fmt.Errorf("set %s up: %w", name, err)
	}
	folder := filepath.Join(parent, fmt.Sprintf("%s-%x", name, sha256.Sum256([]byte(version+"\x00"+recipe)))[:len(name)+13])
	unlock, err := lockFile(folder + ".lock")
	if err != nil {
		return "", fmt.Errorf("set %s up: %w", name, err)
	}
	defer unlock()
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	building := folder + ".building"
	if err := os.RemoveAll(building); err != nil {
		return "", fmt.Errorf("set %s up: %w", name, err)
	}
	if err := build(ctx, building); err != nil {
		return "", fmt.Errorf("set %s up: %w", name, errors.Join(err, os.RemoveAll(building)))
	}
	return folder, os.Rename(building, folder)
}

// lockFile waits until no other process holds the file.
func lockFile(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil
}

// copyFolder copies a template with its owners and modes.
func copyFolder(ctx context.Context, from, to string) error {
	return run(ctx, nil, "cp", "-a", from, to)
}

// run runs a program to its end. Its output is in the error.
func run(ctx context.Context, environment []string, name string, arguments ...string) error {
	command := exec.CommandContext(ctx, name, arguments...) //nolint:gosec // the arguments are our own
	command.Env = append(os.Environ(), environment...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, output)
	}
	return nil
}

// versionOf is what a program says of its version.
func versionOf(ctx context.Context, name string, arguments ...string) string {
	output, _ := exec.CommandContext(ctx, name, arguments...).CombinedOutput() //nolint:gosec // the arguments are our own
	return string(output)
}
