package worker

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// metrics collects what the Temporal SDK and the workflows count.
type metrics struct {
	// handler is for the client that the workers use.
	handler client.MetricsHandler
	// page is what Prometheus reads.
	page http.Handler
}

func newMetrics() (*metrics, error) {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("collect metrics: %w", err)
	}
	meter := metric.NewMeterProvider(metric.WithReader(reader)).Meter("latchkey")
	return &metrics{
		handler: opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: meter, UseMonotonicCounters: true}),
		page:    promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
	}, nil
}
