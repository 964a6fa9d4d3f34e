package devserver

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(0, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// probe: CPU of an idle server, then of what stopped ones leave behind
func TestZZIdle(t *testing.T) {
	idle := func(what string) {
		b := cpu()
		<-time.After(15 * time.Second)
		fmt.Printf("%s: %.2f%% of a core\n", what, 100*float64(cpu()-b)/float64(15*time.Second))
	}
	for name, dc := range map[string]map[string]any{"mine": nil, "rps20": {"history.transferProcessorMaxPollRPS": 20, "history.timerProcessorMaxPollRPS": 20, "history.visibilityProcessorMaxPollRPS": 20, "history.outboundProcessorMaxPollRPS": 20, "history.longPollExpirationInterval": "20s"}} {
		s, err := Start(t.Context(), Options{Address: freePort, DynamicConfig: dc})
		if err != nil {
			t.Fatal(err)
		}
		idle("idle server " + name)
		c := dial(t, s)
		stop := serve(t, c)
		idle("idle server with workers " + name)
		stop()
		c.Close()
		s.Stop()
	}
	for range 10 {
		s, err := Start(t.Context(), Options{Address: freePort})
		if err != nil {
			t.Fatal(err)
		}
		s.Stop()
	}
	idle("after 12 stopped servers")
}
