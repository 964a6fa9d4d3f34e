package directory_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/internal/directory"
	"github.com/latchkey-iam/latchkey/internal/directory/directorytest"
)

// TestSamba: a domain controller starts from its template, knows its service account, stops,
// starts again, and leaves nothing.
func TestSamba(t *testing.T) {
	t.Parallel()
	directorytest.SkipWithoutRoot(t, directory.HasSamba())
	dc, err := directory.StartSamba(t.Context())
	require.NoError(t, err)
	defer dc.Close()
	trusted := x509.NewCertPool()
	authority, err := os.ReadFile(dc.Authority.File)
	require.NoError(t, err)
	require.True(t, trusted.AppendCertsFromPEM(authority))
	for range 2 {
		connection, err := ldap.DialURL(dc.TLSURL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: trusted, ServerName: dc.Host}))
		require.NoError(t, err)
		require.NoError(t, connection.Bind(directory.SambaService, directory.SambaServicePassword))
		require.NoError(t, connection.Close())
		dc.Stop()
		require.NoError(t, dc.Start(t.Context()))
	}
}
