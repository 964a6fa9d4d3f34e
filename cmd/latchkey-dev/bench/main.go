// Command bench measures a single unlock at a simulated tenant against the floor: a
// workflow of three activities that do nothing, with the same queues, search attributes,
// summaries and payloads, in turn on the same server in the same run. Then it measures
// a user within a bulk run against a bare child workflow, and how much of a rate limit a
// bulk run uses.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/embedded"
	"github.com/latchkey-iam/latchkey/worker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func run(ctx context.Context) error {
	count := flag.Int("pairs", minPairs, "how many pairs to measure of everything")
	flag.Parse()
	limited, err := newLimited()
	if err != nil {
		return err
	}
	defer limited.stop()
	options := dev.FreePorts(embedded.Start)
	options.Worker.Connections = []worker.Connection{limited.connection()}
	environment, err := dev.Start(ctx, options)
	if err != nil {
		return err
	}
	defer func() { _ = environment.Stop() }()
	contest, err := newContest(environment)
	if err != nil {
		return err
	}
	defer contest.stop()
	if _, err := contest.singles(ctx, 2, 0); err != nil { // To warm up.
		return err
	}
	rows := newTable(table.Row{"Delay a call", "Unlock", "p99", "Floor", "Calls' own time", "Ratio", "Target",
		"Processor, unlock", "floor", "Ratio", "Close to result, p99"})
	for _, delay := range []time.Duration{0, 100 * time.Millisecond} {
		row, err := contest.singles(ctx, *count, delay)
		if err != nil {
			return err
		}
		rows.AppendRow(row)
	}
	if _, err = fmt.Fprintf(os.Stdout, "%d pairs of %d unlocks and %d floors, one at a time: the median, and the middle half in brackets.\n"+
		"Ratio: in each pair, the unlock's median to that of the floor and the calls' own time together.\n%s\n",
		*count, unlocksInPair, unlocksInPair, rows.Render()); err != nil {
		return err
	}
	if err := benchBulk(ctx, environment, contest, *count); err != nil {
		return err
	}
	return limited.bench(ctx, environment)
}

func newTable(header table.Row) table.Writer {
	rows := table.NewWriter()
	rows.SetStyle(table.StyleLight)
	rows.AppendHeader(header)
	return rows
}
