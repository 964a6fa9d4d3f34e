package conformance

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// someCode has the shape of a provider's code.
const someCode = "SOME_CODE"

// everyStatus: each status of each step has its kind with a body in the provider's shape, and
// each that is registered, beside some that are not, without a body and with a web page too. No
// redirection is followed.
func everyStatus(t *testing.T, fresh maker) {
	eachStep(t, fresh, nil, func(t *testing.T, b *bench, step Step) {
		stranger := newStranger(t)
		refusal := b.refusalOf(step, someCode)
		for status := 200; status <= 599; status++ {
			fault := simulator.Fault{Kind: simulator.KindStatus, Status: status, Body: &refusal}
			if status/100 == 3 {
				fault.Headers = map[string]string{"Location": stranger.URL + "/", "Refresh": "0; url=" + stranger.URL}
			}
			calls := b.Peer().Calls.Count(step.Operation)
			got := b.under(step, fault)
			b.requireOutcome(got, step, step.expect(status), "%d", status)
			requireStatus(t, got.err, status, someCode)
			if status/100 == 3 {
				require.Equal(t, calls+1, b.Peer().Calls.Count(step.Operation), "a redirection is not tried again")
			}
			if _, registered := kinds[status]; !registered && status%100 != 99 {
				continue
			}

			got = b.under(step, simulator.Fault{Kind: simulator.KindEmpty, Status: status, Headers: map[string]string{"Location": "/login"}})
			b.requireOutcome(got, step, step.expectEmpty(status), "%d without a body", status)
			requireStatus(t, got.err, status, "")

			got = b.under(step, simulator.Fault{Kind: simulator.KindHTML, Status: status})
			b.requireOutcome(got, step, step.expectPage(status), "%d and a web page", status)
			requireStatus(t, got.err, status, "")
		}
		b.requireAlone(stranger)
		require.Zero(t, b.Peer().Calls.Count("other"), "a redirection within the host is not followed either")
	})
}

// refusalOf is the body of a failure of the step. RFC 6749, section 5.2, gives that of
// a token endpoint.
func (b *bench) refusalOf(step Step, code string) string {
	if step.Token {
		return `{"error":` + strconv.Quote(code) + `,"error_description":"` + canary + `"}`
	}
	return b.Refusal(code, canary)
}

// requireOutcome holds what came of an action against what must.
func (b *bench) requireOutcome(got outcome, step Step, want expected, format string, args ...any) {
	b.t.Helper()
	message := append([]any{format}, args...)
	if want.kind != "" {
		require.Error(b.t, got.err, message...)
		failure := failureOf(b.t, got.err)
		require.Equal(b.t, want.kind, failure.Kind, message...)
		require.Equal(b.t, want.sent, failure.Sent, message...)
		return
	}
	require.NoError(b.t, got.err, message...)
	if step.Action == Unlock {
		return
	}
	account := got.account(b.user.ID)
	require.NotNil(b.t, account, message...)
	require.False(b.t, account.State.Clear(), message...)
	if want.unread != "" {
		require.Contains(b.t, account.State.Unread, connectors.Unread{Layer: step.Unread, Kind: want.unread}, message...)
	}
	if step.Groups {
		require.Nil(b.t, account.Groups, message...)
	}
	if step.Advisory {
		requireNotTakenForFailures(b.t, account)
	}
}

func requireStatus(t *testing.T, err error, status int, code string) {
	t.Helper()
	if err == nil {
		return
	}
	failure := failureOf(t, err)
	if status >= 300 { // what is wrong with an answer of success is not its status alone
		require.Equal(t, status, failure.Status)
	}
	if status < 300 || status == http.StatusNotModified {
		code = "" // there is no body, or it tells of no failure
	}
	require.Equal(t, code, failure.Code, status)
}

// waits: what the provider asks to wait is believed of each step, in seconds, as a date and as
// the end of a limit in seconds since 1970, by its own clock, which is ahead of ours.
func waits(t *testing.T, fresh maker) {
	eachStep(t, fresh, nil, func(t *testing.T, b *bench, step Step) {
		require.NoError(t, b.Peer().Clock.Advance(3*time.Hour))
		b.relock(step) // the lock has run out meanwhile
		reset := map[string]string{"X-Rate-Limit-Reset": strconv.FormatInt(b.Peer().Clock.Now().Add(39*time.Second).Unix(), 10)}
		for name, fault := range map[string]simulator.Fault{
			"limited":                  {Status: http.StatusTooManyRequests, RetryAfter: simulator.Duration(40 * time.Second)},
			"limited until a date":     {Status: http.StatusTooManyRequests, RetryAfter: simulator.Duration(40 * time.Second), RetryAfterDate: true},
			"limited until a reset":    {Status: http.StatusTooManyRequests, Headers: reset},
			"unavailable":              {Status: http.StatusServiceUnavailable, RetryAfter: simulator.Duration(40 * time.Second)},
			"unavailable until a date": {Status: http.StatusServiceUnavailable, RetryAfter: simulator.Duration(40 * time.Second), RetryAfterDate: true},
		} {
			fault.Kind = simulator.KindStatus
			failure := failureOf(t, b.under(step, fault).err)
			require.InDelta(t, 40, failure.RetryAfter.Seconds(), 2, name)
		}
	})
}
