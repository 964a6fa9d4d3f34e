// Command playbook is a security playbook as a Temporal workflow that unlocks a user through
// Latchkey. Its worker and its starter are one process here; start latchkey-dev first:
//
//	go run ./examples/playbook -connection jumpcloud -email grace.hopper@example.com -ticket INC-4711
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	latchkey "github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// taskQueue is the playbooks' own: Latchkey's workers never see their code.
const taskQueue = "playbooks"

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "playbook:", err)
		os.Exit(1)
	}
}

// run serves the playbook, starts it once, and prints its report.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("playbook", flag.ContinueOnError)
	address := flags.String("address", client.DefaultHostPort, "where Temporal answers")
	var alert Alert
	flags.StringVar(&alert.Connection, "connection", "jumpcloud", "the connection of the account")
	flags.StringVar(&alert.UserID, "user-id", "", "the account's ID")
	flags.StringVar(&alert.Email, "email", "", "the account's address, in place of its ID")
	flags.StringVar(&alert.Ticket, "ticket", "INC-4711", "why the account is to be unlocked")
	watchFor := flags.Duration("watch-for", 0, "how long to watch for a new lock after the unlock")
	if err := flags.Parse(args); err != nil {
		return err
	}
	alert.WatchFor = workflows.Duration(*watchFor)
	options := client.Options{HostPort: *address, Logger: quiet()}
	if err := latchkey.EncryptWorker(&options); err != nil { // Where LATCHKEY_ENCRYPTION_KEYSET_FILE names a keyset.
		return err
	}
	temporal, err := client.DialContext(ctx, options)
	if err != nil {
		return fmt.Errorf("connect to Temporal at %s: start bin/latchkey-dev, or say -address: %w", *address, err)
	}
	defer temporal.Close()

	serving := worker.New(temporal, taskQueue, worker.Options{})
	serving.RegisterWorkflow(HandleLockout)
	serving.RegisterActivity(&Desk{Out: out})
	if err := serving.Start(); err != nil {
		return fmt.Errorf("start the playbook's worker: %w", err)
	}
	defer serving.Stop()

	started, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "lockout-" + alert.Ticket, TaskQueue: taskQueue, StaticSummary: "Handle a lockout at " + alert.Connection,
	}, HandleLockout, alert)
	if err != nil {
		return fmt.Errorf("start the playbook: %w", err)
	}
	var report Report
	if err := started.Get(ctx, &report); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(report)
}

// quiet keeps what the SDK does to itself, and what goes wrong not.
func quiet() sdklog.Logger {
	return sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
}
