// Package embedded starts the Temporal server of an environment in this process.
package embedded

import (
	"context"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/devserver"
)

// Start starts the server.
func Start(ctx context.Context, options dev.TemporalOptions) (dev.Temporal, error) {
	return devserver.Start(ctx, devserver.Options{
		Address: options.Address, HTTPAddress: options.HTTPAddress, UIAddress: options.UIAddress, AllowedHosts: options.AllowedHosts,
		DatabaseFile: options.DatabaseFile, SearchAttributes: options.SearchAttributes,
	})
}
