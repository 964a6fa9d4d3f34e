// Command latchkey asks for unlocks and serves them; see latchkey help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/latchkey-iam/latchkey/cmd/latchkey/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Run(ctx, cli.System(), os.Args[1:]))
}
