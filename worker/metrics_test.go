package worker

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/workflows"
)

// read returns what Prometheus would.
func (m *metrics) read() string {
	recorder := httptest.NewRecorder()
	m.page.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	return recorder.Body.String()
}

// TestSeries: however many names callers think of, the number of time series stays.
func TestSeries(t *testing.T) {
	t.Parallel()
	measured, err := newMetrics()
	require.NoError(t, err)
	count := func(tag, value string) {
		tagged := measured.handler.WithTags(map[string]string{"task_queue": "latchkey"}).WithTags(map[string]string{tag: value})
		tagged.Counter("requests").Inc(1)
		tagged.Timer("latency").Record(time.Second)
		tagged.Gauge("size").Update(1)
	}
	for tag := range callersTags {
		count(tag, "a caller's")
	}
	before := strings.Count(measured.read(), "\n")
	for tag := range callersTags {
		for i := range 300 {
			count(tag, fmt.Sprintf("a caller's-%d", i))
		}
	}
	require.Equal(t, before, strings.Count(measured.read(), "\n"))
	require.NotContains(t, measured.read(), "a caller's")

	for _, name := range workflows.Types() {
		count("workflow_type", name)
		require.Contains(t, measured.read(), `workflow_type="`+name+`"`)
	}
	for _, name := range activities.Names() {
		count("activity_type", name)
		require.Contains(t, measured.read(), `activity_type="`+name+`"`)
	}
}

// TestUnknownTypes: the names of workflow types that nobody serves are in no metric.
func TestUnknownTypes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.serve(s.config)
	const kinds = 10
	for i := range kinds {
		_, err := s.temporal.ExecuteWorkflow(t.Context(), sdkclient.StartWorkflowOptions{TaskQueue: workflows.TaskQueue}, fmt.Sprintf("caller-%d", i))
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		seen := map[any]bool{}
		for _, line := range s.logs.lines(t, "Failed to process workflow task.") {
			seen[line["WorkflowType"]] = true
		}
		return len(seen) == kinds && strings.Contains(s.metrics.read(), `workflow_type="`+unregistered+`"`)
	}, patience, 20*time.Millisecond)
	require.NotContains(t, s.metrics.read(), "caller-")
	require.Contains(t, s.metrics.read(), "temporal_workflow_task_execution_failed_total{", "runs that stand still can be alerted on")
}
