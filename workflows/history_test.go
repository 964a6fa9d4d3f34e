package workflows_test

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
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// record rewrites the recorded histories: go test ./workflows -run TestRecordHistories -record
// Some of them: go test ./workflows -run TestRecordHistories/bulk -record
var record = flag.Bool("record", false, "record the histories of every scenario")

// historyFolder holds what is recorded. Its folders hold some of what was recorded before a
// workflow.GetVersion, and go with it.
const historyFolder = "testdata/histories"

// maxCleanEvents is how long the history of a clean unlock may get.
const maxCleanEvents = 27

// TestRecordHistories plays every scenario and keeps its history.
func TestRecordHistories(t *testing.T) { //nolint:paralleltest // its scenarios are
	if !*record {
		t.Skip("only with -record")
	}
	require.NoError(t, os.MkdirAll(historyFolder, 0o750))
	recordOne := func(name string, play func(*testing.T) []*historypb.History) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forget(t, name)
			for i, history := range play(t) {
				keep(t, fileOf(name, i), history)
			}
		})
	}
	stages := map[string]func(*testing.T) *stage{}
	for _, group := range scenarios() {
		for name, c := range group {
			stages[name] = c.play
		}
	}
	for name, c := range checkups() {
		stages[name] = c.play
	}
	for name, play := range stages {
		recordOne(name, func(t *testing.T) []*historypb.History { t.Helper(); return []*historypb.History{events(t, play(t))} })
	}
	for name, play := range ceilings() {
		recordOne(name, play)
	}
	for name, play := range bulkEnds() {
		recordOne(name, func(t *testing.T) []*historypb.History { t.Helper(); return play(t).histories() })
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
	for i := 0; ; i++ {
		err := os.Remove(fileOf(name, i))
		if os.IsNotExist(err) {
			return
		}
		require.NoError(t, err)
	}
}

// events reads the history of a scenario's run.
func events(t *testing.T, s *stage) *historypb.History {
	t.Helper()
	return latchkeytest.History(t, s.Temporal.Client, s.run.GetID(), s.run.GetRunID())
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

// TestReplay: workflow code of today must go on with runs of yesterday.
func TestReplay(t *testing.T) {
	t.Parallel()
	if *record {
		t.Skip("recording")
	}
	files, err := filepath.Glob(filepath.Join(historyFolder, "*.json.gz"))
	require.NoError(t, err)
	require.Empty(t, stale(files), "nothing plays these any more: remove them")
	require.NotEmpty(t, files, "record them with: go test ./workflows -run TestRecordHistories -record")
	older, err := filepath.Glob(filepath.Join(historyFolder, "*", "*.json.gz"))
	require.NoError(t, err)
	files = append(files, older...)
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, historyFolder), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replay(t, file, func(with workflows.Registry) { workflows.Register(with, nil) }), "what a worker knew is recorded")
		})
	}
}

// stale are the recordings that belong to no scenario.
func stale(files []string) []string {
	known := map[string]bool{}
	for _, group := range scenarios() {
		for name := range group {
			known[fileOf(name, 0)] = true
		}
	}
	for name := range checkups() {
		known[fileOf(name, 0)] = true
	}
	for name := range ceilings() {
		known[fileOf(name, 0)], known[fileOf(name, 1)] = true, true
	}
	for name := range bulkEnds() {
		known[fileOf(name, 0)], known[fileOf(name, 1)] = true, true
	}
	return slices.DeleteFunc(slices.Clone(files), func(file string) bool { return known[file] })
}

// TestReplayNotices proves that the replay fails when a workflow does something else.
func TestReplayNotices(t *testing.T) {
	t.Parallel()
	if *record {
		t.Skip("recording")
	}
	other := func(workflow.Context, converter.RawValue) (*workflows.Result, error) { return &workflows.Result{}, nil }
	for file, name := range map[string]string{
		"unlocked": workflows.UnlockUserName, "check-finds-all-rights": workflows.CheckConnectionName, "bulk-released": workflows.UnlockLockedUsersName,
		"bulk-chain-run-2": workflows.UnlockLockedUsersName, "list-of-locked-users": workflows.ListLockedUsersName,
		"ceiling-chain": workflows.KeepCeilingName,
	} {
		require.Error(t, replay(t, filepath.Join(historyFolder, file+".json.gz"), func(with workflows.Registry) {
			with.RegisterWorkflowWithOptions(other, workflow.RegisterOptions{Name: name})
		}), file)
	}
}

// TestEveryOutcomeIsRecorded: an outcome or a failure without a history would not be replayed.
func TestEveryOutcomeIsRecorded(t *testing.T) {
	t.Parallel()
	ends := map[string]bool{}
	for _, group := range scenarios() {
		for _, c := range group {
			ends[string(c.outcome)], ends[c.failure] = true, true
		}
	}
	for _, outcome := range workflows.Outcomes() {
		require.True(t, ends[string(outcome)], outcome)
	}
	for _, kind := range workflows.FailureTypes() {
		require.True(t, ends[kind], kind)
	}
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
	return replayer.ReplayWorkflowHistory(latchkeytest.Silent(), history)
}
