package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/internal/httpserver"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
)

const (
	// checkTimeout bounds how long a readiness probe waits for Temporal.
	checkTimeout = 2 * time.Second
	// answerTimeout bounds a whole exchange with whoever probes.
	answerTimeout = 10 * time.Second
)

// health answers the probes of whatever runs the worker.
type health struct {
	server *http.Server
	// ready says that all queues are being served.
	ready atomic.Bool
	// keys are those that payloads are encrypted with, if they are.
	keys *temporalclient.Keys
}

// startHealth serves /healthz, which says that the process is alive, and /readyz, which
// says that it serves, that Temporal answers, and that the keys of payloads are there.
// With a page of metrics it serves that at /metrics.
func startHealth(address string, temporal client.Client, metrics http.Handler, keys *temporalclient.Keys) (*health, error) {
	h := &health{keys: keys}
	if address == "" {
		return h, nil
	}
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("health checks cannot be answered at %s: the port is in use; choose another with LATCHKEY_HEALTH_ADDRESS, or off", address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for health checks at %s (LATCHKEY_HEALTH_ADDRESS): %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answer(w, h.check(r.Context(), temporal)) })
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	h.server = httpserver.New(mux)
	h.server.ReadTimeout, h.server.WriteTimeout = answerTimeout, answerTimeout
	go func() { _ = h.server.Serve(listener) }()
	return h, nil
}

func (h *health) check(ctx context.Context, temporal client.Client) error {
	if !h.ready.Load() {
		return errors.New("not serving: starting or draining")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if _, err := temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return errors.New("Temporal does not answer") //nolint:staticcheck // a proper name
	}
	if h.keys != nil {
		return h.keys.Fault()
	}
	return nil
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

func (h *health) stop() {
	if h.server != nil {
		_ = h.server.Close()
	}
}
