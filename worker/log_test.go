package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// TestAuditAtEveryLevel: an audit line is written whatever the level, by steps and by
// workflows, and other lines from the level on.
func TestAuditAtEveryLevel(t *testing.T) {
	t.Parallel()
	levels := []zapcore.Level{zapcore.DebugLevel, zapcore.InfoLevel, zapcore.WarnLevel, zapcore.ErrorLevel}
	for i, least := range levels {
		for _, format := range []string{"json", "console"} {
			t.Run(least.String()+"/"+format, func(t *testing.T) {
				t.Parallel()
				logs := &logs{}
				logger := NewLogger(Config{LogLevel: least, LogFormat: format}, logs).With(zap.String("run", "1"))
				logger.Info(activities.AuditMessage, zap.String("step", "unlock"))
				TemporalLogger(logger).Info(activities.AuditMessage, "step", "result")
				require.Equal(t, 2, strings.Count(logs.String(), activities.AuditMessage))
				logs.reset()
				for _, level := range levels {
					logger.Log(level, "another")
				}
				workflows := TemporalLogger(logger)
				workflows.Debug("another")
				workflows.Info("another")
				workflows.Warn("another")
				workflows.Error("another")
				require.Equal(t, 2*(len(levels)-i), strings.Count(logs.String(), "another"))
			})
		}
	}
}

// TestLogger: no line is sampled away, and none but those that are asked for is written.
func TestLogger(t *testing.T) {
	t.Parallel()
	for format, sign := range map[string]string{"json": `"msg":"audit"`, "console": "\taudit"} {
		logs := &logs{}
		logger := NewLogger(Config{LogFormat: format, LogLevel: zapcore.InfoLevel}, logs)
		const many = 500
		for range many {
			logger.Info("audit")
			logger.Debug("not this")
			logger.Error("that")
		}
		require.Equal(t, many, strings.Count(logs.String(), sign))
		require.NotContains(t, logs.String(), "not this")
		require.NotContains(t, logs.String(), "goroutine")
		require.NotContains(t, logs.String(), "stacktrace")
	}
}

// TestLogTimes: times are ISO 8601.
func TestLogTimes(t *testing.T) {
	t.Parallel()
	logs := &logs{}
	NewLogger(Config{LogFormat: "json"}, logs).Info("now")
	written := logs.lines(t, "now")[0]["ts"]
	at, err := time.Parse("2006-01-02T15:04:05.000Z0700", written.(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)
}

// TestFailedAttempts: what the SDK logs of an attempt is as grave as its failure is for who
// runs the worker, and has no stack.
func TestFailedAttempts(t *testing.T) {
	t.Parallel()
	type test struct {
		err  error
		want string
	}
	tests := map[string]test{
		"a fault of our own": {temporal.NewNonRetryableApplicationError("x", activities.TypeInternal, nil), "error"},
		"somebody else's":    {errors.New("x"), "error"},
		"cancelled":          {fmt.Errorf("x: %w", temporal.NewCanceledError()), "info"},
		"wrapped":            {fmt.Errorf("x: %w", temporal.NewApplicationError("x", string(connectors.Unavailable))), "warn"},
	}
	for _, kind := range connectors.Kinds() {
		tests[string(kind)] = test{temporal.NewApplicationError("x", string(kind)), "warn"}
	}
	for _, kind := range []connectors.Kind{connectors.NotFound, connectors.Ambiguous} {
		tests[string(kind)] = test{temporal.NewApplicationError("x", string(kind)), "info"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logs := &logs{}
			logger := TemporalLogger(NewLogger(Config{LogFormat: "json"}, logs))
			logger.Error("Activity error.", "ActivityType", "Lookup", "Error", test.err)
			var line map[string]any
			require.NoError(t, json.Unmarshal([]byte(logs.String()), &line))
			require.Equal(t, test.want, line["level"])
			require.Contains(t, line["Error"], "x", "it is told all the same")
			require.Equal(t, "Lookup", line["ActivityType"])
			require.NotContains(t, line, "stacktrace")
		})
	}
}

// TestLateResult: the result of a step that came too late is an account, and is not logged.
func TestLateResult(t *testing.T) {
	t.Parallel()
	logs := &logs{}
	TemporalLogger(NewLogger(Config{LogFormat: "json"}, logs)).Info("Activity complete after timeout.", "RunID", "1", "Result", canary)
	require.Equal(t, "1", logs.lines(t, "Activity complete after timeout.")[0]["RunID"])
	require.NotContains(t, logs.String(), canary)
}
