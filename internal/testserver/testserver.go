// Package testserver runs a Temporal server in a process of its own, for tests. The server is
// built once, without the race detector, while the tests and the code that they test may run
// under it. The program is cmd/latchkey-dev/testserver, in the module that holds Temporal.
package testserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

const (
	// DefaultNamespace is the namespace that exists unless Options names another.
	DefaultNamespace = "default"
	// stopTimeout bounds an orderly stop; a server that takes longer is killed.
	stopTimeout = time.Minute
)

// Options are what the server is started with. The program reads them as JSON.
type Options struct {
	// Address is where clients and workers connect; HTTPAddress where Temporal's HTTP API
	// answers. Empty is a free port on loopback.
	Address     string `json:"address,omitempty"`
	HTTPAddress string `json:"httpAddress,omitempty"`
	// UIAddress is where the Temporal UI answers; empty starts none.
	UIAddress string `json:"uiAddress,omitempty"`
	// DatabaseFile keeps the state over restarts; empty keeps it in memory.
	DatabaseFile string `json:"databaseFile,omitempty"`
	// Namespace exists once the server answers; empty is DefaultNamespace.
	Namespace string `json:"namespace,omitempty"`
	// SearchAttributes exist in Namespace once the server answers.
	SearchAttributes map[string]enumspb.IndexedValueType `json:"searchAttributes,omitempty"`
	// DynamicConfig sets Temporal's dynamic configuration by key; durations are texts such
	// as "500ms".
	DynamicConfig map[string]any `json:"dynamicConfig,omitempty"`
}

// Addresses are what the program prints, as one line of JSON, once the server answers.
type Addresses struct {
	GRPC string `json:"grpc"`
	HTTP string `json:"http"`
	UI   string `json:"ui,omitempty"`
}

// Server is a running process.
type Server struct {
	addresses Addresses
	command   *exec.Cmd
	stdin     io.Closer
	stderr    *bytes.Buffer
	stop      func() error
}

// Skip skips a test that needs a server when only quick tests are to run (go test -short).
func Skip(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs a Temporal server")
	}
}

// Start starts a process and returns when its server answers. The caller must call Stop; a
// server whose caller dies ends by itself, since its standard input then ends.
func Start(ctx context.Context, options Options) (*Server, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("encode the options of the Temporal server: %w", err)
	}
	s := &Server{command: exec.Command(path, string(encoded)), stderr: &bytes.Buffer{}} //nolint:noctx,gosec // it outlives ctx; the path is our own
	s.command.Stderr = s.stderr
	s.stop = sync.OnceValue(s.end)
	if s.stdin, err = s.command.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start the Temporal server: %w", err)
	}
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the Temporal server: %w", err)
	}
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start the Temporal server: %w", err)
	}
	abandon := context.AfterFunc(ctx, func() { _ = s.command.Process.Kill() })
	err = json.NewDecoder(stdout).Decode(&s.addresses)
	if !abandon() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = s.command.Process.Kill()
		_ = s.command.Wait()
		return nil, fmt.Errorf("the Temporal server did not start: %w: %s", err, bytes.TrimSpace(s.stderr.Bytes()))
	}
	return s, nil
}

// Address is where clients and workers connect.
func (s *Server) Address() string { return s.addresses.GRPC }

// HTTPAddress is where Temporal's HTTP API answers.
func (s *Server) HTTPAddress() string { return s.addresses.HTTP }

// UIAddress is where the Temporal UI answers; empty without one.
func (s *Server) UIAddress() string { return s.addresses.UI }

// Stop ends the server in an orderly way and frees its ports. Calls after the first return
// the same error.
func (s *Server) Stop() error { return s.stop() }

// Kill ends the server as a crash would.
func (s *Server) Kill() {
	_ = s.command.Process.Kill()
	_ = s.stop() // It waits for the end; that it was no orderly one is what was asked for.
}

func (s *Server) end() error {
	late := time.AfterFunc(stopTimeout, func() { _ = s.command.Process.Kill() })
	defer late.Stop()
	if err := errors.Join(s.stdin.Close(), s.command.Wait()); err != nil {
		return fmt.Errorf("stop the Temporal server: %w: %s", err, bytes.TrimSpace(s.stderr.Bytes()))
	}
	return nil
}
