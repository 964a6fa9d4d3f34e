package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-iam/latchkey/connectors"
)

// canary stands in every body that the suite makes up. No error may repeat it.
const canary = "canary-7d1f-in-the-provider's-own-text"

// secrets are what no error may repeat: credentials, tokens, names, addresses, bodies.
type secrets struct {
	mu     sync.Mutex
	values map[string]struct{}
	// seen are the errors that were looked at since the last new value.
	seen map[connectors.Error]bool
}

func newSecrets(h any) *secrets {
	s := &secrets{values: map[string]struct{}{}, seen: map[connectors.Error]bool{}}
	s.add(canary)
	if secretive, ok := h.(Secretive); ok {
		s.add(secretive.Secrets()...)
	}
	return s
}

// shortest is the length from which a value is looked for: a letter or two is found in
// every sentence.
const shortest = 4

func (s *secrets) add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range values {
		lower := strings.ToLower(value)
		if _, known := s.values[lower]; known || len(value) < shortest || lower == "false" || lower == "true" { // which a printed error says of itself
			continue
		}
		s.values[lower] = struct{}{}
		clear(s.seen)
	}
}

// isNew reports whether the error was not looked at before. One that differs in a made-up
// request ID alone was: the ID stands in it as it is, and is looked at by itself.
func (s *secrets) isNew(failure connectors.Error) bool {
	if uuid.Validate(failure.RequestID) == nil && s.repeatedIn(failure.RequestID) == "" {
		failure.RequestID = "a UUID"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[failure] {
		return false
	}
	s.seen[failure] = true
	return true
}

// repeatedIn returns a secret that the text repeats, or nothing.
func (s *secrets) repeatedIn(text string) string {
	lower := strings.ToLower(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	for value := range s.values {
		if strings.Contains(lower, value) {
			return value
		}
	}
	return ""
}

// written returns all ways in which a value may end up in a log or a history.
func written(t testing.TB, value any) []string {
	t.Helper()
	var lines bytes.Buffer
	slog.New(slog.NewJSONHandler(&lines, nil)).Info("failed", "error", value)
	slog.New(slog.NewTextHandler(&lines, nil)).Info("failed", "error", value)
	texts := []string{fmt.Sprintf("%v", value), fmt.Sprintf("%+v", value), fmt.Sprintf("%#v", value), fmt.Sprintf("%q", value)}
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{})
	require.NoError(t, encoder.AddReflected("value", value))
	fields := []zapcore.Field{{Key: "any", Type: zapcore.ReflectType, Interface: value}}
	if failure, ok := value.(error); ok {
		fields = append(fields, zapcore.Field{Key: "error", Type: zapcore.ErrorType, Interface: failure})
	}
	line, err := encoder.EncodeEntry(zapcore.Entry{Message: "failed"}, fields)
	require.NoError(t, err)
	return append(texts, string(encoded), lines.String(), line.String())
}
