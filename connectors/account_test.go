package connectors_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// TestNow: what dated the locks measures them.
func TestNow(t *testing.T) {
	t.Parallel()
	ours := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	require.Equal(t, ours, (&connectors.Account{}).Now(ours))
	theirs := ours.Add(-12 * time.Minute)
	require.Equal(t, theirs, (&connectors.Account{AsOf: theirs}).Now(ours))
}

func TestStateAnswers(t *testing.T) {
	t.Parallel()
	lock := []connectors.Lock{{Layer: connectors.LayerAccount}}
	unread := []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.Unavailable}}
	for name, test := range map[string]struct {
		state         connectors.State
		locked, clear bool
		canSignIn     connectors.Answer
		blockedBy     []string
	}{
		"open":            {clear: true, canSignIn: connectors.Yes, blockedBy: []string{}},
		"locked":          {state: connectors.State{Locks: lock}, locked: true, canSignIn: connectors.No, blockedBy: []string{}},
		"unread":          {state: connectors.State{Unread: unread}, canSignIn: connectors.Unknown, blockedBy: []string{}},
		"locked, unread":  {state: connectors.State{Locks: lock, Unread: unread}, locked: true, canSignIn: connectors.No, blockedBy: []string{}},
		"disabled":        {state: connectors.State{Disabled: true}, clear: true, canSignIn: connectors.No, blockedBy: []string{"disabled"}},
		"disabled unread": {state: connectors.State{Disabled: true, Unread: unread}, canSignIn: connectors.No, blockedBy: []string{"disabled"}},
		"all": {state: connectors.State{Disabled: true, Suspended: true, PasswordExpired: true}, clear: true, canSignIn: connectors.No,
			blockedBy: []string{"disabled", "suspended", "password_expired"}},
	} {
		require.Equal(t, test.locked, test.state.Locked(), name)
		require.Equal(t, test.clear, test.state.Clear(), name)
		require.Equal(t, test.canSignIn, test.state.SignInAnswer(), name)
		require.Equal(t, test.blockedBy, test.state.StillBlockedBy(), name)
	}
	require.Equal(t, connectors.Yes, connectors.AnswerOf(true))
	require.Equal(t, connectors.No, connectors.AnswerOf(false))
}

func TestSameLock(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	noonElsewhere, later := noon.In(time.FixedZone("", 3600)), noon.Add(time.Second)
	lock := connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonAdmin, Server: "a", Since: &noon}
	for name, test := range map[string]struct {
		change            func(*connectors.Lock)
		same, sameInPlace bool
	}{
		"nothing":          {change: func(*connectors.Lock) {}, same: true, sameInPlace: true},
		"another zone":     {change: func(l *connectors.Lock) { l.Since = &noonElsewhere }, same: true, sameInPlace: true},
		"another time":     {change: func(l *connectors.Lock) { l.Since = &later }, sameInPlace: true},
		"time not told":    {change: func(l *connectors.Lock) { l.Since = nil }, sameInPlace: true},
		"another reason":   {change: func(l *connectors.Lock) { l.Reason = connectors.ReasonUnknown }, sameInPlace: true},
		"another layer":    {change: func(l *connectors.Lock) { l.Layer = connectors.LayerMFA }},
		"another server":   {change: func(l *connectors.Lock) { l.Server = "b" }},
		"another duration": {change: func(l *connectors.Lock) { l.Until = &later }, same: true, sameInPlace: true},
	} {
		other := lock
		test.change(&other)
		require.Equal(t, test.same, lock.Same(other), name)
		require.Equal(t, test.same, other.Same(lock), name)
		require.Equal(t, test.sameInPlace, lock.SameLayerAndServer(other), name)
	}
	other := connectors.Lock{Layer: connectors.LayerMFA}
	require.Equal(t, []connectors.Lock{lock}, connectors.OnLayersOf([]connectors.Lock{lock, other}, []connectors.Lock{lock}))
	require.Empty(t, connectors.OnLayersOf([]connectors.Lock{lock}, nil))
}

// TestSameLockWithInferredReasons: what was inferred from other values may be inferred
// otherwise from the next read. What the provider tells itself is another lock's.
func TestSameLockWithInferredReasons(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	lock := func(reason connectors.Reason, inferred bool) connectors.Lock {
		return connectors.Lock{Layer: connectors.LayerAccount, Reason: reason, ReasonInferred: inferred}
	}
	inferred, unknown := lock(connectors.ReasonFailedSignIn, true), lock(connectors.ReasonUnknown, false)
	expired, admin := lock(connectors.ReasonExpired, true), lock(connectors.ReasonAdmin, false)
	for name, test := range map[string]struct {
		one, other     connectors.Lock
		dated, undated bool
	}{
		"became unknown":              {one: inferred, other: unknown, dated: true, undated: true},
		"was inferred otherwise":      {one: inferred, other: expired, dated: true, undated: true},
		"was told meanwhile":          {one: inferred, other: admin, dated: true},
		"was told otherwise":          {one: unknown, other: admin},
		"was told as it was inferred": {one: inferred, other: lock(connectors.ReasonFailedSignIn, false), dated: true},
	} {
		require.Equal(t, test.undated, test.one.Same(test.other), name)
		require.Equal(t, test.undated, test.other.Same(test.one), name)
		test.one.Since = &noon
		require.False(t, test.one.Same(test.other), "%s: one has no date", name)
		test.other.Since = &noon
		require.Equal(t, test.dated, test.one.Same(test.other), name)
		require.Equal(t, test.dated, test.other.Same(test.one), name)
		later := noon.Add(time.Second)
		test.other.Since = &later
		require.False(t, test.one.Same(test.other), "%s: made later", name)
	}
}

func TestWithoutUserLeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	account := &connectors.Account{ID: uuid, User: []byte(`{}`)}
	require.Nil(t, account.WithoutUser().User)
	require.NotNil(t, account.User)
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	full := &connectors.Error{Kind: connectors.RateLimited, Provider: "jumpcloud", Operation: "unlock", Status: 429, Code: "SLOW",
		Message: "too many requests", RetryAfter: 90 * time.Second, RequestID: "r-1", Sent: connectors.No, Cause: context.Canceled}
	require.Equal(t, "jumpcloud: unlock: too many requests (status 429, code SLOW, retry after 1m30s, request r-1)", full.Error())
	bare := &connectors.Error{Provider: "jumpcloud", Operation: "look up", Message: "no answer"}
	require.Equal(t, "jumpcloud: look up: no answer", bare.Error())
	require.ErrorIs(t, full, context.Canceled)
	require.NotErrorIs(t, bare, context.Canceled)
	require.Equal(t, connectors.RateLimited, connectors.KindOf(fmt.Errorf("wrapped: %w", full)))
	require.Empty(t, connectors.KindOf(errors.New("other")))
	require.Empty(t, connectors.KindOf(nil))
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	want := map[connectors.Kind]bool{
		connectors.NotFound: false, connectors.Ambiguous: false, connectors.RejectedByProvider: false, connectors.Unauthenticated: false,
		connectors.PermissionDenied: false, connectors.Conflict: true, connectors.RateLimited: true, connectors.Unavailable: true,
		connectors.Untrusted: false, connectors.MalformedResponse: true, connectors.Unsupported: false,
	}
	require.Len(t, connectors.Kinds(), len(want))
	for _, kind := range connectors.Kinds() {
		require.Contains(t, want, kind)
		require.Equal(t, want[kind], kind.Retryable(), kind)
	}
	require.False(t, connectors.Kind("else").Retryable())
}

func TestClock(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	require.Equal(t, noon, connectors.Options{Now: func() time.Time { return noon }}.Clock()())
	require.WithinDuration(t, time.Now(), connectors.Options{}.Clock()(), time.Minute)
}
