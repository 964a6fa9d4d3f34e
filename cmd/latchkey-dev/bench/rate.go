package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/worker"
)

const (
	limitedName = "limited"
	// limit is both what the provider allows a second and the connection's RATE_LIMIT.
	limit = 20
	// limitedUsers take about a minute at that rate.
	limitedUsers = 400
)

// limited is a tenant that answers 429 beyond its limit.
type limited struct {
	tenant *jumpcloudsimulator.Simulator
	url    string
	stop   func()
}

func newLimited() (*limited, error) {
	l := &limited{tenant: jumpcloudsimulator.New(jumpcloudsimulator.Options{})}
	if _, err := l.tenant.Faults.Add(simulator.Fault{Kind: simulator.KindRateLimit, PerSecond: limit}); err != nil {
		return nil, err
	}
	if _, err := l.tenant.Populate(simulator.Populate{Count: limitedUsers, Locked: limitedUsers}); err != nil {
		return nil, err
	}
	var err error
	l.url, l.stop, err = l.tenant.Start("")
	return l, err
}

func (l *limited) connection() worker.Connection {
	config := jumpcloud.NewConfig()
	config.BaseURL, config.APIKey = jumpcloudsimulator.APIURL(l.url), jumpcloudsimulator.DefaultAPIKey
	return worker.Connection{Name: limitedName, Provider: jumpcloud.Provider(), Config: config, RateLimit: limit}
}

// bench measures how much of the limit a bulk run uses, and how many answers are 429.
func (l *limited) bench(ctx context.Context, environment *dev.Environment) error {
	l.tenant.Calls.Clear()
	took, err := bulk(ctx, environment, limitedName, limitedUsers)
	if err != nil {
		return err
	}
	calls := int64(0)
	summary := l.tenant.Calls.Summary()
	for _, count := range summary.Counts {
		calls += count
	}
	rate := float64(calls) / took.Seconds()
	rows := newTable(table.Row{"Limit", "Requests", "Time", "Requests a second", "Used", "Target", "Throttled", "Target"})
	rows.AppendRow(table.Row{fmt.Sprintf("%d/s", limit), calls, took.Round(time.Second / 10), fmt.Sprintf("%.1f", rate),
		fmt.Sprintf("%.0f%%", 100*rate/limit), ">= 90%", fmt.Sprintf("%.2f%%", 100*float64(summary.Throttled)/float64(calls)), "< 1%"})
	_, err = fmt.Fprintf(os.Stdout, "\nA bulk run of %d users at a provider that answers 429 beyond its limit.\n%s\n", limitedUsers, rows.Render())
	return err
}
