// Command chaos finds faults of safety. It runs real processes, several workers, a Temporal
// server on a file and simulated providers, for a bounded time: it asks for unlocks in every
// way, orders faults at the providers, kills and restarts workers and Temporal, and ends runs
// from outside, as a seed says. Then it lets everything come to its end, and holds the books
// of the providers, every run and the logs against what must always be so. It ends with 1
// when something was not.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var o options
	flag.DurationVar(&o.length, "for", 5*time.Minute, "how long to make trouble; what was begun then has to come to its end")
	flag.Uint64Var(&o.seed, "seed", uint64(max(0, time.Now().Unix())), "what the plan is drawn from; the same seed draws the same plan")
	flag.StringVar(&o.latchkey, "latchkey", "../../bin/latchkey", "the latchkey command")
	flag.StringVar(&o.folder, "folder", "", "where to keep database, logs and books (default: a folder that is removed unless something is found)")
	flag.StringVar(&o.without, "without", "", "the rule that the workers are not given, which the checks must see: "+strings.Join(takeable, ", "))
	flag.Parse()
	err := o.run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(exitCode(err))
	}
}

// errViolated says that something was not as it must be.
var errViolated = errors.New("what must always be so was not")

// exitCode is 1 for violations, and 2 where the harness itself failed, so that the two are not
// taken for one another.
func exitCode(err error) int {
	if errors.Is(err, errViolated) {
		return 1
	}
	return 2
}

type options struct {
	length                    time.Duration
	seed                      uint64
	latchkey, folder, without string
}

// drainFor bounds the time in which everything must come to its end: requests take half a
// minute, a step that a killed worker had 20 s, a walk 30 s, and each may be retried.
const drainFor = 4 * time.Minute

func (o *options) run(ctx context.Context, out io.Writer) (err error) {
	if o.without != "" && !slices.Contains(takeable, o.without) {
		return fmt.Errorf("-without must be one of %s", strings.Join(takeable, ", "))
	}
	if _, err := os.Stat(o.latchkey); err != nil {
		return fmt.Errorf("find the latchkey command, which make bin/latchkey builds: %w", err)
	}
	kept := o.folder != ""
	if kept {
		err = os.MkdirAll(o.folder, 0o750)
	} else {
		o.folder, err = os.MkdirTemp("", "latchkey-chaos-")
	}
	if err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	fmt.Fprintf(out, "seed %d, for %s\n", o.seed, o.length)
	w := &world{folder: o.folder, latchkey: o.latchkey, without: o.without}
	found, err := o.trouble(ctx, w, out)
	if err == nil && len(found) == 0 && !kept {
		return os.RemoveAll(o.folder)
	}
	fmt.Fprintf(out, "seed %d; logs, database and books are in %s\n", o.seed, o.folder)
	for _, each := range found {
		fmt.Fprintf(out, "VIOLATION (%s) %s%s\n", each.rule, each.what, inRun(each.runID))
	}
	if len(found) > 0 {
		return fmt.Errorf("%w: %d violations, seed %d", errViolated, len(found), o.seed)
	}
	return err
}

func inRun(runID string) string {
	if runID == "" {
		return ""
	}
	return " (run " + runID + ")"
}

// trouble makes trouble, lets it end, and returns what was found.
func (o *options) trouble(ctx context.Context, w *world, out io.Writer) ([]violation, error) {
	defer w.end()
	beginning, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := w.begin(beginning); err != nil {
		return nil, err
	}
	plan := newPlan(o.seed, o.length)
	c := newCallers(w)
	bounded, cancel := context.WithTimeout(ctx, o.length+drainFor)
	defer cancel()
	c.perform(bounded, plan)
	began := time.Now()
	c.drain(bounded)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	e, err := c.collect(ctx)
	if err := errors.Join(err, c.keep(plan)); err != nil {
		return nil, err
	}
	fmt.Fprintln(out, c.summary(e, time.Since(began)))
	found := slices.Concat(c.violations, check(e))
	if len(found) == 0 && e.unlocks() == 0 {
		c.note(errors.New("nothing was unlocked, so that nothing is proven"))
	}
	return found, errors.Join(c.errs...)
}

// unlocks counts those that Latchkey made.
func (e *evidence) unlocks() int {
	count := 0
	for _, changes := range e.books {
		for _, change := range changes {
			if change.What == "unlocked" {
				count++
			}
		}
	}
	return count
}

// summary is a table of what was done, and how it ended.
func (c *callers) summary(e *evidence, drained time.Duration) string {
	rows := table.NewWriter()
	rows.SetStyle(table.StyleLight)
	rows.SortBy([]table.SortBy{{Name: "What"}, {Name: "Which"}})
	rows.AppendHeader(table.Row{"What", "Which", "Count"})
	for kind, count := range c.asked {
		rows.AppendRow(table.Row{"asked", kind, count})
	}
	ends := map[string]int{}
	for _, r := range e.runs {
		ends[r.end]++
	}
	for _, l := range e.lists {
		ends["list "+cmp.Or(l.end, "that nobody served")]++
	}
	for end, count := range ends {
		rows.AppendRow(table.Row{"ended as", end, count})
	}
	ordered, applied := 0, map[string]int{}
	for connection, t := range c.tenants {
		ordered += len(c.faults[connection])
		for _, made := range t.Calls.All() {
			for _, id := range made.Faults {
				applied[c.faults[connection][id].Kind]++
			}
		}
	}
	rows.AppendRow(table.Row{"faults", "ordered", ordered})
	for kind, count := range applied {
		rows.AppendRow(table.Row{"faults met", kind, count})
	}
	rows.AppendRows([]table.Row{
		{"workers", "started again, since Temporal was away", c.figures.again.Load()}, {"workers", "killed", c.figures.kills.Load()}, {"workers", "stopped", c.figures.stops.Load()},
		{"Temporal", "killed", c.figures.crashes.Load()}, {"Temporal", "restarted", c.figures.restarts.Load()},
		{"runs", "of one user", len(e.runs)}, {"runs", "of a list", len(e.lists)},
		{"book", "unlocks", e.unlocks()},
	})
	return rows.Render() + fmt.Sprintf("\nEverything came to its end within %s.", drained.Round(time.Second))
}
