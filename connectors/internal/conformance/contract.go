package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
)

// checkedConnector checks every error of a connector: it is one of the contract's, says in Sent
// what it should, and repeats no secret.
type checkedConnector struct {
	Connector
	t       testing.TB
	secrets *secrets
}

func (c *checkedConnector) Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error) {
	c.secrets.add(ref.Username, ref.Email)
	account, err := c.Connector.Lookup(ctx, ref)
	if (account == nil) != (err != nil) {
		c.t.Errorf("a look-up returns either an account or an error, not %v and %v", account, err)
	}
	c.check(err, false)
	return account, err
}

func (c *checkedConnector) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	unlocked, err := c.Connector.Unlock(ctx, account)
	c.check(err, true)
	if c.secrets.repeatedIn(unlocked.RequestID) != "" {
		c.t.Errorf("the identifier of an unlock repeats what was sent to the provider")
	}
	return unlocked, err
}

func (c *checkedConnector) ListLocked(ctx context.Context, after string, limit int) (connectors.Page, error) {
	page, err := c.Connector.ListLocked(ctx, after, limit)
	c.check(err, false)
	return page, err
}

// check reports, and does not stop the test: it may be called on any goroutine.
func (c *checkedConnector) check(err error, unlock bool) {
	c.t.Helper()
	if err == nil {
		return
	}
	var failure *connectors.Error
	if !errors.As(err, &failure) {
		c.t.Errorf("an error is not the contract's: %v", err)
		return
	}
	if breach := breachOf(failure, unlock); breach != "" {
		c.t.Errorf("%s: %+v", breach, failure)
	}
	if !c.secrets.isNew(*failure) {
		return
	}
	for _, value := range []any{err, *failure} {
		for _, text := range written(c.t, value) {
			if repeated := c.secrets.repeatedIn(text); repeated != "" {
				c.t.Errorf("%q is repeated in %s", repeated, text)
				return
			}
		}
	}
}

// breachOf says how a failure breaks the contract, or nothing.
func breachOf(failure *connectors.Error, unlock bool) string {
	said := failure.Sent == connectors.Yes || failure.Sent == connectors.No || failure.Sent == connectors.Unknown
	switch {
	case !slices.Contains(connectors.Kinds(), failure.Kind):
		return "its kind is not one of the contract's"
	case failure.Provider == "" || failure.Operation == "" || failure.Message == "":
		return "it does not say what was being done, or what was wrong"
	case failure.RetryAfter < 0 || failure.RetryAfter > 24*time.Hour:
		return "it asks for a wait that makes no sense"
	case unlock && !said:
		return "a failed unlock must say in Sent whether one may have taken effect"
	case !unlock && failure.Sent != "":
		return "only an unlock says something in Sent"
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

// checkedHarness is a Harness whose connectors are checked.
type checkedHarness struct {
	Harness
	t       testing.TB
	secrets *secrets
}

func (h *checkedHarness) checked(connector Connector) Connector {
	return &checkedConnector{Connector: connector, t: h.t, secrets: h.secrets}
}

func (h *checkedHarness) Connector() Connector        { return h.checked(h.Harness.Connector()) }
func (h *checkedHarness) WrongCredentials() Connector { return h.checked(h.Harness.WrongCredentials()) }
func (h *checkedHarness) ReadOnly() Connector         { return h.checked(h.Harness.ReadOnly()) }

func (h *checkedHarness) MakeUser(t testing.TB, username, email string) User {
	user := h.Harness.MakeUser(t, username, email)
	h.secrets.add(user.Username, user.Email)
	return user
}
