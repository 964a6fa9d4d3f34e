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

// everyStatus: each status of each step has its kind, with a body in the provider's
// shape, without one and with a web page.
func everyStatus(t *testing.T, fresh maker) {
	eachStep(t, fresh, nil, func(t *testing.T, b *bench, step Step) {
		refusal := b.refusalOf(step, someCode)
		for status := 200; status <= 599; status++ {
			got := b.under(step, simulator.Fault{Kind: simulator.KindStatus, Status: status, Body: &refusal})
			b.requireOutcome(got, step, step.expect(status), "%d", status)
			requireStatus(t, got.err, status, someCode)

			got = b.under(step, simulator.Fault{Kind: simulator.KindEmpty, Status: status})
			b.requireOutcome(got, step, step.expectEmpty(status), "%d without a body", status)
			requireStatus(t, got.err, status, "")

			got = b.under(step, simulator.Fault{Kind: simulator.KindHTML, Status: status})
			b.requireOutcome(got, step, step.expectPage(status), "%d and a web page", status)
			requireStatus(t, got.err, status, "")
		}
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

// retryAfter: a wait is believed in seconds and as a date, by the provider's own clock,
// also where something on the way repeats it, and never beyond what is sensible.
func retryAfter(t *testing.T, fresh maker) {
	eachStep(t, fresh, nil, func(t *testing.T, b *bench, step Step) {
		// The provider's clock is ahead of ours: a date means nothing by ours.
		require.NoError(t, b.Peer().Clock.Advance(3*time.Hour))
		b.relock(step) // the lock has run out meanwhile
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			for _, date := range []bool{false, true} {
				fault := simulator.Fault{Kind: simulator.KindStatus, Status: status, RetryAfter: simulator.Duration(40 * time.Second), RetryAfterDate: date}
				failure := failureOf(t, b.under(step, fault).err)
				require.InDelta(t, 40, failure.RetryAfter.Seconds(), 2, "status %d, date %t", status, date)
			}
			for value, want := range map[string]time.Duration{
				"0": 0, "-5": 0, "1.5": 1500 * time.Millisecond, "30, 30": 30 * time.Second, "7, soon, 30": 30 * time.Second, "soon": 0, "": 0, "0x10": 0, "7 8": 0, "٣": 0, "Thu, 01 Jan 1970 00:00:00 GMT": 0,
				"86401": 24 * time.Hour, "999999999": 24 * time.Hour, "99999999999999999999999999": 24 * time.Hour,
				"Fri, 31 Dec 9999 23:59:59 GMT": 24 * time.Hour, "Thu, 99 Foo 2099 99:99:99 GMT": 0,
			} {
				fault := simulator.Fault{Kind: simulator.KindStatus, Status: status, Headers: map[string]string{"Retry-After": value}}
				require.Equal(t, want, failureOf(t, b.under(step, fault).err).RetryAfter, "%q", value)
			}
		}
	})
}
