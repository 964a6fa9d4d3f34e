package endtoend

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/internal/testserver"
	"github.com/latchkey-iam/latchkey/workflows"
)

// crowdUsers is how many users TestCrowd locks; make bench asks for more.
var crowdUsers = flag.Int("users", 1000, "how many users TestCrowd locks")

const (
	// maxWorkerMemory is what a worker may take at its worst, in bytes.
	maxWorkerMemory = 300 << 20
	// maxHistory is how many events one run of the chain may have.
	maxHistory = 5000
)

// TestCrowd unlocks many users in one run while the worker is killed twice and Temporal is
// restarted on its file: everybody is decided upon and unlocked, each once in the book.
func TestCrowd(t *testing.T) {
	t.Parallel()
	options := testserver.Options{DatabaseFile: filepath.Join(t.TempDir(), "temporal.db"), SearchAttributes: workflows.SearchAttributeTypes()}
	server, err := testserver.Start(t.Context(), options)
	require.NoError(t, err)
	h := newHouseAt(t, server.Address(), jumpcloud(jumpcloudsimulator.DefaultAPIKey))
	h.alone = true
	h.temporal = h.dial(sdkclient.DefaultNamespace)
	h.client = &client.Client{Temporal: h.temporal}
	_, err = h.tenant.Populate(simulator.Populate{Count: *crowdUsers, Locked: *crowdUsers})
	require.NoError(t, err)
	// However long it takes: an organization that forgets failures with time forgets why it
	// locked an account, too.
	require.NoError(t, h.tenant.Configure(func(s *jumpcloudsimulator.Settings) { s.PasswordPolicy.EnableResetLockoutCounter = false }))
	working := h.startWorker()
	began := time.Now()

	zero, none := 0, workflows.Duration(0)
	run, err := h.client.StartBulk(t.Context(), workflows.BulkInput{Connection: h.connection, Policy: workflows.Policy{
		MinLockedFor: &none, MaxPerRun: &zero, Hold: &workflows.Hold{Above: crowdUsers}, Concurrency: 20,
	}})
	require.NoError(t, err)
	peak := int64(0)
	for _, quarter := range []int{1, 2, 3} {
		h.awaitUnlocks(*crowdUsers * quarter / 4)
		t.Logf("%d unlocks after %s", *crowdUsers*quarter/4, time.Since(began).Round(time.Second))
		if quarter == 2 {
			require.NoError(t, server.Stop())
			options.Address = server.Address()
			server, err = testserver.Start(t.Context(), options)
			require.NoError(t, err)
			continue
		}
		peak = max(peak, working.peakMemory(t))
		working.kill()
		working = h.startWorker()
	}
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	t.Cleanup(working.kill) // Cleanups run last first: the worker ends before the server.

	ctx, cancel := context.WithTimeout(t.Context(), 5*patience+time.Duration(*crowdUsers)*100*time.Millisecond)
	defer cancel()
	result, err := run.BulkResult(ctx)
	require.NoError(t, err, "the worker says: %s", working.stderr)
	took := time.Since(began)
	peak = max(peak, working.peakMemory(t))
	require.Equal(t, workflows.Completed, result.Outcome, result.Explanation)
	require.Equal(t, map[string]int{"unlocked": *crowdUsers}, result.Counts, "%v %v", result.Codes, result.Failures)
	require.Less(t, peak, int64(maxWorkerMemory))
	h.requireEachOnce(run)
	longest := h.longestHistory(run)
	require.LessOrEqual(t, longest, int64(maxHistory))
	t.Logf("%d users in %s, %.0f a second, in %d runs of %d events at most; a worker took %d MB at most; two were killed, and Temporal restarted once",
		*crowdUsers, took.Round(time.Second), float64(*crowdUsers)/took.Seconds(), result.Runs, longest, peak>>20)
}

// awaitUnlocks waits until the book shows so many unlocks.
func (h *house) awaitUnlocks(count int) {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return len(h.unlocks()) >= count },
		5*patience+time.Duration(*crowdUsers)*100*time.Millisecond, 5*pause, "%d unlocks", count)
}

// requireEachOnce holds the report against the book.
func (h *house) requireEachOnce(run *client.Run) {
	h.t.Helper()
	decided := map[string]int{}
	require.NoError(h.t, run.Decisions(h.t.Context(), func(d workflows.Decision) error {
		decided[d.UserID]++
		return nil
	}))
	require.Len(h.t, decided, *crowdUsers)
	require.Equal(h.t, decided, h.unlocks(), "one decision and one unlock each")
	for id, times := range decided {
		require.Equal(h.t, 1, times, id)
	}
}

// longestHistory is the length of the longest history of the chain.
func (h *house) longestHistory(run *client.Run) int64 {
	h.t.Helper()
	longest := int64(0)
	for runID := run.RunID; runID != ""; {
		described, err := h.temporal.DescribeWorkflowExecution(h.t.Context(), run.WorkflowID, runID)
		require.NoError(h.t, err)
		longest = max(longest, described.GetWorkflowExecutionInfo().GetHistoryLength())
		last, err := h.temporal.GetWorkflowHistory(h.t.Context(), run.WorkflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT).Next()
		require.NoError(h.t, err)
		runID = last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return longest
}

// peakMemory is the most memory that the process has taken, in bytes.
func (p *process) peakMemory(t *testing.T) int64 {
	t.Helper()
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if os.IsNotExist(err) {
		return 0 // No Linux: what is measured there counts.
	}
	require.NoError(t, err)
	defer func() { _ = status.Close() }()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), "VmHWM:"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			require.NoError(t, err)
			return kilobytes << 10
		}
	}
	t.Fatal("the process does not tell its memory")
	return 0
}
