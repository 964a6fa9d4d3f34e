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
	if testing.Short() {
		t.Skip("it needs a directory server")
	}
	_, err := exec.LookPath("apt-get")
	if err != nil && !directory.HasOpenLDAP() && os.Getenv("CI") == "" {
		t.Skip("it needs a directory server, which can be installed on Debian and Ubuntu")
	}
}
