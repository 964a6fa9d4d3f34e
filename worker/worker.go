package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/registry"
)

// Run serves until ctx is done and then drains. It dials Temporal as the environment says.
func Run(ctx context.Context, config Config) error {
	logger := NewLogger(config, os.Stderr)
	defer func() { _ = logger.Sync() }()
	options, err := temporalclient.Load()
	if err != nil {
		return err
	}
	measured, err := newMetrics()
	if err != nil {
		return err
	}
	options = options.Measured(measured.handler).Serving()
	if config.keys, err = options.Keys(); err != nil {
		return err
	}
	measured.countFailed(config.keys)
	temporal, err := temporalclient.Dial(ctx, options, TemporalLogger(logger))
	if err != nil {
		return err
	}
	defer temporal.Close()
	return serve(ctx, config, temporal, options.Namespace, logger, measured.page, func() {})
}

// Serve is Run with a client and a logger of the caller's; it calls serving once all
// queues are being served.
func Serve(ctx context.Context, config Config, temporal client.Client, namespace string, logger *zap.Logger, serving func()) error {
	return serve(ctx, config, temporal, namespace, logger, nil, serving)
}

func serve(ctx context.Context, config Config, temporal client.Client, namespace string, logger *zap.Logger, metrics http.Handler, serving func()) error {
	health, err := startHealth(config.HealthAddress, temporal, metrics, config.keys)
	if err != nil {
		return err
	}
	defer health.stop()
	fatal := make(chan error, len(config.Connections)+1)
	workers, opened, err := build(ctx, config, temporal, namespace, logger, func(err error) { fatal <- err })
	started := 0
	defer func() {
		stopAll(workers[:started])
		for _, connector := range opened {
			_ = connector.Close() // Nobody waits for what it held open.
		}
	}()
	if err != nil {
		return err
	}
	for _, each := range workers {
		if err := each.Start(); err != nil {
			return fmt.Errorf("start serving the namespace %s (TEMPORAL_NAMESPACE): %w", namespace, err)
		}
		started++
	}
	health.ready.Store(true)
	serving()
	logger.Info("serving", zap.Strings("connections", connectionNames(config)), zap.Bool("workflows", config.Workflows), zap.String("namespace", namespace))
	select {
	case <-ctx.Done():
		health.ready.Store(false)
		logger.Info("draining", zap.Duration("atMost", config.DrainTimeout))
		return nil
	case err := <-fatal:
		health.ready.Store(false)
		return fmt.Errorf("serve: %w", err)
	}
}

func connectionNames(config Config) []string {
	names := make([]string, len(config.Connections))
	for i, connection := range config.Connections {
		names[i] = connection.Name
	}
	return names
}

// stopAll drains all workers at the same time.
func stopAll(workers []worker.Worker) {
	done := make(chan struct{})
	for _, each := range workers {
		go func() {
			each.Stop()
			done <- struct{}{}
		}()
	}
	for range workers {
		<-done
	}
}

// build makes the workers without starting any, and the connectors that they ask.
func build(ctx context.Context, config Config, temporal client.Client, namespace string, logger *zap.Logger, onFatal func(error)) (built []worker.Worker, opened []*connectors.Connector, err error) {
	known := newAttributes(ctx, temporal, namespace, logger).known
	if config.Workflows {
		built = append(built, newWorkflowWorker(config, temporal, known, onFatal))
	}
	var faults []error
	for _, connection := range config.Connections {
		connector, err := connectors.Open(connection.Provider, connection.Config, connectors.Options{Limiter: connectors.NewLimiter(connection.RateLimit)})
		if err != nil {
			faults = append(faults, fmt.Errorf("connection %s: %w", connection.Name, err))
			continue
		}
		opened = append(opened, connector)
		steps := newActivities(connection, connector, temporal, namespace, known, logger)
		built = append(built, newActivityWorker(config, connection, steps, temporal, onFatal))
	}
	return built, opened, errors.Join(faults...)
}

// deployment says of which build a worker is. Worker versioning stays off: it would leave the
// steps of open runs to workers that are gone.
func deployment(config Config) worker.DeploymentOptions {
	if config.BuildID == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{Version: worker.WorkerDeploymentVersion{DeploymentName: "latchkey", BuildID: config.BuildID}}
}

// pollers follow the load: two, the SDK's default, hold a bulk run up.
func pollers() worker.PollerBehavior {
	return worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{})
}

func newWorkflowWorker(config Config, temporal client.Client, known func() []string, onFatal func(error)) worker.Worker {
	built := worker.New(temporal, workflows.TaskQueue, worker.Options{
		LocalActivityWorkerOnly:     true, // The steps are on the connections' queues.
		DeploymentOptions:           deployment(config),
		WorkflowTaskPollerBehavior:  pollers(),
		DisableRegistrationAliasing: true,
		WorkerStopTimeout:           config.DrainTimeout,
		OnFatalError:                onFatal,
	})
	registry.Register(built, known)
	return built
}

func newActivityWorker(config Config, connection Connection, steps *activities.Activities, temporal client.Client, onFatal func(error)) worker.Worker {
	built := worker.New(temporal, activities.Queue(connection.Name), worker.Options{
		DisableWorkflowWorker:        true,
		DisableRegistrationAliasing:  true,
		DeploymentOptions:            deployment(config),
		ActivityTaskPollerBehavior:   pollers(),
		TaskQueueActivitiesPerSecond: connection.ActivitiesPerSecond(),
		WorkerStopTimeout:            config.DrainTimeout,
		OnFatalError:                 onFatal,
		Interceptors:                 steps.Interceptors(),
	})
	steps.Register(built)
	return built
}

func newActivities(connection Connection, connector *connectors.Connector, temporal client.Client, namespace string, known func() []string, logger *zap.Logger) *activities.Activities {
	can := connection.Config.Capabilities()
	steps := &activities.Activities{
		Connection:     connection.Name,
		Provider:       connection.Provider.Name,
		Connector:      connector,
		AbsentID:       connection.Provider.ID.Absent,
		HidesPrivilege: !can.ReadsPrivilege,
		HidesGroups:    !can.ReadsGroups,
		Rules:          connection.Rules,
		Records:        &records{temporal: temporal, namespace: namespace, connection: connection.Name, known: known},
		Audit:          logger,
	}
	if limit := connection.Rules.MaxUnlocksPerHour; limit > 0 {
		steps.Ceiling = &ceiling{temporal: temporal, connection: connection.Name, limit: limit, logger: logger}
	}
	return steps
}
