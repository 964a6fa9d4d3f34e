// Package devtest starts whole environments for tests, with the Temporal server in a process
// of its own.
package devtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/internal/testserver"
)

// StartTemporal starts the server in a process of its own.
func StartTemporal(ctx context.Context, options dev.TemporalOptions) (dev.Temporal, error) {
	return testserver.Start(ctx, testserver.Options{
		Address: options.Address, HTTPAddress: options.HTTPAddress, UIAddress: options.UIAddress,
		DatabaseFile: options.DatabaseFile, SearchAttributes: options.SearchAttributes,
	})
}

// Start starts an environment that stops with the test. The Temporal UI answers at uiAddress,
// where that is not empty.
func Start(t *testing.T, uiAddress string) *dev.Environment {
	t.Helper()
	options := dev.FreePorts(StartTemporal)
	options.UIAddress = uiAddress
	environment, err := dev.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, environment.Stop()) })
	return environment
}
