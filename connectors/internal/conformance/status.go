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

// asked is what a provider asks to wait.
const asked = 40 * time.Second

// everyStatus: each status of each step has its kind with a body in the provider's shape, and
// each that is registered, beside some that are not, without a body and with a web page too. What
// the provider asks to wait is believed, by its own clock, which is ahead of ours.
func everyStatus(t *testing.T, fresh newFixture) {
	eachStep(t, fresh, nil, func(t *testing.T, f *fixture, step Step) {
		require.NoError(t, f.Peer().Clock.Advance(3*time.Hour))
		f.LockByFailedSignIns(t, f.user) // the lock may have run out meanwhile
		refusal := f.refusalOf(step, someCode)
		for status := 200; status <= 599; status++ {
			got := f.under(step, simulator.Fault{Kind: simulator.KindStatus, Status: status, Body: &refusal, Headers: f.headersOf(status)})
			f.requireOutcome(got, step, step.expect(status), "%d", status)
			requireStatus(t, got.err, status, someCode)
			if _, registered := kinds[status]; !registered && status%100 != 99 {
				continue
			}

			got = f.under(step, simulator.Fault{Kind: simulator.KindEmpty, Status: status, Headers: map[string]string{"Location": "/login"}})
			f.requireOutcome(got, step, step.expectEmpty(status), "%d without a body", status)
			requireStatus(t, got.err, status, "")

			got = f.under(step, simulator.Fault{Kind: simulator.KindHTML, Status: status})
			f.requireOutcome(got, step, step.expectPage(status), "%d and a web page", status)
			requireStatus(t, got.err, status, "")
		}
	})
}

// headersOf lead elsewhere, and ask to wait: a limit of requests says when it ends.
func (f *fixture) headersOf(status int) map[string]string {
	headers := map[string]string{"Location": "http://stranger.example.com/", "Retry-After": strconv.Itoa(int(asked.Seconds()))}
	if status == http.StatusTooManyRequests {
		delete(headers, "Retry-After")
		headers["X-Rate-Limit-Reset"] = strconv.FormatInt(f.Peer().Clock.Now().Add(asked-time.Second).Unix(), 10)
	}
	return headers
}

// refusalOf is the body of a failure of the step. RFC 6749, section 5.2, gives that of
// a token endpoint.
func (f *fixture) refusalOf(step Step, code string) string {
	if step.Token {
		return `{"error":` + strconv.Quote(code) + `,"error_description":"` + canary + `"}`
	}
	return f.Refusal(code, canary)
}

// requireOutcome holds what came of an action against what must.
func (f *fixture) requireOutcome(got outcome, step Step, want expected, format string, args ...any) {
	f.t.Helper()
	message := append([]any{format}, args...)
	if want.kind != "" {
		require.Error(f.t, got.err, message...)
		failure := failureOf(f.t, got.err)
		require.Equal(f.t, want.kind, failure.Kind, message...)
		require.Equal(f.t, want.sent, failure.Sent, message...)
		return
	}
	require.NoError(f.t, got.err, message...)
	if step.Action == Unlock {
		return
	}
	account := got.account(f.user.ID)
	require.NotNil(f.t, account, message...)
	require.False(f.t, account.State.Clear(), message...)
	if want.unread != "" {
		require.Contains(f.t, account.State.Unread, connectors.Unread{Layer: step.Unread, Kind: want.unread}, message...)
	}
	if step.Groups {
		require.Nil(f.t, account.Groups, message...)
	}
	if step.Advisory {
		requireNotTakenForFailures(f.t, account)
	}
}

func requireStatus(t *testing.T, err error, status int, code string) {
	t.Helper()
	if err == nil {
		return
	}
	failure := failureOf(t, err)
	if code != "" && status >= 300 {
		require.InDelta(t, asked.Seconds(), failure.RetryAfter.Seconds(), 2, status)
	}
	if status >= 300 { // what is wrong with an answer of success is not its status alone
		require.Equal(t, status, failure.Status)
	}
	if status < 300 || status == http.StatusNotModified {
		code = "" // there is no body, or it reports no failure
	}
	require.Equal(t, code, failure.Code, status)
}
