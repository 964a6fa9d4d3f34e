// Package dev is a whole Latchkey in one process: a Temporal server with its UI,
// simulated tenants of the hosted providers, and a worker that serves them. It is for
// trying and demonstrating; nothing that runs in production imports it.
package dev

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"syscall"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	sdkclient "go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/port"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/registry"
	"github.com/latchkey-iam/latchkey/connectors/registry/simulated"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/worker"
	"github.com/latchkey-iam/latchkey/workflows"
)

// drainTimeout is how long running steps may go on after a stop: whoever presses Ctrl-C
// waits. A step that is cut off is made again by the next server with the same file.
const drainTimeout = 2 * time.Second

// Temporal is a Temporal server that runs.
type Temporal interface {
	Address() string
	HTTPAddress() string
	// UIAddress is empty without a UI.
	UIAddress() string
	Stop() error
}

// TemporalOptions are what a Temporal server is to be started with.
type TemporalOptions struct {
	Address, HTTPAddress, UIAddress string
	AllowedHosts                    []string
	DatabaseFile                    string
	SearchAttributes                map[string]enumspb.IndexedValueType
}

// Options say where everything listens. Every address is host:port; port 0 is a free one.
type Options struct {
	// StartTemporal starts the server: in this process, or in another.
	StartTemporal   func(context.Context, TemporalOptions) (Temporal, error)
	TemporalAddress string
	// HTTPAddress is where Temporal's own HTTP API answers.
	HTTPAddress string
	// UIAddress is where the Temporal UI answers; empty starts none.
	UIAddress string
	// TenantAddresses are where the simulated tenants answer, by their providers' names; one
	// that is not there is at a free port.
	TenantAddresses map[string]string
	// Directories are the names of the real directories to start, with People in them.
	Directories []string
	// AllowedHosts are names of this machine, beside localhost, under which all that speaks
	// HTTP may be asked.
	AllowedHosts []string
	// DatabaseFile keeps Temporal's state over restarts; empty keeps it in memory.
	DatabaseFile string
	// Worker is served beside the simulated tenants.
	Worker worker.Config
	Logger *zap.Logger
}

// FreePorts are options in which everything but the Temporal UI listens where there is room,
// and nothing is logged.
func FreePorts(startTemporal func(context.Context, TemporalOptions) (Temporal, error)) Options {
	const free = "127.0.0.1:0"
	return Options{StartTemporal: startTemporal, TemporalAddress: free, HTTPAddress: free, Logger: zap.NewNop()}
}

// Tenant is a simulated tenant that answers at a URL.
type Tenant struct {
	simulator.Simulated
	*simulator.Server
	URL string
}

// Environment is what Start started.
type Environment struct {
	Temporal Temporal
	// Client asks for unlocks.
	Client *client.Client
	// Tenants are the simulated ones, each served by a connection of its provider's name.
	Tenants []*Tenant
	// Directories are the real ones, served likewise.
	Directories []*Directory

	failed chan error
	stops  []func() error
}

// Start starts everything and returns when the worker serves.
func Start(ctx context.Context, options Options) (*Environment, error) {
	e := &Environment{failed: make(chan error, 1)}
	for _, step := range []func(context.Context, Options) error{e.startSimulators, e.startDirectories, e.startTemporal, e.startWorker} {
		if err := step(ctx, options); err != nil {
			return nil, errors.Join(err, e.Stop())
		}
	}
	return e, nil
}

// Failed tells when the worker stopped by itself.
func (e *Environment) Failed() <-chan error { return e.failed }

// Stop stops everything, the last first.
func (e *Environment) Stop() error {
	var faults []error
	for i := len(e.stops) - 1; i >= 0; i-- {
		faults = append(faults, e.stops[i]())
	}
	e.stops = nil
	return errors.Join(faults...)
}

// Tenant returns the simulated tenant of that provider, nil if there is none.
func (e *Environment) Tenant(name string) *Tenant {
	for _, tenant := range e.Tenants {
		if tenant.Name == name {
			return tenant
		}
	}
	return nil
}

func (e *Environment) startSimulators(_ context.Context, options Options) error {
	for _, each := range simulated.Providers() {
		tenant := &Tenant{Simulated: each, Server: each.New()}
		tenant.AllowedHosts = options.AllowedHosts
		address := options.TenantAddresses[each.Name]
		url, stop, err := tenant.Start(address)
		if errors.Is(err, syscall.EADDRINUSE) {
			return &port.InUseError{Address: address, What: What(each)}
		}
		if err != nil {
			return fmt.Errorf("start %s at %s: %w", What(each), address, err)
		}
		tenant.URL = url
		e.Tenants = append(e.Tenants, tenant)
		e.stops = append(e.stops, func() error { stop(); return nil })
	}
	return nil
}

// What names a simulator in errors.
func What(of simulator.Simulated) string { return "the " + of.Title + " simulator" }

func (e *Environment) startTemporal(ctx context.Context, options Options) error {
	server, err := options.StartTemporal(ctx, TemporalOptions{
		Address:          options.TemporalAddress,
		HTTPAddress:      options.HTTPAddress,
		UIAddress:        options.UIAddress,
		AllowedHosts:     options.AllowedHosts,
		DatabaseFile:     options.DatabaseFile,
		SearchAttributes: workflows.SearchAttributeTypes(),
	})
	if err != nil {
		return err
	}
	e.Temporal = server
	e.stops = append(e.stops, server.Stop)
	return nil
}

func (e *Environment) startWorker(ctx context.Context, options Options) error {
	at := temporalclient.At(e.Temporal.Address(), sdkclient.DefaultNamespace).Serving()
	converter, err := at.Converter()
	if err != nil {
		return err
	}
	temporal, err := temporalclient.Dial(ctx, at, worker.TemporalLogger(options.Logger))
	if err != nil {
		return err
	}
	e.stops = append(e.stops, func() error { temporal.Close(); return nil })
	e.Client = &client.Client{Temporal: temporal, Converter: converter}

	config := options.Worker
	config.Workflows = true
	config.DrainTimeout = drainTimeout
	for _, tenant := range e.Tenants {
		connection, err := connectionTo(tenant.Name, tenant.Settings(tenant.URL))
		if err != nil {
			return err
		}
		config.Connections = append(config.Connections, connection)
	}
	for _, directory := range e.Directories {
		connection, err := connectionTo(directory.Name, directory.Settings())
		if err != nil {
			return err
		}
		config.Connections = append(config.Connections, connection)
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	ready := make(chan struct{})
	go func() {
		defer close(ended)
		if err := worker.Serve(serving, config, temporal, sdkclient.DefaultNamespace, options.Logger, func() { close(ready) }); err != nil {
			e.failed <- err
		}
	}()
	e.stops = append(e.stops, func() error { stop(); <-ended; return nil })
	select {
	case <-ready:
		return nil
	case err := <-e.failed:
		return err
	}
}

// connectionTo is a connection with the settings, of the name of its provider. It permits every
// override, so that all can be tried.
func connectionTo(name string, settings map[string]string) (worker.Connection, error) {
	provider, found := registry.Find(name)
	if !found {
		return worker.Connection{}, fmt.Errorf("%s can be tried and is no provider", name)
	}
	config := provider.NewConfig()
	for variable, value := range settings {
		// The settings of every provider are strings, named as their variables are.
		field := reflect.ValueOf(config).Elem().FieldByNameFunc(func(name string) bool {
			return strings.EqualFold(name, strings.ReplaceAll(variable, "_", ""))
		})
		if !field.IsValid() {
			return worker.Connection{}, fmt.Errorf("%s has no setting %s", name, variable)
		}
		field.SetString(value)
	}
	rules := guard.Rules{PermitOverride: []string{connectors.BlockSuspended, connectors.BlockDisabled}}
	return worker.Connection{Name: name, Provider: provider, Config: config, Rules: rules}, nil
}
