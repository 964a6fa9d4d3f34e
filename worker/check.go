package worker

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"
)

const (
	// healthVariable moves the answers of a worker, and with them this question.
	healthVariable       = "LATCHKEY_HEALTH_ADDRESS"
	defaultHealthAddress = "127.0.0.1:8085"
	healthOff            = "off"
	// askTimeout is longer than the worker itself waits for Temporal.
	askTimeout = 3 * time.Second
	// maxAnswer bounds what is shown of an answer.
	maxAnswer = 512
)

// Check asks the worker of this machine or container whether it is ready, at the address
// of LATCHKEY_HEALTH_ADDRESS. It is for health checks in images without a shell.
func Check(ctx context.Context) error { return check(ctx, os.Getenv(healthVariable)) }

func check(ctx context.Context, address string) error {
	if address == healthOff {
		return nil // There is nothing to ask.
	}
	if address == "" {
		address = defaultHealthAddress
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(address)+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("%s must be host:port: %w", healthVariable, err)
	}
	client := http.Client{Transport: &http.Transport{}} // No proxy stands between us and ourselves.
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask the worker: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		return fmt.Errorf("the worker is not ready: %s: %s", response.Status, said)
	}
	return nil
}

// reachable turns an address that listens everywhere into one that can be called.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip.Is4() && ip.IsUnspecified():
		return net.JoinHostPort("127.0.0.1", port)
	case err == nil && ip.IsUnspecified():
		return net.JoinHostPort("::1", port)
	default:
		return address
	}
}
