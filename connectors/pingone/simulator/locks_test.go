package simulator_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

func TestPasswordLockout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"username": "cy", "password": "right"})
	require.NoError(t, b.sim.Fail(id, 5))
	require.True(t, b.sim.SignIn("cy", "right").OK, "five failures do not lock, and success clears them")
	require.NoError(t, b.sim.Fail(id, 5))
	require.NoError(t, b.sim.Clock.Advance(16*time.Minute))
	require.NoError(t, b.sim.Fail(id, 5))
	require.Equal(t, "OK", b.account(id)["status"], "the first five are outside the window")
	require.Equal(t, kit.SignIn{Reason: "wrong_password"}, b.sim.SignIn("CY", "wrong"))
	require.Equal(t, kit.SignIn{Reason: "locked"}, b.sim.SignIn("cy", "right"))

	account := b.account(id)
	require.Equal(t, "LOCKED", account["status"])
	require.Equal(t, false, account["canAuthenticate"])
	require.NotContains(t, account, "lockedAt")
	require.Equal(t, float64(900), account["secondsUntilUnlock"])
	require.Equal(t, "2026-03-01T12:31:00.000Z", account["unlockAt"])
	require.Equal(t, "PASSWORD_LOCKED_OUT", b.passwordStatus(id))

	require.NoError(t, b.sim.Clock.Advance(15*time.Minute))
	require.Equal(t, "OK", b.account(id)["status"])
	require.Equal(t, "OK", b.passwordStatus(id))
	changes := b.sim.Book.List(id, 0)
	require.Len(t, changes, 2)
	require.Equal(t, kit.RanOut, changes[1].What)
	require.Equal(t, start.Add(31*time.Minute), changes[1].Time)
	require.True(t, b.sim.SignIn("cy", "right").OK)
}

func TestUnlockSwitches(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		clears, keeps bool
		account, pass string // after the account unlock
	}{
		"stays locked":     {false, true, "LOCKED", "PASSWORD_LOCKED_OUT"},
		"clears both":      {true, true, "OK", "OK"},
		"account OK alone": {false, false, "OK", "PASSWORD_LOCKED_OUT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(s *simulator.Settings) {
				s.AccountUnlockClearsPassword, s.PasswordLockKeepsAccountLocked = test.clears, test.keeps
			})
			id := b.sim.MustCreateUser(map[string]any{})
			require.NoError(t, b.sim.LockByFailures(id))
			answer := b.do("POST", "users/"+id, "", typeUnlock)
			require.Equal(t, 200, answer.status)
			require.Equal(t, test.account, answer.object(t)["account"].(map[string]any)["status"])
			require.Equal(t, test.account, b.account(id)["status"])
			require.Equal(t, test.pass, b.passwordStatus(id))

			require.Equal(t, 200, b.do("POST", "users/"+id+"/password", "", typeUnlockPassword).status)
			require.Equal(t, "OK", b.account(id)["status"])
			require.Equal(t, "OK", b.passwordStatus(id))
			require.True(t, b.sim.SignIn(id, kit.DefaultPassword).OK)
		})
	}
}

func TestBothLocks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	answer := b.do("POST", "users/"+id, `{"unlockAt":"2026-03-01T14:00:00.000Z"}`, typeLock)
	require.Equal(t, map[string]any{
		"canAuthenticate": false, "status": "LOCKED", "lockedAt": "2026-03-01T12:00:00.000Z",
		"secondsUntilUnlock": float64(7200), "unlockAt": "2026-03-01T14:00:00.000Z",
	}, answer.object(t)["account"])
	require.NoError(t, b.sim.Fail(id, 6))
	require.Equal(t, "PASSWORD_LOCKED_OUT", b.passwordStatus(id))
	require.Equal(t, "2026-03-01T12:00:00.000Z", b.account(id)["lockedAt"], "failures do not change the reason")

	b.do("POST", "users/"+id+"/password", "", typeUnlockPassword)
	require.Equal(t, "LOCKED", b.account(id)["status"], "the password was not the only reason")
	b.do("POST", "users/"+id, "", typeUnlock)
	require.Equal(t, "OK", b.account(id)["status"])
	require.Equal(t, 200, b.do("POST", "users/"+id, "", typeUnlock).status, "unlocking twice succeeds")

	var book []string
	for _, change := range b.sim.Book.All() {
		book = append(book, change.What+" "+change.Layer+" "+change.Cause)
	}
	require.Equal(t, []string{
		"locked account admin", "locked password failed_sign_in", "unlocked password unlock_call", "unlocked account unlock_call",
	}, book)
	require.Equal(t, 2, b.sim.Calls.Count("unlock"))
}

func TestMFALockAndPermanentLock(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	require.NoError(t, b.sim.Act(id, "mfa-lock", map[string]string{"for": "10m"}))
	require.Contains(t, b.account(id), "lockedAt")
	require.Contains(t, b.account(id), "unlockAt")
	require.NoError(t, b.sim.Clock.Advance(10*time.Minute))
	require.Equal(t, "OK", b.account(id)["status"])

	require.NoError(t, b.sim.Lock(id))
	require.NoError(t, b.sim.Fail(id, 6))
	require.NotContains(t, b.account(id), "unlockAt", "one reason never runs out")
	require.NotContains(t, b.account(id), "secondsUntilUnlock")
}

// TestPasswordState: a lockout that runs out by itself shows its end.
func TestPasswordState(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lockout time.Duration
		fails   int
		seconds any
	}{
		"not locked":                    {lockout: 15 * time.Minute},
		"locked for a while":            {lockout: 15 * time.Minute, fails: 6, seconds: float64(900)},
		"locked until somebody unlocks": {fails: 6},
	} {
		b := newBench(t)
		require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.Lockout.Duration = kit.Duration(test.lockout) }))
		id := b.sim.MustCreateUser(map[string]any{})
		if test.fails > 0 {
			require.NoError(t, b.sim.Fail(id, test.fails))
		}
		state := b.do("GET", "users/"+id+"/password", "").object(t)
		require.Equal(t, test.seconds, state["secondsUntilUnlock"], name)
		require.Contains(t, state["passwordPolicy"], "id", name)
		require.NotEmpty(t, state["lastChangedAt"], name)
		require.NoError(t, b.sim.Act(id, "set", map[string]any{"password": map[string]string{"status": "NO_PASSWORD"}}))
		require.NotContains(t, b.do("GET", "users/"+id+"/password", "").object(t), "lastChangedAt", name)
	}
}

func TestDisabled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{})
	answer := b.do("PUT", "users/"+id+"/enabled", `{"enabled":false}`, "application/json")
	require.Equal(t, 200, answer.status)
	require.Equal(t, map[string]any{"canAuthenticate": false, "status": "OK"}, b.account(id))
	require.Equal(t, "disabled", b.sim.SignIn(id, kit.DefaultPassword).Reason)
	require.NoError(t, b.sim.Lock(id))
	user := b.do("POST", "users/"+id, "", typeUnlock).object(t)
	require.Equal(t, false, user["enabled"], "unlocking does not enable")
}

func TestCreateLocked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, test := range map[string]struct {
		native            string
		account, password bool
	}{
		"password": {`{"password":{"status":"PASSWORD_LOCKED_OUT"}}`, true, true},
		"account":  {`{"account":{"status":"LOCKED"}}`, true, false},
		"both":     {`{"password":{"status":"PASSWORD_LOCKED_OUT"},"account":{"status":"LOCKED","lockedAt":"2026-03-01T10:00:00Z"}}`, true, true},
		"expired":  {`{"password":{"status":"PASSWORD_EXPIRED"}}`, false, false},
	} {
		account, password := b.sim.Locked(b.sim.MustCreateUser(json.RawMessage(test.native)))
		require.Equal(t, test.account, account, name)
		require.Equal(t, test.password, password, name)
	}
	_, err := b.sim.Populate(kit.Populate{Count: 1})
	require.NoError(t, err)
	populated, err := b.sim.User("user000005")
	require.NoError(t, err)
	require.Equal(t, "OK", b.passwordStatus(kit.MustFields(string(populated)).Text("id")), "one of many has a password too")
	for _, native := range []string{`[]`, `{"id":"x"}`, `{"enabled":"yes"}`, `{"account":7}`, `{"password":{"status":"BAD"}}`} {
		_, err := b.sim.CreateUser(json.RawMessage(native))
		require.Error(t, err, native)
	}
}
