package worker

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

// metrics collects what the Temporal SDK and the workflows count.
type metrics struct {
	// handler is for the client that the workers use.
	handler client.MetricsHandler
	// page is what Prometheus reads.
	page     http.Handler
	registry *prometheus.Registry
}

func newMetrics() (*metrics, error) {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("collect metrics: %w", err)
	}
	meter := metric.NewMeterProvider(metric.WithReader(reader)).Meter("latchkey")
	return &metrics{
		handler:  boundedTags{opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: meter, UseMonotonicCounters: true})},
		page:     promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		registry: registry,
	}, nil
}

// countFailed counts the payloads for which there is no key.
func (m *metrics) countFailed(keys *temporalclient.Keys) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "latchkey_encryption_failures_total",
		Help: "Payloads that could not be decrypted.",
	}, func() float64 { return float64(keys.Failed()) }))
}

// boundedTags keeps the number of time series from growing with what callers ask for: a name
// that nobody serves becomes one and the same.
type boundedTags struct{ client.MetricsHandler }

const (
	// unregistered stands for every name that is not served.
	unregistered = "unregistered"
	// untagged is what the SDK sets where a tag means nothing.
	untagged = "none"
)

// callersTags are the tags whose values are callers' own text, with those that are served:
// Latchkey serves no Nexus operation.
var callersTags = map[string][]string{
	"workflow_type":   workflows.Types(),
	"activity_type":   activities.Names(),
	"nexus_service":   nil,
	"nexus_operation": nil,
}

// WithTags implements client.MetricsHandler.
func (b boundedTags) WithTags(tags map[string]string) client.MetricsHandler {
	bounded := maps.Clone(tags)
	for tag, served := range callersTags {
		if value, set := tags[tag]; set && value != untagged && !slices.Contains(served, value) {
			bounded[tag] = unregistered
		}
	}
	return boundedTags{b.MetricsHandler.WithTags(bounded)}
}
