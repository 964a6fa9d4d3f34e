package directory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/internal/directory"
	"github.com/latchkey-iam/latchkey/internal/directory/directorytest"
)

// TestDS389: two suppliers start from the template and follow each other, again after one was
// killed.
func TestDS389(t *testing.T) {
	t.Parallel()
	directorytest.SkipWithoutRoot(t, directory.HasDS389())
	d, err := directory.StartDS389(t.Context(), directory.DS389Options{Suppliers: 2})
	require.NoError(t, err)
	defer d.Close()
	d.Servers[1].Stop()
	require.NoError(t, d.Servers[1].Start(t.Context()))
}
