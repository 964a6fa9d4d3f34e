package devserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// The phases of a server's life, as far as its log cares.
const (
	phaseBuilding int32 = iota // on the caller's goroutine
	phaseStarting              // on many
	phaseRunning
	phaseStopping
	phaseStopped
)

// logState is shared by all loggers of one server.
type logState struct {
	phase atomic.Int32
	fatal chan error // the first fatal error while starting
}

func newLogState() *logState { return &logState{fatal: make(chan error, 1)} }

// logger hands Temporal's log to slog.
type logger struct {
	out   *slog.Logger
	state *logState
}

var _ log.WithLogger = (*logger)(nil)

func newLogger(out *slog.Logger, state *logState) *logger {
	return &logger{out: out, state: state}
}

// fatalError is what the server deems fatal, on its way up as a panic.
type fatalError struct {
	message string
	cause   error
}

func (e *fatalError) Error() string {
	if e.cause == nil {
		return e.message
	}
	return e.message + ": " + e.cause.Error()
}

func (e *fatalError) Unwrap() error { return e.cause }

func (l *logger) Debug(msg string, tags ...tag.Tag) { l.write(slog.LevelDebug, msg, tags) }
func (l *logger) Info(msg string, tags ...tag.Tag)  { l.write(slog.LevelInfo, msg, tags) }
func (l *logger) Warn(msg string, tags ...tag.Tag)  { l.write(slog.LevelWarn, msg, tags) }
func (l *logger) Error(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }

// DPanic logs: Temporal uses it for what should not happen and can be borne.
func (l *logger) DPanic(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }

// Panic logs and panics.
func (l *logger) Panic(msg string, tags ...tag.Tag) {
	l.write(slog.LevelError, msg, tags)
	panic(newFatalError(msg, tags))
}

// Fatal logs, and ends what Temporal's own logger would end together with the
// whole process: building the server by a panic that is recovered, starting it
// by an error for whoever waits, a part that finds the others gone while they
// all stop by itself. A server that breaks while it runs is a panic.
func (l *logger) Fatal(msg string, tags ...tag.Tag) {
	l.write(slog.LevelError, msg, tags)
	err := newFatalError(msg, tags)
	switch l.state.phase.Load() {
	case phaseBuilding, phaseRunning:
		panic(err)
	case phaseStarting:
		select {
		case l.state.fatal <- err:
		default: // one is enough
		}
	}
	runtime.Goexit()
}

// With returns a logger that adds the tags to every line.
func (l *logger) With(tags ...tag.Tag) log.Logger {
	return &logger{out: slog.New(l.out.Handler().WithAttrs(attributes(tags))), state: l.state}
}

func (l *logger) write(level slog.Level, msg string, tags []tag.Tag) {
	ctx := context.Background()
	if l.state.phase.Load() == phaseStopped || !l.out.Enabled(ctx, level) {
		return
	}
	l.out.LogAttrs(ctx, level, msg, attributes(tags)...)
}

func attributes(tags []tag.Tag) []slog.Attr {
	attrs := make([]slog.Attr, len(tags))
	for i, t := range tags {
		attrs[i] = slog.Any(t.Key(), t.Value())
	}
	return attrs
}

// newFatalError keeps the cause. A tag carries only its text, so a port that
// is taken is recognised by it.
func newFatalError(msg string, tags []tag.Tag) *fatalError {
	e := &fatalError{message: msg}
	for _, t := range tags {
		if t.Key() != "error" {
			continue
		}
		text := fmt.Sprint(t.Value())
		e.cause = errors.New(text)
		if strings.Contains(text, syscall.EADDRINUSE.Error()) {
			e.cause = fmt.Errorf("%s (%w)", text, syscall.EADDRINUSE)
		}
	}
	return e
}
