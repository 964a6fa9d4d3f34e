package directory_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/internal/directory"
	"github.com/latchkey-iam/latchkey/internal/directory/directorytest"
)

// TestOpenLDAP: the servers answer, stop, hang and come back, and nothing is left of them.
func TestOpenLDAP(t *testing.T) {
	t.Parallel()
	directorytest.Skip(t)
	started, err := directory.StartOpenLDAP(t.Context(), directory.OpenLDAPOptions{Consumers: 1})
	require.NoError(t, err)
	t.Cleanup(started.Close)
	require.Len(t, started.Servers, 2)
	for _, server := range started.Servers {
		require.NoError(t, bind(server))
	}
	provider := started.Servers[0]
	provider.Stop()
	require.False(t, provider.Running())
	require.Error(t, bind(provider))
	require.NoError(t, provider.Start(t.Context()))
	require.NoError(t, bind(provider))
	require.NoError(t, provider.Pause())
	require.NoError(t, provider.Continue())
	require.NoError(t, bind(provider))
	require.Contains(t, provider.Log(), "BIND")
	started.Close()
	require.NoDirExists(t, started.Folder())
	require.Empty(t, running(t, started.Folder()))
}

// TestKeeper: a server does not outlive the process that started it.
func TestKeeper(t *testing.T) {
	t.Parallel()
	directorytest.Skip(t)
	started, err := directory.StartOpenLDAP(t.Context(), directory.OpenLDAPOptions{})
	require.NoError(t, err)
	t.Cleanup(started.Close)
	require.NotEmpty(t, running(t, started.Folder()))
	started.Servers[0].Abandon()
	require.NoDirExists(t, started.Folder())
	require.Empty(t, running(t, started.Folder()))
}

func bind(server *directory.Slapd) error {
	connection, err := ldap.DialURL(server.URL)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	return connection.Bind(directory.OpenLDAPService, directory.OpenLDAPServicePassword)
}

// running lists the processes that name the folder.
func running(t *testing.T, folder string) []string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "ps", "-eo", "args").Output()
	require.NoError(t, err)
	var found []string
	for line := range strings.Lines(string(output)) {
		if strings.Contains(line, folder) {
			found = append(found, line)
		}
	}
	return found
}
