// Package examples tests the folder examples/ of the repository: what its documents say to run
// is run, and so is its playbook.
package examples

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/devtest"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// patience bounds the wait for what a test expects, on a machine that is busy.
const patience = latchkeytest.Patience

// commands are the shell commands of a document.
var commands = regexp.MustCompile("(?s)```sh\n(.*?)```")

// reader does as shell.md says.
type reader struct {
	t           *testing.T
	environment *dev.Environment
	user        string
}

// run runs a command as it is written, with the reader's own addresses and user.
func (r *reader) run(command string) (answer string, err error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	own := strings.NewReplacer("USER_ID", r.user, "127.0.0.1:7243", r.environment.Temporal.HTTPAddress())
	shell := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", own.Replace(command))
	shell.Env = append(os.Environ(), "TEMPORAL_ADDRESS="+r.environment.Temporal.Address(), "HOME="+r.t.TempDir())
	output, err := shell.CombinedOutput()
	return string(output), err
}

// does runs a command, which must say so.
func (r *reader) does(command, what string) {
	r.t.Helper()
	answer, err := r.run(command)
	require.NoError(r.t, err, answer)
	require.Contains(r.t, answer, what, command)
}

// says runs a command until it says so, and returns what it said.
func (r *reader) says(command, what string) string {
	r.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for until := time.Now().Add(patience); ; <-again.C {
		answer, err := r.run(command)
		if err == nil && strings.Contains(answer, what) {
			return answer
		}
		require.True(r.t, time.Now().Before(until), "%s\n%v\n%s", command, err, answer)
	}
}

// TestShell does what shell.md tells a reader to do, with curl and with the temporal
// command: ask, look, find, approve, and read the result.
func TestShell(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"curl", "temporal"} {
		_, err := exec.LookPath(tool)
		require.NoError(t, err, "make test installs it")
	}
	document, err := os.ReadFile("../../../examples/shell.md")
	require.NoError(t, err)
	found := commands.FindAllStringSubmatch(string(document), -1)
	require.Len(t, found, 9, "a command that the test does not know")
	environment := devtest.Start(t, "")

	r := &reader{t: t, environment: environment}
	r.locks("ada")
	r.does(found[0][1], `"runId"`)
	r.says(found[1][1], `"`+string(workflows.StepApproval)+`"`)
	r.requireSummary("INC-4711")
	r.does(found[2][1], "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED")
	var closed struct {
		History struct {
			Events []struct {
				Completed ended `json:"workflowExecutionCompletedEventAttributes"`
			} `json:"events"`
		} `json:"history"`
	}
	r.reads(r.says(found[3][1], "workflowExecutionCompletedEventAttributes"), &closed)
	require.Len(t, closed.History.Events, 1)
	r.requireUnlocked("ada", closed.History.Events[0].Completed.Result...)

	r.locks("barbara")
	r.does(found[4][1], "unlock/jumpcloud/"+r.user)
	r.says(found[5][1], `"`+string(workflows.StepApproval)+`"`)
	r.says(found[6][1], "unlock/jumpcloud/"+r.user)
	r.requireSummary(workflows.UnlockID(dev.JumpCloud, r.user))
	r.does(found[7][1], "Result")
	answer, err := r.run(found[8][1])
	require.NoError(t, err, answer)
	var result struct {
		Result *workflows.Result `json:"result"`
	}
	r.reads(answer, &result)
	r.requireUnlocked("barbara", result.Result)
}

// ended is how the HTTP API tells the end of a run.
type ended struct {
	Result []*workflows.Result `json:"result"`
}

// locks makes the user whom the reader unlocks next.
func (r *reader) locks(name string) {
	r.t.Helper()
	var err error
	r.user, err = r.environment.Locked(name)
	require.NoError(r.t, err)
}

// reads takes an answer in JSON.
func (r *reader) reads(answer string, into any) {
	r.t.Helper()
	require.NoError(r.t, json.Unmarshal([]byte(answer), into), answer)
}

// requireSummary fails unless the Temporal UI says what the run is.
func (r *reader) requireSummary(workflowID string) {
	r.t.Helper()
	described, err := r.environment.Client.Temporal.DescribeWorkflowExecution(r.t.Context(), workflowID, "")
	require.NoError(r.t, err)
	var summary string
	require.NoError(r.t, converter.GetDefaultDataConverter().FromPayload(described.GetExecutionConfig().GetUserMetadata().GetSummary(), &summary))
	require.Equal(r.t, workflows.ShownUnlock(dev.JumpCloud).Summary, summary)
}

// requireUnlocked fails unless there is one result, and the user can sign in again.
func (r *reader) requireUnlocked(name string, results ...*workflows.Result) {
	r.t.Helper()
	require.Len(r.t, results, 1)
	require.Equal(r.t, workflows.Unlocked, results[0].Outcome)
	require.Equal(r.t, r.user, results[0].UserID)
	require.Equal(r.t, "grace", results[0].Approval.By)
	require.True(r.t, r.environment.Tenant(dev.JumpCloud).SignIn(name, dev.Password).OK)
}
