package conformance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// testCase is tried on a peer of its own. Every error is checked against the contract.
type testCase struct {
	name string
	test func(*testing.T, Harness)
}

// Run runs every case that any peer can be put to.
func Run(t *testing.T, newHarness func(t testing.TB) Harness) {
	RunSeveral(t, newHarness)
	run(t, newHarness, []testCase{
		{"LookupByEachReference", lookupByEachReference},
		{"IDsInAnotherCase", idsInAnotherCase},
		{"LookupFindsOneOfMany", lookupFindsOneOfMany},
		{"NotFound", notFound},
		{"Ambiguous", ambiguous},
		{"UserIsComplete", userIsComplete},
		{"GroupsByIDAndName", groupsByIDAndName},
		{"FailedSignInsLockAndUnlock", failedSignInsLockAndUnlock},
		{"AdministratorsLockAndUnlock", administratorsLockAndUnlock},
		{"UnlockTwice", unlockTwice},
		{"UnlockOfOneAlone", unlockOfOneAlone},
		{"SuspendedStaysSuspended", suspendedStaysSuspended},
		{"DisabledStaysDisabled", disabledStaysDisabled},
		{"WrongCredentials", wrongCredentials},
		{"NoPermission", noPermission},
		{"CancelledContext", cancelledContext},
		{"ListLocked", listLocked},
		{"Concurrency", concurrency},
	})
}

// RunSeveral runs only the cases about several servers of one connection.
func RunSeveral(t *testing.T, newHarness func(t testing.TB) Harness) {
	run(t, newHarness, []testCase{
		{"LocksOfEachServer", locksOfEachServer},
		{"StoppedServers", stoppedServers},
	})
}

func run(t *testing.T, newHarness func(t testing.TB) Harness, cases []testCase) {
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			each.test(t, &checkedHarness{Harness: h, t: t, secrets: newSecrets(h)})
		})
	}
}

// optional returns what the harness can do beside what each must.
func optional[T any](h Harness) (T, bool) {
	able, ok := h.(*checkedHarness).Harness.(T)
	return able, ok
}

func unlock(t testing.TB, connector Connector, account *connectors.Account) error {
	t.Helper()
	_, err := connector.Unlock(t.Context(), account)
	return err
}

func lookup(t *testing.T, h Harness, user User) *connectors.Account {
	t.Helper()
	account, err := h.Connector().Lookup(t.Context(), user.Ref())
	require.NoError(t, err)
	return account
}

func requireLocked(t *testing.T, h Harness, user User) *connectors.Account {
	t.Helper()
	account := lookup(t, h, user)
	require.True(t, account.State.Locked())
	require.Equal(t, canSignIn(t, h, user), account.State.CanSignIn)
	return account
}

// canSignIn is what must be reported of a locked user: a lock that holds only some ways in leaves
// the others open.
func canSignIn(t *testing.T, h Harness, user User) connectors.Answer {
	t.Helper()
	ways, ok := optional[OpenWays](h)
	return connectors.AnswerOf(ok && ways.SignInElsewhere(t, user))
}

// requireUnlocked proves it twice: by a read, and by signing in.
func requireUnlocked(t *testing.T, h Harness, user User) {
	t.Helper()
	if _, several := optional[Several](h); several {
		awaitNoLock(t, h, user)
	}
	require.True(t, lookup(t, h, user).State.Clear())
	require.True(t, h.SignIn(t, user))
}

func requireNotTakenForFailures(t testing.TB, account *connectors.Account) {
	t.Helper()
	for _, lock := range account.State.Locks {
		require.NotEqual(t, connectors.ReasonFailedSignIn, lock.Reason)
	}
}

func requireKind(t *testing.T, err error, kind connectors.Kind) {
	t.Helper()
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, kind, failure.Kind, failure.Error())
	require.NotEmpty(t, failure.Provider)
	require.NotEmpty(t, failure.Operation)
	require.NotEmpty(t, failure.Message)
}

func requireNotSent(t *testing.T, err error) {
	t.Helper()
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, connectors.No, failure.Sent)
}
