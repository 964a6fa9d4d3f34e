package latchkeytest

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

// record rewrites the recorded histories of a workflow's package:
// go test ./workflows/unlockuser -run TestHistories -record
// Some of them: go test ./workflows/unlockuser -run TestHistories/denied -record
var record = flag.Bool("record", false, "record the histories of every scenario")

// historyFolder holds what is recorded. Its folders hold some of what was recorded before a
// workflow.GetVersion, and go with it.
const historyFolder = "testdata/histories"

// Play plays a scenario, and returns the histories of its run, or of the runs of its chain.
type Play func(*testing.T) []*historypb.History

// maxRuns is more than a chain of a scenario has runs.
const maxRuns = 3

// Histories replays what was recorded of the scenarios, or records it: workflow code of today
// must go on with runs of yesterday.
func Histories(t *testing.T, plays map[string]Play, register func(workflows.Registry, func() []string)) {
	if *record {
		recordAll(t, plays)
		return
	}
	files, err := filepath.Glob(filepath.Join(historyFolder, "*.json.gz"))
	require.NoError(t, err)
	known := map[string]bool{}
	for name := range plays {
		require.FileExists(t, fileOf(name, 0), "record it with -record")
		for i := range maxRuns {
			known[fileOf(name, i)] = true
		}
	}
	require.NotEmpty(t, files, "record them with -record")
	require.Empty(t, slices.DeleteFunc(slices.Clone(files), func(file string) bool { return known[file] }), "nothing plays these any more: remove them")
	older, err := filepath.Glob(filepath.Join(historyFolder, "*", "*.json.gz"))
	require.NoError(t, err)
	for _, file := range append(files, older...) {
		t.Run(strings.TrimPrefix(file, historyFolder), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replay(t, file, func(with workflows.Registry) { register(with, nil) }), "what a worker knew is recorded")
		})
	}
}

// ReplayNotices proves that the replay of a scenario fails when its workflow does something else.
func ReplayNotices(t *testing.T, scenario, workflowType string) {
	t.Helper()
	other := func(workflow.Context, converter.RawValue) (*workflows.Result, error) { return &workflows.Result{}, nil }
	require.Error(t, replay(t, fileOf(scenario, 0), func(with workflows.Registry) {
		with.RegisterWorkflowWithOptions(other, workflow.RegisterOptions{Name: workflowType})
	}), scenario)
}

func recordAll(t *testing.T, plays map[string]Play) {
	require.NoError(t, os.MkdirAll(historyFolder, 0o750))
	for name, play := range plays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forget(t, name)
			for i, history := range play(t) {
				keep(t, fileOf(name, i), history)
			}
		})
	}
}

// fileOf is the file of the i-th run of a scenario.
func fileOf(name string, i int) string {
	if i > 0 {
		name = fmt.Sprintf("%s, run %d", name, i+1)
	}
	return filepath.Join(historyFolder, strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(name)+".json.gz")
}

// forget removes what was recorded of a scenario, whose chain may have been longer.
func forget(t *testing.T, name string) {
	t.Helper()
	for i := range maxRuns {
		if err := os.Remove(fileOf(name, i)); !os.IsNotExist(err) {
			require.NoError(t, err)
		}
	}
}

// keep writes a history without the name of the machine, which the SDK puts into the names
// of sticky queues.
func keep(t *testing.T, file string, history *historypb.History) {
	t.Helper()
	for _, event := range history.GetEvents() {
		if queue := event.GetWorkflowTaskScheduledEventAttributes().GetTaskQueue(); queue.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
			queue.Name = "sticky"
		}
	}
	data, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(history)
	require.NoError(t, err)
	host, err := os.Hostname()
	require.NoError(t, err)
	require.NotContains(t, string(data), host, "a history must not tell where it was recorded")
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, err = writer.Write(data)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.NoError(t, os.WriteFile(file, packed.Bytes(), 0o600))
}

func replay(t *testing.T, file string, register func(workflows.Registry)) error {
	t.Helper()
	packed, err := os.ReadFile(file)
	require.NoError(t, err)
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	history, err := client.HistoryFromJSON(reader, client.HistoryJSONOptions{})
	require.NoError(t, err)
	// A step of a replay may take longer than the second that a worker gives one.
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableDeadlockDetection: true, DataConverter: temporalclient.DataConverter})
	require.NoError(t, err)
	register(replayer)
	return replayer.ReplayWorkflowHistory(Silent(), history)
}
