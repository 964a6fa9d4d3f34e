// Package directorytest is for tests that need a directory server.
package directorytest

import (
	"os"
	"os/exec"
	"testing"

	"github.com/latchkey-iam/latchkey/internal/directory"
)

// Skip skips a test that needs OpenLDAP when only quick tests are to run, and where it cannot be
// installed, except in a continuous integration.
func Skip(t testing.TB) {
	t.Helper()
	skip(t, directory.HasOpenLDAP())
}

// SkipWithoutRoot does the same for a test that needs 389 Directory Server or Samba, which
// only root can start; has says that it can be started.
func SkipWithoutRoot(t testing.TB, has bool) {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("it needs a directory server that only root can start")
	}
	skip(t, has)
}

func skip(t testing.TB, has bool) {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs a directory server")
	}
	_, err := exec.LookPath("apt-get")
	if err != nil && !has && os.Getenv("CI") == "" {
		t.Skip("it needs a directory server, which can be installed on Debian and Ubuntu")
	}
}
