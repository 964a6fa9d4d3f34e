package simulator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

func TestLockByFailures(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"username": "cy", "password": "right"})
	require.NoError(t, b.sim.Fail("cy", 5))
	require.Equal(t, float64(5), b.read(id)["badLoginAttempts"])
	require.True(t, b.sim.SignIn("cy@example.com", "right").OK)
	require.Equal(t, float64(0), b.read(id)["badLoginAttempts"])

	require.NoError(t, b.sim.Fail("cy", 5))
	require.NoError(t, b.sim.Clock.Advance(30*time.Minute))
	require.NoError(t, b.sim.Fail("cy", 5))
	require.Equal(t, false, b.read(id)["account_locked"], "the first five are outside the window")
	require.NoError(t, b.sim.Fail("cy", 1))
	user := b.read(id)
	require.Equal(t, true, user["account_locked"])
	require.Equal(t, "2026-03-01T12:30:00.000Z", user["account_locked_date"])
	require.Equal(t, float64(6), user["badLoginAttempts"])
	require.Equal(t, kit.SignIn{Reason: "locked"}, b.sim.SignIn("cy", "right"))

	require.NoError(t, b.sim.Clock.Advance(1000*time.Hour))
	require.True(t, b.sim.Locked(id), "without a lockout time it does not run out")
	answer := b.do("POST", "/api/systemusers/"+id+"/unlock", "")
	require.Equal(t, 200, answer.status)
	require.Empty(t, answer.body)
	user = b.read(id)
	require.Equal(t, false, user["account_locked"])
	require.Nil(t, user["account_locked_date"])
	require.Equal(t, float64(0), user["badLoginAttempts"])
	require.True(t, b.sim.SignIn("cy", "right").OK)
}

func TestLockoutTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(s *simulator.Settings) {
		s.PasswordPolicy.EnableLockoutTimeInSeconds, s.PasswordPolicy.LockoutTimeInSeconds = true, 300
	})
	failed, admin := b.sim.MustCreateUser(map[string]any{}), b.sim.MustCreateUser(map[string]any{})
	require.NoError(t, b.sim.LockByFailures(failed))
	require.NoError(t, b.sim.Lock(admin))
	require.NoError(t, b.sim.Clock.Advance(299*time.Second))
	require.Equal(t, true, b.read(failed)["account_locked"])
	require.NoError(t, b.sim.Clock.Advance(time.Hour))
	require.Equal(t, false, b.read(failed)["account_locked"])
	require.Equal(t, true, b.read(admin)["account_locked"])
	changes := b.sim.Book.List(failed, 0)
	require.Equal(t, kit.Change{
		Seq: 3, Time: start.Add(300 * time.Second), UserID: failed, What: kit.RanOut, Layer: kit.LayerAccount, Cause: kit.CauseTime,
	}, changes[1])
}

func TestAdminLockKeepsItsReason(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	answer := b.do("PUT", "/api/systemusers/"+id, `{"account_locked":true}`)
	require.Equal(t, 200, answer.status)
	require.Equal(t, true, answer.object(t)["account_locked"])
	require.NoError(t, b.sim.Fail(id, 8))
	require.Equal(t, float64(8), b.read(id)["badLoginAttempts"])
	b.do("POST", "/api/systemusers/"+id+"/unlock", "")
	b.do("POST", "/api/systemusers/"+id+"/unlock", "")
	var book []string
	for _, change := range b.sim.Book.All() {
		book = append(book, change.What+" "+change.Cause)
	}
	require.Equal(t, []string{"locked admin", "unlocked unlock_call"}, book)
	require.Equal(t, 2, b.sim.Calls.Count("unlock"))
}

func TestUnlockChangesNothingElse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"suspended": true, "password_expired": true, "account_locked": true, "badLoginAttempts": 6})
	before := b.read(id)
	require.Equal(t, kit.CauseFailedSignIn, b.sim.Book.All()[0].Cause)
	require.Equal(t, 200, b.do("POST", "/api/systemusers/"+id+"/unlock", "").status)
	after := b.read(id)
	require.Equal(t, "SUSPENDED", after["state"])
	for _, key := range []string{"account_locked", "account_locked_date", "badLoginAttempts"} {
		require.NotEqual(t, before[key], after[key], key)
		delete(before, key)
		delete(after, key)
	}
	require.Equal(t, before, after)
	require.Equal(t, "suspended", b.sim.SignIn(id, kit.DefaultPassword).Reason)
	require.NoError(t, b.sim.Act(id, "unsuspend", nil))
	require.Equal(t, "password_expired", b.sim.SignIn(id, kit.DefaultPassword).Reason)
}

// TestExpiryLocks: where a setting says so, what expires locks, and an unlock leaves it expired.
func TestExpiryLocks(t *testing.T) {
	t.Parallel()
	for _, locks := range []bool{false, true} {
		for action, expired := range map[string]func(user map[string]any) bool{
			"expire-password": func(user map[string]any) bool { expired, _ := user["password_expired"].(bool); return expired },
			"expire-enrollment": func(user map[string]any) bool {
				return user["mfaEnrollment"].(map[string]any)["overallStatus"] == "ENROLLMENT_EXPIRED"
			},
		} {
			b := newBench(t)
			require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.ExpiryLocks = locks }))
			id := b.sim.MustCreateUser(map[string]any{})
			require.False(t, expired(b.read(id)))
			require.NoError(t, b.sim.Act(id, action, nil))
			require.Equal(t, locks, b.read(id)["account_locked"], action)
			require.True(t, expired(b.read(id)), action)
			require.NoError(t, b.sim.Unlock(id))
			require.Equal(t, false, b.read(id)["account_locked"], action)
			require.True(t, expired(b.read(id)), action)
		}
	}
}

func TestUnlockAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	for answer, want := range map[string]string{
		simulator.UnlockAnswerEmpty: "", simulator.UnlockAnswerOK: `"OK"`,
		simulator.UnlockAnswerObject: "{}", simulator.UnlockAnswerText: "User unlocked",
	} {
		require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.UnlockAnswer = answer }))
		got := b.do("POST", "/api/systemusers/"+id+"/unlock", "")
		require.Equal(t, 200, got.status)
		require.Equal(t, want, got.body)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"username": "dee"})
	answer := b.do("PUT", "/api/systemusers/"+id,
		`{"username":"dora","jobTitle":"CFO","suspended":true,"badLoginAttempts":99,"_id":"x","password":"new"}`)
	user := answer.object(t)
	require.Equal(t, "dora", user["username"])
	require.Equal(t, "CFO", user["jobTitle"])
	require.Equal(t, "SUSPENDED", user["state"])
	require.Equal(t, float64(0), user["badLoginAttempts"])
	require.Equal(t, id, user["_id"])
	require.NotContains(t, answer.body, "new")
	require.Equal(t, []string{"dora"}, b.do("GET", "/api/systemusers?filter=username:$eq:dora", "").results(t))
	require.Empty(t, b.do("GET", "/api/systemusers?filter=username:$eq:dee", "").results(t))
	for _, body := range []string{`{"account_locked":"true"}`, `{"colour":"red"}`, `[]`, `{`, `7`} {
		require.Equal(t, 400, b.do("PUT", "/api/systemusers/"+id, body).status, body)
	}
	require.Equal(t, 400, b.do("PUT", "/api/systemusers/"+id, `{}`, "x-api-key", simulator.DefaultAPIKey, "Content-Type", "text/plain").status)
	require.Equal(t, 403, b.do("PUT", "/api/systemusers/"+id, `{}`, "x-api-key", simulator.DefaultReadOnlyAPIKey).status)
}
