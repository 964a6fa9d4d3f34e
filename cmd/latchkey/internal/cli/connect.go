package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

// temporalFlags say where Temporal is, over the environment.
type temporalFlags struct{ address, namespace string }

func (f *temporalFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.address, "address", "", "Temporal's host and port (default $TEMPORAL_ADDRESS, or the profile's)")
	cmd.Flags().StringVar(&f.namespace, "namespace", "", "Temporal's namespace (default $TEMPORAL_NAMESPACE, or the profile's)")
	completeNothing(cmd, "address", "namespace")
}

// options are where Temporal is, of the flags and the environment.
func (f *temporalFlags) options() (temporalclient.Options, error) {
	options, err := temporalclient.Load()
	if err != nil {
		return options, &usageError{message: err.Error(), elsewhere: true}
	}
	return options.With(f.address, f.namespace), nil
}

// connect connects to Temporal for as long as something is done. The SDK's own log is dropped:
// all that matters comes back as an error, which says which Temporal it was.
func connect(ctx context.Context, flags temporalFlags, do func(*client.Client) error) error {
	options, err := flags.options()
	if err != nil {
		return err
	}
	converter, err := options.Converter()
	if err != nil {
		return err
	}
	connected, err := temporalclient.Dial(ctx, options, nil)
	if err != nil && ctx.Err() != nil {
		return &client.Failure{Type: workflows.TypeInterrupted, Message: "interrupted before anything was asked"}
	}
	if err != nil {
		return err
	}
	defer connected.Close()
	err = do(&client.Client{Temporal: connected, Namespace: options.Namespace, Converter: converter})
	var failure *client.Failure
	if err != nil && !errors.As(err, &failure) && client.TypeOf(err) == workflows.TypeTemporalUnavailable {
		return fmt.Errorf("Temporal at %s (namespace %s): %w", options.Address, options.Namespace, err) //nolint:staticcheck // a proper name
	}
	return err
}

// completeWith completes words that are asked of Temporal; what could not be asked is not offered.
func (f *temporalFlags) completeWith(ask func(context.Context, *client.Client) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) (words []string, _ cobra.ShellCompDirective) {
		if len(args) == 0 {
			_ = connect(cmd.Context(), *f, func(c *client.Client) error {
				words = ask(cmd.Context(), c)
				return nil
			})
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// connections completes the name of a connection with those that are served.
func (f *temporalFlags) connections() cobra.CompletionFunc {
	return f.completeWith(func(ctx context.Context, c *client.Client) []string {
		served, _ := c.Connections(ctx)
		var names []string
		for _, each := range served {
			names = append(names, each.Connection)
		}
		return names
	})
}
