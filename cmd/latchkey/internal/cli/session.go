package cli

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
)

// place is where the caller says that Temporal is, over the environment.
type place struct{ address, namespace string }

func (p *place) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.address, "address", "", "Temporal's host and port (default $TEMPORAL_ADDRESS, or the profile's)")
	cmd.Flags().StringVar(&p.namespace, "namespace", "", "Temporal's namespace (default $TEMPORAL_NAMESPACE, or the profile's)")
	complete(cmd, "address")
	complete(cmd, "namespace")
}

// session is a connection to Temporal.
type session struct {
	temporal sdkclient.Client
	latchkey *client.Client
	options  temporalclient.Options
}

// dial connects. The SDK's own log is dropped: all that matters comes back as an error.
func dial(ctx context.Context, where place) (*session, error) {
	options, err := temporalclient.Load()
	if err != nil {
		return nil, &usageError{message: err.Error(), elsewhere: true}
	}
	options = options.With(where.address, where.namespace)
	connected, err := temporalclient.Dial(ctx, options, quiet())
	if err != nil && ctx.Err() != nil {
		return nil, &interruptedError{message: "interrupted before anything was asked"}
	}
	if err != nil {
		return nil, err
	}
	return &session{temporal: connected, latchkey: &client.Client{Temporal: connected, Namespace: options.Namespace, Converter: temporalclient.DataConverter}, options: options}, nil
}

func quiet() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

func (s *session) close() { s.temporal.Close() }

// located says which Temporal turned a request away.
func (s *session) located(err error) error {
	if err == nil || isFinal(err) || !turnedAway(err) {
		return err
	}
	return fmt.Errorf("Temporal at %s (namespace %s): %w", s.options.Address, s.options.Namespace, err) //nolint:staticcheck // a proper name
}
