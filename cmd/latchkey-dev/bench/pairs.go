package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// minPairs is how many pairs are measured at least: within one run the ratio of two single
// measurements ranges from 0.7 to 1.05.
const minPairs = 20

// side is what one side of the pairs showed, for each pair: the time, and the processor time of
// this process, in which Temporal and the simulated tenants run too, both for one operation.
type side struct{ took, processor []time.Duration }

// pairs are measurements of two things that were made in turn.
type pairs struct{ ours, floor side }

// measurePairs lets both sides do their work in turn, the first to begin being another each
// time, so that what the machine does meanwhile meets both alike. Each side does so many
// operations at a time.
func measurePairs(ctx context.Context, count, operations int, ours, floor func(context.Context) error) (*pairs, error) {
	p := &pairs{}
	for i := range count {
		both := []struct {
			into *side
			do   func(context.Context) error
		}{{&p.ours, ours}, {&p.floor, floor}}
		if i%2 == 1 {
			slices.Reverse(both)
		}
		for _, each := range both {
			began, worked := time.Now(), processorTime()
			if err := each.do(ctx); err != nil {
				return nil, err
			}
			n := time.Duration(operations)
			each.into.took = append(each.into.took, time.Since(began)/n)
			each.into.processor = append(each.into.processor, (processorTime()-worked)/n)
		}
	}
	return p, nil
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // It has no way to fail but a wrong argument.
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// ratios are those of the pairs, in order of size.
func ratios(ours, floor []time.Duration) []float64 {
	found := make([]float64, len(ours))
	for i := range ours {
		found[i] = float64(ours[i]) / float64(floor[i])
	}
	slices.Sort(found)
	return found
}

// spread is the median and, in brackets, the middle half.
func spread[T time.Duration | float64](values []T) string {
	return fmt.Sprintf("%s (%s to %s)", show(quantile(values, 0.5)), show(quantile(values, 0.25)), show(quantile(values, 0.75)))
}

func show[T time.Duration | float64](value T) string {
	if took, is := any(value).(time.Duration); is {
		return took.Round(100 * time.Microsecond).String()
	}
	return fmt.Sprintf("%.2f", float64(value))
}

func quantile[T time.Duration | float64](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
