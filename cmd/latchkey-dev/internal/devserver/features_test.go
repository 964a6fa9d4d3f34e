package devserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

const (
	// timedWorkflows is how many results are timed.
	timedWorkflows = 300
	// latestResult is how late a result may come after its workflow has closed.
	latestResult = 2 * time.Second
)

// timing is what one workflow took.
type timing struct {
	late  time.Duration // from its close to its result
	whole time.Duration // from its start to its result
	err   error
}

// TestResultsComeInTime guards against Temporal's lost notices, which at its
// default settings hold back one result in thirty for 20 s.
func TestResultsComeInTime(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, Options{}))
	defer serve(t, c)()
	const atOnce = 10

	began := time.Now()
	ids, timings := make(chan int), make(chan timing, timedWorkflows)
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for i := range ids {
				timings <- timeOne(t.Context(), c, fmt.Sprintf("timed-%d", i))
			}
		})
	}
	for i := range timedWorkflows {
		ids <- i
	}
	close(ids)
	group.Wait()
	close(timings)

	var late, whole []time.Duration
	for one := range timings {
		require.NoError(t, one.err)
		late, whole = append(late, one.late), append(whole, one.whole)
	}
	t.Logf("%d workflows, %d at once, %.0f/s; start to result %s; close to result %s",
		timedWorkflows, atOnce, timedWorkflows/time.Since(began).Seconds(), spread(whole), spread(late))
	require.Less(t, slices.Max(late), latestResult)
}

func timeOne(ctx context.Context, c client.Client, id string) timing {
	began := time.Now()
	if _, err := tryGreet(ctx, c, id); err != nil {
		return timing{err: fmt.Errorf("workflow %s: %w", id, err)}
	}
	came := time.Now()
	described, err := c.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return timing{err: fmt.Errorf("describe workflow %s: %w", id, err)}
	}
	closed := described.GetWorkflowExecutionInfo().GetCloseTime().AsTime()
	return timing{late: came.Sub(closed), whole: came.Sub(began)}
}

func spread(d []time.Duration) string {
	slices.Sort(d)
	at := func(share float64) time.Duration {
		return d[int(share*float64(len(d)-1))].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %s p99 %s max %s", at(0.5), at(0.99), at(1))
}

func TestUpdateWithStart(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, Options{}))
	defer serve(t, c)()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	options := startOptions("updated")
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	operation := c.NewWithStartWorkflowOperation(options, updateWorkflow)
	handle, err := c.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: operation,
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateName: nameUpdate, Args: []any{"ada"}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	require.NoError(t, err)
	var answer string
	require.NoError(t, handle.Get(ctx, &answer))
	require.Equal(t, "named ada", answer)
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, Options{}))
	defer serve(t, c)()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	handle, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:                 "nightly",
		Spec:               client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: 24 * time.Hour}}},
		Action:             &client.ScheduleWorkflowAction{ID: "nightly", Workflow: greetWorkflow, Args: []any{"night"}, TaskQueue: workflowQueue},
		TriggerImmediately: true,
	})
	require.NoError(t, err)
	require.True(t, waitFor(func() bool {
		described, err := handle.Describe(ctx)
		require.NoError(t, err)
		return len(described.Info.RecentActions) == 1
	}))
}

func TestDynamicConfig(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, Options{DynamicConfig: map[string]any{"frontend.enableUpdateWorkflowExecution": false}}))
	_, err := c.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: "any", UpdateName: nameUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	var denied *serviceerror.PermissionDenied
	require.ErrorAs(t, err, &denied)
}

func TestAnUnusableServerIsAnError(t *testing.T) {
	t.Parallel()
	// Too short for the name of Temporal's own namespace.
	_, err := Start(t.Context(), Options{Address: freePort, DynamicConfig: map[string]any{"limit.maxIDLength": 5}})
	require.ErrorContains(t, err, "start the Temporal services")
}

func TestUI(t *testing.T) {
	t.Parallel()
	server := start(t, Options{UIAddress: freePort})
	c := dial(t, server)
	_, err := c.ExecuteWorkflow(t.Context(), startOptions("seen"), waitWorkflow)
	require.NoError(t, err)

	for path, want := range map[string]string{
		"/":                             "<html",
		"/namespaces/default/workflows": "<html",
		"/healthz":                      "OK",
		"/api/v1/settings":              `"DefaultNamespace":"default"`,
		"/api/v1/namespaces/default":    `"name": "default"`,
		"/api/v1/namespaces/default/search-attributes": "systemAttributes",
	} {
		t.Run(path, func(t *testing.T) {
			response := get(t, "http://"+server.UIAddress()+path)
			require.Equal(t, http.StatusOK, response.StatusCode)
			var body bytes.Buffer
			_, err := body.ReadFrom(response.Body)
			require.NoError(t, err)
			require.Contains(t, body.String(), want)
		})
	}
}

// TestHTTPAPI starts a workflow and gets its result as curl would.
func TestHTTPAPI(t *testing.T) {
	t.Parallel()
	server := start(t, Options{})
	c := dial(t, server)
	defer serve(t, c)()
	base := "http://" + server.HTTPAddress() + "/api/v1/namespaces/default/workflows/by-curl"

	body := `{"workflowType": {"name": "Greet"}, "taskQueue": {"name": "workflows"}, "input": ["curl"]}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base, bytes.NewBufferString(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	response := do(t, request)
	require.Equal(t, http.StatusOK, response.StatusCode)
	var started struct {
		RunID string `json:"runId"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&started))
	require.NotEmpty(t, started.RunID)

	require.True(t, waitFor(func() bool {
		response := get(t, base+"/history?historyEventFilterType=HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT")
		require.Equal(t, http.StatusOK, response.StatusCode)
		var body bytes.Buffer
		_, err := body.ReadFrom(response.Body)
		require.NoError(t, err)
		return bytes.Contains(body.Bytes(), []byte(`"hello curl"`))
	}))
}

// TestWebPagesStayOut: a page of another site starts nothing, by the HTTP API or the UI's, and
// Temporal's own listener answers nobody but what stands in front of it.
func TestWebPagesStayOut(t *testing.T) {
	t.Parallel()
	server := start(t, Options{UIAddress: freePort, AllowedHosts: []string{"dev.internal"}})
	const path = "/api/v1/namespaces/default/workflows/by-page"
	for name, test := range map[string]struct {
		address, host, kind, origin string
		want                        int
	}{
		"JSON":                          {address: server.HTTPAddress(), kind: "application/json", want: http.StatusOK},
		"by an allowed name":            {address: server.HTTPAddress(), host: "dev.internal:7243", kind: "application/json", want: http.StatusOK},
		"text":                          {address: server.HTTPAddress(), kind: "text/plain", want: http.StatusUnsupportedMediaType},
		"by another name":               {address: server.HTTPAddress(), host: "evil.example", kind: "application/json", want: http.StatusForbidden},
		"from another site":             {address: server.HTTPAddress(), kind: "application/json", origin: "https://evil.example", want: http.StatusForbidden},
		"from the UI's":                 {address: server.HTTPAddress(), kind: "application/json", origin: "http://" + server.UIAddress(), want: http.StatusForbidden},
		"behind, by an address":         {address: server.ports.behindHTTP.String(), kind: "application/json", want: http.StatusForbidden},
		"behind, by a name":             {address: server.ports.behindHTTP.String(), host: "localhost", kind: "application/json", want: http.StatusForbidden},
		"the UI by another name":        {address: server.UIAddress(), host: "evil.example", kind: "application/json", want: http.StatusForbidden},
		"the UI from another site":      {address: server.UIAddress(), kind: "text/plain", origin: "https://evil.example", want: http.StatusForbidden},
		"the UI without its own cookie": {address: server.UIAddress(), kind: "text/plain", want: http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"workflowType": {"name": "Greet"}, "taskQueue": {"name": "nobody"}, "workflowIdConflictPolicy": "WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING"}`
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+test.address+path, bytes.NewBufferString(body))
			require.NoError(t, err)
			request.Host = test.host
			request.Header.Set("Content-Type", test.kind)
			if test.origin != "" {
				request.Header.Set("Origin", test.origin)
			}
			require.Equal(t, test.want, do(t, request).StatusCode)
		})
	}
	byName, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+server.UIAddress()+"/api/v1/settings", http.NoBody)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, do(t, byName).StatusCode)
	byName.Host = "evil.example"
	require.Equal(t, http.StatusForbidden, do(t, byName).StatusCode, "reading too, by another name")
}
