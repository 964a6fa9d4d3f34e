// Command healthcheck asks the worker of its own container whether it is ready. It is for
// images without a shell; it exits with 0 only for a worker that serves.
package main

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
	// addressVariable is the worker's own, so that moving the one moves the other.
	addressVariable = "LATCHKEY_HEALTH_ADDRESS"
	defaultAddress  = "127.0.0.1:8085"
	// off switches the worker's answers off, and so there is nothing to ask.
	off = "off"
	// timeout is longer than the worker itself waits for Temporal.
	timeout = 3 * time.Second
	// maxAnswer bounds what is shown of an answer.
	maxAnswer = 512
)

func main() {
	if err := check(context.Background(), os.Getenv(addressVariable)); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "healthcheck:", err)
		os.Exit(1)
	}
}

// check asks the worker at the address, as LATCHKEY_HEALTH_ADDRESS gives it.
func check(ctx context.Context, address string) error {
	if address == off {
		return nil
	}
	if address == "" {
		address = defaultAddress
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(address)+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("%s must be host:port: %w", addressVariable, err)
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
