package worker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"slices"

	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// NewLogger makes the logger that the configuration asks for. Audit lines are written
// whatever the level.
func NewLogger(config Config, out io.Writer) *zap.Logger {
	settings, newEncoder := zap.NewProductionEncoderConfig(), zapcore.NewJSONEncoder
	if config.LogFormat == "console" {
		settings, newEncoder = zap.NewDevelopmentEncoderConfig(), zapcore.NewConsoleEncoder
	}
	settings.EncodeTime = zapcore.ISO8601TimeEncoder
	everything := zapcore.NewCore(newEncoder(settings), zapcore.Lock(zapcore.AddSync(out)), zapcore.DebugLevel)
	return zap.New(&levelCore{Core: everything, level: config.LogLevel}, zap.AddCaller())
}

// levelCore passes on what is at least as grave as the level, and every audit line.
type levelCore struct {
	zapcore.Core
	level zapcore.Level
}

// auditLevel is the level of audit lines.
const auditLevel = zapcore.InfoLevel

// Enabled implements zapcore.Core.
func (c *levelCore) Enabled(level zapcore.Level) bool { return level >= min(c.level, auditLevel) }

// With implements zapcore.Core.
func (c *levelCore) With(fields []zapcore.Field) zapcore.Core {
	return &levelCore{Core: c.Core.With(fields), level: c.level}
}

// Check implements zapcore.Core.
func (c *levelCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if entry.Level < c.level && entry.Message != activities.AuditMessage {
		return checked
	}
	return c.Core.Check(entry, checked)
}

// TemporalLogger lets the Temporal SDK, and workflows through it, write to the logger.
func TemporalLogger(logger *zap.Logger) sdklog.Logger {
	// The stack of whoever logs an error is always the same; panics come with their own.
	noStack := zapslog.AddStacktraceAt(math.MaxInt)
	return sdklog.NewStructuredLogger(slog.New(temporalHandler{zapslog.NewHandler(logger.Core(), noStack)}))
}

// temporalHandler lowers what the SDK logs as an error and is none of the worker's: it logs
// so every attempt of a step that fails, however often one is to be expected.
type temporalHandler struct{ slog.Handler }

// resultKey is where the SDK logs the result of a step that came too late: an account with
// all that the provider tells of it.
const resultKey = "Result"

// Handle implements slog.Handler.
func (h temporalHandler) Handle(ctx context.Context, record slog.Record) error {
	kept := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(attribute slog.Attr) bool {
		if err, is := attribute.Value.Any().(error); is {
			kept.Level = min(kept.Level, gravity(err))
		}
		if attribute.Key != resultKey {
			kept.AddAttrs(attribute)
		}
		return true
	})
	if !h.Enabled(ctx, kept.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, kept)
}

// WithAttrs implements slog.Handler.
func (h temporalHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return temporalHandler{h.Handler.WithAttrs(attributes)}
}

// WithGroup implements slog.Handler.
func (h temporalHandler) WithGroup(name string) slog.Handler {
	return temporalHandler{h.Handler.WithGroup(name)}
}

// gravity is the highest level at which an error is logged. What a provider answers is a
// warning at most, and news where the answer is about what was asked for.
func gravity(err error) slog.Level {
	var failed *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	switch {
	case errors.As(err, &cancelled):
		return slog.LevelInfo
	case !errors.As(err, &failed):
		return slog.LevelError
	}
	switch kind := connectors.Kind(failed.Type()); {
	case kind == connectors.NotFound, kind == connectors.Ambiguous:
		return slog.LevelInfo
	case slices.Contains(connectors.Kinds(), kind):
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}
