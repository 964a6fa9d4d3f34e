package activities_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	result, err := run[activities.LookupResult](b, b.steps.Lookup, activities.LookupInput{Ref: connectors.UserRef{Username: latchkeytest.Username}})
	require.NoError(t, err)
	require.Equal(t, latchkeytest.UserID, result.Account.ID)
	require.Equal(t, latchkeytest.Provider, result.Provider)
	require.Equal(t, guard.Unlock, result.Verdict.Decision)
	require.Nil(t, result.Approval)
	require.Equal(t, 1, result.Attempt)
	require.WithinDuration(t, time.Now(), result.ReadAt, time.Minute)
	require.Contains(t, string(result.Account.User), "9007199254740993")
	require.NotNil(t, result.Account.Groups, "no groups is not the same as unknown groups")
}

// TestFreshness: an account is read again when the look-up is old, never trusted when it
// seems to come from the future, and not read again otherwise.
func TestFreshness(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age     time.Duration
		lookups int
	}{
		"just read":        {age: 0},
		"four seconds old": {age: 4 * time.Second},
		"six seconds old":  {age: 6 * time.Second, lookups: 1},
		"a day old":        {age: 24 * time.Hour, lookups: 1},
		"of the future":    {age: -time.Hour, lookups: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			result, err := run[activities.UnlockResult](b, b.steps.Unlock, unlockInput(b, test.age))
			require.NoError(t, err)
			lookups, unlocks := b.Calls()
			require.Equal(t, test.lookups, lookups)
			require.Equal(t, 1, unlocks)
			require.Equal(t, connectors.Yes, result.Sent)
			require.Equal(t, guard.Unlock, result.Verdict.Decision)
			require.Equal(t, test.lookups > 0, result.Account != nil)
		})
	}
}

// TestSecondGuard: what changed since the look-up counts.
func TestSecondGuard(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change   func(*connectors.Account)
		rules    guard.Rules
		ceiling  activities.Ceiling
		decision guard.Decision
		code     guard.Code
	}{
		"suspended since":  {change: func(a *connectors.Account) { a.State.Suspended = true }, decision: guard.Refuse, code: guard.CodeSuspended},
		"disabled since":   {change: func(a *connectors.Account) { a.State.Disabled = true }, decision: guard.Refuse, code: guard.CodeDisabled},
		"unlocked since":   {change: func(a *connectors.Account) { a.State.Locks = nil }, decision: guard.AlreadyUnlocked},
		"locked by others": {change: func(a *connectors.Account) { a.State.Locks = []connectors.Lock{latchkeytest.PasswordLock()} }, decision: guard.Refuse, code: guard.CodeLockReason},
		"protected":        {rules: guard.Rules{ProtectedUsers: []string{"*"}}, decision: guard.Refuse, code: guard.CodeProtectedUser},
		"ceiling":          {ceiling: &ceiling{}, decision: guard.Refuse, code: guard.CodeUnlockCeiling},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			b.rules, b.ceiling = test.rules, test.ceiling
			in := unlockInput(b, time.Minute)
			in.Demands.Guard.OnlyReasons = []connectors.Reason{connectors.ReasonFailedSignIn}
			if test.change != nil {
				b.Change(test.change)
			}
			result, err := run[activities.UnlockResult](b, b.steps.Unlock, in)
			require.NoError(t, err)
			require.Equal(t, test.decision, result.Verdict.Decision)
			require.Equal(t, test.code, result.Verdict.Code)
			require.Equal(t, connectors.No, result.Sent)
			require.NotEmpty(t, result.Account.User, "the last read is the result's")
			_, unlocks := b.Calls()
			require.Zero(t, unlocks)
		})
	}
}

// TestSendAgain: an unlock is sent once more only while none but the old locks stand.
func TestSendAgain(t *testing.T) {
	t.Parallel()
	later := func(a *connectors.Account) { *a.State.Locks[0].Since = a.State.Locks[0].Since.Add(time.Second) }
	for name, test := range map[string]struct {
		change  func(*connectors.Account)
		changed bool
		sent    connectors.Answer
	}{
		"as it was":              {sent: connectors.Yes},
		"unlocked meanwhile":     {change: func(a *connectors.Account) { a.State.Locks = nil }, sent: connectors.No},
		"suspended meanwhile":    {change: func(a *connectors.Account) { a.State.Suspended = true }, sent: connectors.No},
		"locked anew":            {change: later, changed: true, sent: connectors.No},
		"a lock without a date":  {change: func(a *connectors.Account) { a.State.Locks[0].Since = nil }, changed: true, sent: connectors.No},
		"another lock beside it": {change: func(a *connectors.Account) { a.State.Locks = append(a.State.Locks, latchkeytest.PasswordLock()) }, changed: true, sent: connectors.No},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			in := unlockInput(b, time.Minute)
			before := *in.Account.State.Locks[0].Since
			in.Again = []connectors.Lock{in.Account.State.Locks[0]}
			in.Again[0].Since = &before
			if test.change != nil {
				b.Change(test.change)
			}
			result, err := run[activities.UnlockResult](b, b.steps.Unlock, in)
			require.NoError(t, err)
			require.Equal(t, test.changed, result.Changed)
			require.Equal(t, test.sent, result.Sent)
			_, unlocks := b.Calls()
			require.Equal(t, map[connectors.Answer]int{connectors.Yes: 1}[test.sent], unlocks)
		})
	}
}

// TestSentOfAFailure: a failure says what it sent; one that says nothing may have had effect.
// What may have had effect is in the audit log, though the attempt failed.
func TestSentOfAFailure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		kind string
		want connectors.Answer
	}{
		"nothing sent":  {latchkeytest.FailSent(connectors.RateLimited, connectors.No), "RateLimited", connectors.No},
		"one accepted":  {latchkeytest.FailSent(connectors.PermissionDenied, connectors.Yes), "PermissionDenied", connectors.Yes},
		"answer lost":   {latchkeytest.FailSent(connectors.Unavailable, connectors.Unknown), "Unavailable", connectors.Unknown},
		"says nothing":  {latchkeytest.FailSent(connectors.Unavailable, ""), "Unavailable", connectors.Unknown},
		"unclassified":  {errors.New("x"), activities.TypeInternal, connectors.Unknown},
		"wrapped twice": {fmt.Errorf("x: %w", latchkeytest.Fail(connectors.Conflict)), "Conflict", connectors.No},
		"panics":        {nil, activities.TypeInternal, connectors.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			b.OnUnlock = failOnce(test.err)
			if test.err == nil {
				b.OnUnlock = func(context.Context, int) error { panic("x") }
			}
			_, err := run[activities.UnlockResult](b, b.steps.Unlock, unlockInput(b, 0))
			_, details := requireFailure(t, err, test.kind)
			require.Equal(t, test.want, details.Sent)
			lines := b.logs.FilterMessage(activities.AuditMessage).All()
			if test.want == connectors.No {
				require.Empty(t, lines)
				return
			}
			require.Len(t, lines, 1)
			fields := lines[0].ContextMap()
			require.Equal(t, string(test.want), fields["unlockSent"])
			require.Equal(t, string(guard.Unlock), fields["decision"])
			require.Equal(t, test.kind, fields["failure"])
			require.Equal(t, "soar", fields["requestedBy"])
		})
	}
}

// TestEarlierAttempts: what one attempt tells by its heartbeat the next ones build on.
func TestEarlierAttempts(t *testing.T) {
	t.Parallel()
	for _, before := range []connectors.Answer{connectors.No, connectors.Unknown, connectors.Yes} {
		t.Run(string(before), func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			b.environment.SetHeartbeatDetails(activities.FailureDetails{Sent: before, Attempt: 1})
			b.OnUnlock = failOnce(latchkeytest.Fail(connectors.Unavailable))
			_, err := run[activities.UnlockResult](b, b.steps.Unlock, unlockInput(b, 0))
			_, details := requireFailure(t, err, "Unavailable")
			// The environment's attempts are all the first, which has nothing before it.
			require.Equal(t, connectors.No, details.Sent)
		})
	}
}

func TestSurer(t *testing.T) {
	t.Parallel()
	order := []connectors.Answer{connectors.No, connectors.Unknown, connectors.Yes}
	for i, one := range order {
		for j, other := range order {
			require.Equal(t, order[max(i, j)], connectors.StrongerClaim(one, other))
		}
		require.Equal(t, one, connectors.StrongerClaim(one, ""))
	}
}

// TestAudit: one line for each decision, and nothing secret or personal in any.
func TestAudit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change   func(*connectors.Account)
		decision guard.Decision
		sent     connectors.Answer
		code     guard.Code
	}{
		"unlocked": {decision: guard.Unlock, sent: connectors.Yes},
		"refused":  {change: func(a *connectors.Account) { a.State.Suspended = true }, decision: guard.Refuse, sent: connectors.No, code: guard.CodeSuspended},
		"nothing":  {change: func(a *connectors.Account) { a.State.Locks = nil }, decision: guard.AlreadyUnlocked, sent: connectors.No},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			in := unlockInput(b, time.Minute)
			if test.change != nil {
				b.Change(test.change)
			}
			_, err := run[activities.UnlockResult](b, b.steps.Unlock, in)
			require.NoError(t, err)
			lines := b.logs.FilterMessage("audit").All()
			require.Len(t, lines, 1)
			fields := lines[0].ContextMap()
			require.NotEmpty(t, fields["workflowId"])
			require.NotEmpty(t, fields["runId"])
			require.NotEmpty(t, fields["explanation"])
			for key, want := range map[string]any{"step": "unlock", "connection": connection, "provider": "fake", "userId": latchkeytest.UserID,
				"decision": string(test.decision), "code": string(test.code), "unlockSent": string(test.sent), "failure": "", "requestedBy": "soar", "requestReason": "INC-4711"} {
				require.Equal(t, want, fields[key], key)
			}
			for _, personal := range latchkeytest.Personal() {
				require.NotContains(t, fmt.Sprint(fields), personal)
			}
		})
	}
}

// ceiling answers as the test says, and remembers which runs asked.
type ceiling struct {
	admits bool
	err    error
	asked  []string
}

func (c *ceiling) Admit(_ context.Context, run string) (bool, error) {
	c.asked = append(c.asked, run)
	return c.admits, c.err
}

// TestCeiling: a place is asked for each unlock that is about to be sent, and for no other;
// nothing is sent without one.
func TestCeiling(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ceiling ceiling
		change  func(*connectors.Account)
		asked   int
		unlocks int
		failure string
	}{
		"a place":           {ceiling: ceiling{admits: true}, asked: 1, unlocks: 1},
		"no place":          {asked: 1},
		"nothing to unlock": {ceiling: ceiling{admits: true}, change: func(a *connectors.Account) { a.State.Locks = nil }},
		"refused":           {ceiling: ceiling{admits: true}, change: func(a *connectors.Account) { a.State.Suspended = true }},
		"no answer":         {ceiling: ceiling{admits: true, err: errors.New("secret")}, asked: 1, failure: "Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			b.ceiling, b.rules.MaxUnlocksPerHour = &test.ceiling, 5
			in := unlockInput(b, time.Minute)
			if test.change != nil {
				b.Change(test.change)
			}
			_, err := run[activities.UnlockResult](b, b.steps.Unlock, in)
			if test.failure != "" {
				failure, details := requireFailure(t, err, test.failure)
				require.False(t, failure.NonRetryable())
				require.Equal(t, connectors.No, details.Sent)
				require.NotContains(t, failure.Error(), "secret")
			} else {
				require.NoError(t, err)
			}
			require.Len(t, test.ceiling.asked, test.asked)
			require.NotContains(t, test.ceiling.asked, "", "the run is named, so that it is counted once")
			_, unlocks := b.Calls()
			require.Equal(t, test.unlocks, unlocks)
		})
	}
}
