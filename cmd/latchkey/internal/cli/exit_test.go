package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	want := map[string]int{
		"unlocked": 0, "already_unlocked": 0, "would_unlock": 0,
		"Internal": 1, "anything else": 1, "": 1,
		"InvalidInput": 2,
		"refused":      3, "held": 3, "aborted": 3,
		"completed": 0, "limit_reached": 0, "failed": 4,
		"partially_unlocked": 4, "StillLocked": 4, "relocked": 4,
		"NotFound": 5, "Ambiguous": 5,
		"Unavailable": 6, "RateLimited": 6, "Unauthenticated": 6, "PermissionDenied": 6, "RejectedByProvider": 6,
		"Conflict": 6, "Untrusted": 6, "MalformedResponse": 6, "Unsupported": 6, "NoWorker": 6, "TemporalUnavailable": 6,
		"Cancelled": 7, "Terminated": 7, "TimedOut": 7, "AlreadyRunning": 7, "Rejected": 7, "ScheduleExists": 7,
		"incomplete":  8,
		"Interrupted": 130,
	}
	for word, code := range want {
		require.Equal(t, code, ExitCode(word), word)
	}
}

// TestEveryEndingIsListed: the help topic holds each word with which a command can end once,
// under its exit code.
func TestEveryEndingIsListed(t *testing.T) {
	t.Parallel()
	listed, code := map[string]int{}, -1
	for _, line := range strings.Split(run(t, "help", "exit-codes").stdout, "\n") {
		if found := regexp.MustCompile(`^ {2,4}(\d+)  `).FindStringSubmatch(line); found != nil {
			code, _ = strconv.Atoi(found[1])
		} else if words, indented := strings.CutPrefix(line, "       "); indented {
			for _, word := range strings.Split(words, ", ") {
				listed[word] = code
			}
		}
	}
	want := map[string]int{string(workflows.FailedUser): ExitLocked}
	for _, word := range workflows.Words(workflows.OfOutcomes, workflows.OfBulkOutcomes, workflows.OfFailures, workflows.OfRequests) {
		want[word.Word] = ExitCode(word.Word)
	}
	delete(listed, "")
	for word, code := range want {
		require.Equal(t, code, listed[word], word)
		require.Contains(t, listed, word)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		kind string
		code int
	}{
		{usagef("wrong"), "InvalidInput", ExitUsage},
		{&client.Failure{Type: "RateLimited"}, "RateLimited", ExitUnreachable},
		{fmt.Errorf("wrapped: %w", &client.Failure{Type: "StillLocked"}), "StillLocked", ExitLocked},
		{&client.Failure{Type: "Interrupted", Message: "interrupted"}, "Interrupted", ExitInterrupted},
		{&temporalclient.UnreachableError{Cause: errors.New("refused")}, "TemporalUnavailable", ExitUnreachable},
		{fmt.Errorf("start: %w", serviceerror.NewPermissionDenied("no", "")), "TemporalUnavailable", ExitUnreachable},
		{fmt.Errorf("start: %w", serviceerror.NewNamespaceNotFound("x")), "TemporalUnavailable", ExitUnreachable},
		{context.DeadlineExceeded, "TemporalUnavailable", ExitUnreachable},
		{errors.New("anything"), "Internal", ExitFault},
	}
	for _, test := range tests {
		got, _ := explain(test.err)
		require.Equal(t, test.kind, got.Type, test.err)
		require.Equal(t, test.code, ExitCode(got.Type), test.err)
	}
	ended := endedWith(string(workflows.Refused))
	shown, _ := explain(ended)
	require.Nil(t, shown)
	require.Equal(t, ExitRefused, exitCodeOf(ended))
}
