// Package examples tests the documents beside it: what they tell a reader to send is sent.
package examples

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/internal/dev"
	"github.com/latchkey-iam/latchkey/workflows"
)

// patience bounds the wait for what a test expects, on a machine that is busy.
const patience = time.Minute

// curl is a command of the document: its method, address and body.
var curl = regexp.MustCompile(`(?m)^curl (?:-X (POST) )?'http://127\.0\.0\.1:7243([^']+)'(?: \\\n  -H 'Content-Type: application/json' \\\n  -d '([^']*)')?`)

// reader does as shell.md says.
type reader struct {
	t    *testing.T
	api  string
	user string
}

// do sends what a command says, with the reader's own address and user.
func (r *reader) do(command []string) (answer string) {
	r.t.Helper()
	method, path, body := command[1], command[2], strings.ReplaceAll(command[3], "USER_ID", r.user)
	if method == "" {
		method = http.MethodGet
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+r.api+path, strings.NewReader(body))
	require.NoError(r.t, err)
	request.Header.Set("Content-Type", "application/json")
	answered, err := http.DefaultClient.Do(request)
	require.NoError(r.t, err)
	defer answered.Body.Close()
	read, err := io.ReadAll(answered.Body)
	require.NoError(r.t, err)
	require.Equal(r.t, http.StatusOK, answered.StatusCode, string(read))
	return string(read)
}

// TestCurl does what shell.md tells a reader to do with curl: ask, look, approve, and read
// the result.
func TestCurl(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("shell.md")
	require.NoError(t, err)
	commands := curl.FindAllStringSubmatch(string(document), -1)
	require.Len(t, commands, strings.Count(string(document), "\ncurl "), "a command that the test does not understand")
	require.Len(t, commands, 4)
	const anyPort = "127.0.0.1:0"
	environment, err := dev.Start(t.Context(), dev.Options{TemporalAddress: anyPort, HTTPAddress: anyPort,
		JumpCloudAddress: anyPort, PingOneAddress: anyPort, Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, environment.Stop()) })
	user, err := environment.Locked("ada")
	require.NoError(t, err)
	r := &reader{t: t, api: environment.Temporal.HTTPAddress(), user: user}

	require.Contains(t, r.do(commands[0]), `"runId"`)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for until := time.Now().Add(patience); !strings.Contains(r.do(commands[1]), `"`+string(workflows.StepApproval)+`"`); <-again.C {
		require.True(t, time.Now().Before(until), "the run does not wait for an approval")
	}
	require.Contains(t, r.do(commands[2]), "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED")
	result := r.result(commands[3])
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Equal(t, "grace", result.Approval.By)
	require.True(t, environment.JumpCloud.SignIn("ada", dev.Password).OK)
}

// result reads the end of the run where the document says that it stands.
func (r *reader) result(command []string) *workflows.Result {
	r.t.Helper()
	answer := r.do(command)
	var ended struct {
		History struct {
			Events []struct {
				Completed struct {
					Result []*workflows.Result `json:"result"`
				} `json:"workflowExecutionCompletedEventAttributes"`
			} `json:"events"`
		} `json:"history"`
	}
	require.NoError(r.t, json.Unmarshal([]byte(answer), &ended))
	require.Len(r.t, ended.History.Events, 1, answer)
	require.Len(r.t, ended.History.Events[0].Completed.Result, 1, answer)
	return ended.History.Events[0].Completed.Result[0]
}
