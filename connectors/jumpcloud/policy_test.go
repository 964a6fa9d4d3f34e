package jumpcloud_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// lockOf returns the one lock of the user, as a look-up and a list tell it.
func lockOf(t *testing.T, connector conformance.Connector, id string) connectors.Lock {
	t.Helper()
	account, err := connector.Lookup(t.Context(), connectors.UserRef{ID: id})
	require.NoError(t, err)
	require.Len(t, account.State.Locks, 1)
	page, err := connector.ListLocked(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, page.Accounts, 1)
	require.Equal(t, account.State.Locks, page.Accounts[0].State.Locks)
	return account.State.Locks[0]
}

// TestLocksTellTheirReasonAndEnd: the organization's policy and what has expired tell why an
// account is locked, and until when.
func TestLocksTellTheirReasonAndEnd(t *testing.T) {
	t.Parallel()
	ends := func(s *simulator.Settings) { s.PasswordPolicy.EnableLockoutTimeInSeconds = true }
	expiryLocks := func(s *simulator.Settings) { s.ExpiryLocks = true }
	unreadable := func(s *simulator.Settings) { s.OrganizationReadable = false }
	act := func(actions ...string) func(*simulator.Simulator, string) error {
		return func(tenant *simulator.Simulator, id string) error {
			for _, action := range actions {
				if err := tenant.Act(id, action, nil); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for name, test := range map[string]struct {
		settings  []func(*simulator.Settings)
		lock      func(*simulator.Simulator, string) error
		limit     string
		reason    connectors.Reason
		until     bool
		permanent bool
	}{
		"failed sign-ins":              {lock: (*simulator.Simulator).LockByFailures, reason: connectors.ReasonFailedSignIn, permanent: true},
		"failed sign-ins, for a while": {settings: []func(*simulator.Settings){ends}, lock: (*simulator.Simulator).LockByFailures, reason: connectors.ReasonFailedSignIn, until: true},
		"an administrator":             {lock: act("fail", "lock"), reason: connectors.ReasonUnknown, permanent: true},
		"an expired password":          {settings: []func(*simulator.Settings){expiryLocks}, lock: act("expire-password"), reason: connectors.ReasonExpired, permanent: true},
		"an expired enrolment":         {settings: []func(*simulator.Settings){expiryLocks}, lock: act("fail", "expire-enrollment"), reason: connectors.ReasonExpired, permanent: true},
		"failed sign-ins with expired password": {lock: func(s *simulator.Simulator, id string) error {
			return errors.Join(s.Act(id, "expire-password", nil), s.LockByFailures(id))
		}, reason: connectors.ReasonFailedSignIn, permanent: true},
		"unreadable":                            {settings: []func(*simulator.Settings){unreadable}, lock: (*simulator.Simulator).LockByFailures, reason: connectors.ReasonUnknown},
		"unreadable, with a configured limit":   {settings: []func(*simulator.Settings){unreadable}, lock: (*simulator.Simulator).LockByFailures, limit: "6", reason: connectors.ReasonFailedSignIn},
		"unreadable, expired without a failure": {settings: []func(*simulator.Settings){unreadable, expiryLocks}, lock: act("expire-password"), reason: connectors.ReasonExpired},
		"unreadable, expired with failures":     {settings: []func(*simulator.Settings){unreadable, expiryLocks}, lock: act("fail", "expire-password"), reason: connectors.ReasonUnknown},
		"no limit, expired with many failures": {settings: []func(*simulator.Settings){expiryLocks, func(s *simulator.Settings) { s.PasswordPolicy.EnableMaxLoginAttempts = false }}, lock: func(s *simulator.Simulator, id string) error {
			return errors.Join(s.Fail(id, 50), s.Act(id, "expire-password", nil))
		}, reason: connectors.ReasonExpired, permanent: true},
		"an administrator, for a while": {settings: []func(*simulator.Settings){ends}, lock: (*simulator.Simulator).Lock, reason: connectors.ReasonUnknown, until: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, false)
			for _, change := range test.settings {
				require.NoError(t, h.tenant.Configure(change))
			}
			user := h.MakeUser(t, "", "")
			require.NoError(t, test.lock(h.tenant, user.ID))
			config, ok := h.Config().(*jumpcloud.Config)
			require.True(t, ok)
			config.MaxLoginAttempts = test.limit
			lock := lockOf(t, conformance.Open(t, jumpcloud.Provider(), config), user.ID)
			require.Equal(t, test.reason, lock.Reason)
			require.Equal(t, test.reason != connectors.ReasonUnknown, lock.ReasonInferred)
			require.Equal(t, test.permanent, lock.Permanent)
			require.Equal(t, test.until, lock.Until != nil)
			if test.until {
				require.Equal(t, 15*time.Minute, lock.Until.Sub(*lock.Since))
			}
		})
	}
}

// TestEndThatHasPassed: the provider's word that an account is locked wins over its end.
func TestEndThatHasPassed(t *testing.T) {
	t.Parallel()
	h := newHarness(t, false)
	require.NoError(t, h.tenant.Configure(func(s *simulator.Settings) { s.PasswordPolicy.EnableLockoutTimeInSeconds = true }))
	user := h.MakeUser(t, "", "")
	h.LockAsAdministrator(t, user)
	require.NoError(t, h.tenant.Clock.Advance(time.Hour))
	lock := lockOf(t, h.Connector(), user.ID)
	require.True(t, lock.Until.Before(h.tenant.Clock.Now()))
}

// TestOrganizationOfAnAdministratorOfSeveral: the header that names the organization goes
// with every call but those about organizations, which do not take it.
func TestOrganizationOfAnAdministratorOfSeveral(t *testing.T) {
	t.Parallel()
	h := newHarness(t, false)
	user := h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	config, ok := h.Config().(*jumpcloud.Config)
	require.True(t, ok)
	config.APIKey, config.OrgID = simulator.DefaultMultiTenantAPIKey, simulator.DefaultOrgID
	require.Equal(t, connectors.ReasonFailedSignIn, lockOf(t, conformance.Open(t, jumpcloud.Provider(), config), user.ID).Reason)
	for _, call := range h.tenant.Calls.All() {
		require.Equal(t, http.StatusOK, call.Status, call.Path)
	}
}

// anHourLater returns a locked user, a connector that read the policy an hour ago, with the
// lock that it found, one that did not read it yet, and how far their clock is ahead.
func anHourLater(t *testing.T, h *harness) (user conformance.User, knowing, begun conformance.Connector, before connectors.Lock, ahead *time.Duration) {
	t.Helper()
	user = h.MakeUser(t, "", "")
	h.LockByFailedSignIns(t, user)
	ahead = new(time.Duration)
	open := func() conformance.Connector {
		opened, err := connectors.Open(jumpcloud.Provider(), h.Config(), connectors.Options{Now: func() time.Time { return time.Now().Add(*ahead) }})
		require.NoError(t, err)
		return opened
	}
	knowing, begun = open(), open()
	before = lockOf(t, knowing, user.ID)
	*ahead = time.Hour
	return user, knowing, begun, before, ahead
}

// TestOrganizationThatCannotBeReadForNow: the reason of a lock does not become unknown by a
// failure that passes. A worker that knows the policy goes on; one that does not tries again.
func TestOrganizationThatCannotBeReadForNow(t *testing.T) {
	t.Parallel()
	h := newHarness(t, false)
	user, knowing, begun, before, ahead := anHourLater(t, h)
	for _, status := range []int{http.StatusForbidden, http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusForbidden} {
		fault, err := h.tenant.Faults.Add(kit.Fault{Operation: simulator.OpOrganization, Kind: kit.KindStatus, Status: status})
		require.NoError(t, err)
		require.Equal(t, before, lockOf(t, knowing, user.ID), status)
		_, err = begun.Lookup(t.Context(), user.Ref())
		if status == http.StatusForbidden {
			require.NoError(t, err)
			require.Equal(t, connectors.ReasonUnknown, lockOf(t, begun, user.ID).Reason)
		} else {
			require.True(t, connectors.KindOf(err).Retryable(), "%d: %v", status, err)
		}
		require.NoError(t, h.tenant.Faults.Remove(fault))
		*ahead += time.Hour
	}
	require.Equal(t, before, lockOf(t, begun, user.ID))
}

// TestOrganizationThatIsNone: another object in the place of the organization's says nothing of
// its policy. It is not kept as long as a policy is, and does not take the place of one.
func TestOrganizationThatIsNone(t *testing.T) {
	t.Parallel()
	h := newHarness(t, false)
	user, knowing, begun, before, ahead := anHourLater(t, h)
	fault, err := h.tenant.Faults.Add(kit.Fault{Operation: simulator.OpOrganization, Kind: kit.KindDeepJSON, Depth: 3})
	require.NoError(t, err)
	require.Equal(t, before, lockOf(t, knowing, user.ID))
	require.Equal(t, connectors.ReasonUnknown, lockOf(t, begun, user.ID).Reason)
	require.NoError(t, h.tenant.Faults.Remove(fault))
	*ahead += 2 * time.Minute
	require.Equal(t, before, lockOf(t, begun, user.ID))
}
