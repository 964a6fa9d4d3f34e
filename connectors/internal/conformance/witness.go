package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
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

// watch returns the connector with a witness at its side, who looks at every error: it
// is one of the contract's, tells of Sent what it should, and repeats no secret.
func watch(t testing.TB, connector Connector, secret *secrets) Connector {
	return &witness{Connector: connector, t: t, secret: secret}
}

type witness struct {
	Connector
	t      testing.TB
	secret *secrets
}

// Lookup implements Connector.
func (w *witness) Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error) {
	w.secret.add(ref.Username, ref.Email)
	account, err := w.Connector.Lookup(ctx, ref)
	if (account == nil) != (err != nil) {
		w.t.Errorf("a look-up returns either an account or an error, not %v and %v", account, err)
	}
	w.look(err, false)
	return account, err
}

// Unlock implements Connector.
func (w *witness) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	unlocked, err := w.Connector.Unlock(ctx, account)
	w.look(err, true)
	if secret := w.secret.repeatedIn(unlocked.RequestID); secret != "" {
		w.t.Errorf("the identifier of an unlock repeats what was sent to the provider")
	}
	return unlocked, err
}

// ListLocked implements Connector.
func (w *witness) ListLocked(ctx context.Context, after string, limit int) (connectors.Page, error) {
	page, err := w.Connector.ListLocked(ctx, after, limit)
	w.look(err, false)
	return page, err
}

// look reports, and does not stop the test: it may be called on any goroutine.
func (w *witness) look(err error, unlock bool) {
	w.t.Helper()
	if err == nil {
		return
	}
	var failure *connectors.Error
	if !errors.As(err, &failure) {
		w.t.Errorf("an error is not the contract's: %v", err)
		return
	}
	if fault := contractFault(failure, unlock); fault != "" {
		w.t.Errorf("%s: %+v", fault, failure)
	}
	if !w.secret.isNew(*failure) {
		return
	}
	for _, value := range []any{err, *failure} {
		for _, text := range written(w.t, value) {
			if repeated := w.secret.repeatedIn(text); repeated != "" {
				w.t.Errorf("%q is repeated in %s", repeated, text)
				return
			}
		}
	}
}

// contractFault says how a failure breaks the contract, or nothing.
func contractFault(failure *connectors.Error, unlock bool) string {
	known := false
	for _, kind := range connectors.Kinds() {
		known = known || kind == failure.Kind
	}
	told := failure.Sent == connectors.Yes || failure.Sent == connectors.No || failure.Sent == connectors.Unknown
	switch {
	case !known:
		return "its kind is not one of the contract's"
	case failure.Provider == "" || failure.Operation == "" || failure.Message == "":
		return "it does not say what was being done, or what was wrong"
	case failure.RetryAfter < 0 || failure.RetryAfter > 24*time.Hour:
		return "it asks for a wait that makes no sense"
	case unlock && !told:
		return "a failed unlock must tell in Sent whether one may have taken effect"
	case !unlock && failure.Sent != "":
		return "only an unlock tells in Sent"
	case failure.Cause != nil && !errors.Is(failure.Cause, context.Canceled) && !errors.Is(failure.Cause, context.DeadlineExceeded) && !errors.Is(failure.Cause, httpcall.ErrTooLong):
		return "its cause is not the caller's context"
	case strings.ContainsAny(failure.Error(), "\n\r\x00"):
		return "it is not one line"
	default:
		return ""
	}
}

func failureOf(t testing.TB, err error) *connectors.Error {
	t.Helper()
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	return failure
}

// watched puts a witness at the side of each of a harness's connectors.
type watched struct {
	Harness
	t      testing.TB
	secret *secrets
}

func (w *watched) Connector() Connector {
	return watch(w.t, w.Harness.Connector(), w.secret)
}

func (w *watched) WrongCredentials() Connector {
	return watch(w.t, w.Harness.WrongCredentials(), w.secret)
}

func (w *watched) ReadOnly() Connector { return watch(w.t, w.Harness.ReadOnly(), w.secret) }

func (w *watched) MakeUser(t testing.TB, username, email string) User {
	user := w.Harness.MakeUser(t, username, email)
	w.secret.add(user.Username, user.Email)
	return user
}
