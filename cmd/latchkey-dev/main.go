// Command latchkey-dev runs a Temporal server, its UI, simulated tenants and a worker in
// one process: to try Latchkey and to demonstrate it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/port"
	"github.com/latchkey-iam/latchkey/connectors/registry/simulated"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/worker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // A second signal ends the process at once.
	if err := newCommand(os.Stdout, os.Stderr).ExecuteContext(ctx); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "latchkey-dev:", err)
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// newCommand returns the command with its output injected.
func newCommand(stdout, stderr io.Writer) *cobra.Command {
	up := &upCommand{stdout: stdout, stderr: stderr}
	command := &cobra.Command{
		Use:           "latchkey-dev",
		Short:         "Temporal, its UI, simulated " + titles() + " tenants and a Latchkey worker in one process",
		Long:          "latchkey-dev stays up until it is interrupted. With LATCHKEY_CONNECTIONS set it serves those connections too.",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(command *cobra.Command, _ []string) error { return up.run(command.Context()) },
	}
	command.SetOut(stdout)
	command.SetErr(stderr)
	up.addFlags(command.Flags())
	command.AddCommand(newDemoCommand(stdout, scenes()))
	return command
}

// movedBy names the flag that moves what listens, by the name that it has in a
// *port.InUseError.
func movedBy() map[string]string {
	flags := map[string]string{
		"the Temporal server": "temporal-address",
		"Temporal's HTTP API": "http-address",
		"the Temporal UI":     "ui-address",
	}
	for _, each := range simulated.Providers() {
		flags[dev.What(each)] = addressFlag(each)
	}
	return flags
}

func addressFlag(of simulator.Simulated) string { return of.Name + "-address" }

// titles names the simulated providers.
func titles() string {
	var titles []string
	for _, each := range simulated.Providers() {
		titles = append(titles, each.Title)
	}
	return strings.Join(titles, " and ")
}

// explain names the flag that moves a port that is taken.
func explain(err error) error {
	var taken *port.InUseError
	if errors.As(err, &taken) && movedBy()[taken.What] != "" {
		return fmt.Errorf("%w; move it with --%s", err, movedBy()[taken.What])
	}
	return err
}

// newLogger writes to out what is at least as grave as the level, and audit lines.
func newLogger(out io.Writer, level zapcore.Level) *zap.Logger {
	return worker.NewLogger(worker.Config{LogFormat: "console", LogLevel: level}, out)
}
