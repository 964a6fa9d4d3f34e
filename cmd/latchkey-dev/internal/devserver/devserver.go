// Package devserver runs a whole Temporal server, with its web UI, inside the
// current process, backed by SQLite. The development command and the tests use
// it; nothing that runs in production may import it, because it is large.
//
// Everything listens on loopback unless an address says otherwise, and nothing
// talks to the outside: version checks, telemetry and the UI's news are off.
package devserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/port"
)

const (
	// DefaultAddress is where Temporal's SDKs look for a server.
	DefaultAddress = "127.0.0.1:7233"
	// DefaultNamespace is the namespace that exists when Options names none.
	DefaultNamespace = "default"

	// bootTimeout bounds a boot, which takes half a second on an idle machine
	// and many times that under the race detector on a busy one.
	bootTimeout = 2 * time.Minute
	// bootAttempts bounds how often other ports are tried after a picked one
	// was taken between picking and listening.
	bootAttempts = 5
)

// Options configures a Server. The zero value is a server in memory on
// DefaultAddress without a UI.
type Options struct {
	// Address is where clients and workers connect (gRPC). Its host is an IP
	// address or localhost; port 0 picks a free port.
	Address string
	// HTTPAddress is where Temporal's HTTP API answers, to programs and not to web
	// pages. Empty is a free port of Address's host; port 0 picks a free port.
	HTTPAddress string
	// UIAddress is where the web UI answers; empty means no UI, port 0 a free
	// port.
	UIAddress string
	// AllowedHosts are names of this machine, beside localhost, under which the HTTP API
	// and the UI may be asked. Where they listen beyond loopback, any address will do.
	AllowedHosts []string
	// DatabaseFile keeps everything over restarts. Empty keeps it in memory.
	// The file is made when it does not exist, its folder is not.
	DatabaseFile string
	// Namespace exists once the server answers.
	Namespace string
	// SearchAttributes exist in Namespace once the server answers. Those that
	// an existing database file lacks are added, none is ever removed.
	SearchAttributes map[string]enumspb.IndexedValueType
	// Logger receives the server's own log; nil discards it. The server is
	// talkative, also when all is well: set the handler's level to Warn or
	// above unless the server itself is the subject.
	Logger *slog.Logger
	// DynamicConfig sets Temporal's dynamic configuration by key, over the
	// development settings of this package.
	DynamicConfig map[string]any
}

// Server is a running Temporal server.
type Server struct {
	ports                    ports
	httpListener, uiListener net.Listener
	// httpHost is the only one of which Temporal's own HTTP API answers requests; nobody
	// else knows it.
	httpHost string
	log      *logState
	stops    []func() error // in the order of the starts
	stop     func() error
}

// Start boots a server and returns when it answers: workflows can be started
// in the namespace, search attributes can be set and listed, and the UI is up.
// An address that is taken is a *port.InUseError. The caller must call Stop.
// When ctx ends the boot is abandoned; it has no bearing on the server after.
func Start(ctx context.Context, options Options) (*Server, error) {
	options = options.withDefaults()
	wanted, err := parseAddresses(options)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		server, err := boot(ctx, options, wanted)
		if err == nil {
			return server, nil
		}
		var inUse *port.InUseError
		if errors.As(err, &inUse) {
			return nil, inUse
		}
		// A failed boot may still hold the ports that it got, which only
		// matters for those that cannot be picked anew.
		again := errors.Is(err, errAttributesAdded) || isAddressInUse(err) && wanted.grpc.Port() == 0
		if !again || attempt == bootAttempts {
			return nil, fmt.Errorf("start development server: %w", err)
		}
	}
}

// Address is where clients connect, as host:port. When the server listens on
// all interfaces it is the loopback address.
func (s *Server) Address() string { return reachable(s.ports.grpc) }

// HTTPAddress is where Temporal's HTTP API answers, as host:port.
func (s *Server) HTTPAddress() string { return reachable(s.ports.http) }

// UIAddress is where the web UI answers, as host:port; empty without a UI.
func (s *Server) UIAddress() string {
	if !s.ports.ui.IsValid() {
		return ""
	}
	return reachable(s.ports.ui)
}

// Stop ends the server and frees its ports. Open workflows in a database file
// go on with the next server that opens it. Calls after the first wait for it
// and return the same error.
func (s *Server) Stop() error { return s.stop() }

func (o Options) withDefaults() Options {
	if o.Address == "" {
		o.Address = DefaultAddress
	}
	if o.Namespace == "" {
		o.Namespace = DefaultNamespace
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// boot makes one attempt to start everything; what was started is stopped when
// a later part fails.
func boot(ctx context.Context, options Options, wanted addresses) (_ *Server, err error) {
	s := &Server{log: newLogState(), httpHost: rand.Text()}
	s.stop = sync.OnceValue(s.stopAll)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if err := s.claimPorts(wanted); err != nil {
		return nil, err
	}
	if err := s.startTemporal(options); err != nil {
		return nil, err
	}
	if err := waitUntilReady(ctx, s.Address(), options); err != nil {
		return nil, err
	}
	s.serveHTTPAPI(options)
	if s.uiListener != nil {
		if err := s.serveUI(options); err != nil {
			return nil, err
		}
	}
	s.log.phase.Store(phaseRunning)
	return s, ctx.Err()
}

func (s *Server) onStop(do func() error) { s.stops = append(s.stops, do) }

func (s *Server) stopAll() error {
	s.log.phase.Store(phaseStopping)
	var errs []error
	for _, stop := range slices.Backward(s.stops) {
		errs = append(errs, stop())
	}
	s.log.phase.Store(phaseStopped)
	return errors.Join(errs...)
}

func isAddressInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
