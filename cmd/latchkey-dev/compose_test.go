package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/registry/simulated"
)

// TestCompose: docker-compose.yml starts every simulated tenant where the Dockerfile says, and
// its worker serves each under a name of its own, by the credentials of the simulators.
func TestCompose(t *testing.T) {
	t.Parallel()
	compose, dockerfile := file(t, "../../docker-compose.yml"), file(t, "../../Dockerfile")
	var served []string
	for i, each := range simulated.Providers() {
		port, name := firstTenantPort+i, strings.ToUpper(each.Name)
		require.Contains(t, compose, fmt.Sprintf("- --%s=0.0.0.0:%d\n", addressFlag(each), port))
		require.Contains(t, compose, fmt.Sprintf("- 127.0.0.1:${%s_PORT:-%d}:%d\n", name, port, port))
		require.Regexp(t, fmt.Sprintf(`(?m)^EXPOSE.* %d\b`, port), dockerfile)
		served = append(served, "second-"+each.Name+":"+each.Name)
		for variable, value := range each.Settings(fmt.Sprintf("http://127.0.0.1:%d", port)) {
			require.Contains(t, compose, fmt.Sprintf("LATCHKEY_CONNECTION_SECOND_%s_%s: %s\n", name, variable, value))
		}
	}
	require.Contains(t, compose, "LATCHKEY_CONNECTIONS: "+strings.Join(served, ",")+"\n")
}

func file(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
