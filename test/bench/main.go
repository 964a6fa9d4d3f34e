// Command bench measures a single unlock at a simulated tenant against the floor: a
// workflow of three activities that do nothing, with the same queues, search attributes,
// summaries and payloads, alternately on the same server in the same run. Then it measures
// a user within a bulk run against a bare child workflow, and how much of a rate limit a
// bulk run uses.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/latchkey-iam/latchkey/internal/dev"
	"github.com/latchkey-iam/latchkey/internal/simulator"
	"github.com/latchkey-iam/latchkey/worker"
)

// rounds is how many pairs are measured at each delay; warmUp how many are thrown away.
const (
	rounds = 200
	warmUp = 20
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
	limited, err := newLimited()
	if err != nil {
		return err
	}
	defer limited.stop()
	options := dev.FreePorts()
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
	if _, err := contest.measure(ctx, warmUp); err != nil {
		return err
	}
	rows := table.NewWriter()
	rows.SetStyle(table.StyleLight)
	rows.AppendHeader(table.Row{"Delay a call", "Unlock, median", "IQR", "p99", "Floor, median", "IQR", "Calls' own time", "Ratio", "Target", "Close to result, p99"})
	for _, delay := range []time.Duration{0, 100 * time.Millisecond} {
		measured, err := measureAt(ctx, environment, contest, delay)
		if err != nil {
			return err
		}
		rows.AppendRow(measured.row(delay))
	}
	if _, err = fmt.Fprintf(os.Stdout, "%d unlocks and %d floors at each delay, alternately, one at a time.\n"+
		"Ratio: the unlock's median to that of the floor and the calls' own time together.\n%s\n", rounds, rounds, rows.Render()); err != nil {
		return err
	}
	if err := benchBulk(ctx, environment, contest); err != nil {
		return err
	}
	return limited.bench(ctx, environment)
}

// measureAt delays every call of the provider.
func measureAt(ctx context.Context, environment *dev.Environment, contest *contest, delay time.Duration) (*measured, error) {
	if delay > 0 {
		id, err := environment.JumpCloud.Faults.Add(simulator.Fault{Kind: simulator.KindLatency, Delay: simulator.Duration(delay)})
		if err != nil {
			return nil, err
		}
		defer func() { _ = environment.JumpCloud.Faults.Remove(id) }()
	}
	return contest.measure(ctx, rounds)
}
