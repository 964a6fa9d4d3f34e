package conformance

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// requestIDHeaders may carry an identifier into an error.
var requestIDHeaders = []string{"X-Request-Id", "Request-Id", "X-Amzn-Requestid", "Correlation-Id", "X-Correlation-Id", "X-Trace-Id", "Cf-Ray"}

// disguises are ways to send a secret back. The caller's own tests try more.
var disguises = []func(string) string{
	func(secret string) string { return secret },
	func(secret string) string { return "x-" + strings.ToUpper(secret) },
}

// echoedSecrets: a provider that sends back what it was sent, in the places that go into
// an error, finds nobody who repeats it. The witness looks.
func echoedSecrets(t *testing.T, fresh maker) {
	eachStep(t, fresh, nil, func(_ *testing.T, b *bench, step Step) {
		var connector Connector
		var sent []string
		for _, status := range []int{200, 302, 400, 401, 403, 404, 429, 500} {
			for _, disguise := range disguises {
				// A connector gets another token for one that is refused, and so after a 401.
				if connector == nil || status == http.StatusUnauthorized || step.Token {
					connector = b.open()
					sent = b.sent(connector, step)
				}
				for _, secret := range sent {
					if step.Token {
						connector = b.open() // a token is kept
					}
					b.echo(connector, step, status, disguise(secret))
				}
			}
			if status == http.StatusUnauthorized {
				connector = nil
			}
		}
	})
}

// echo answers the step with what it was sent.
func (b *bench) echo(connector Connector, step Step, status int, echoed string) {
	headers := map[string]string{}
	for _, name := range requestIDHeaders {
		headers[name] = echoed
	}
	body := b.refusalOf(step, echoed)
	defer b.order(step, simulator.Fault{Kind: simulator.KindStatus, Status: status, Body: &body, Headers: headers})()
	b.act(b.t.Context(), connector, step.Action)
}

// sent lists what the step sends that nobody may repeat.
func (b *bench) sent(connector Connector, step Step) []string {
	if step.Token {
		defer b.order(step, simulator.Fault{Kind: simulator.KindDrop})()
		require.Error(b.t, b.act(b.t.Context(), connector, step.Action).err)
		return append(b.Secrets(), b.tap.credentials()...)
	}
	require.NoError(b.t, b.act(b.t.Context(), connector, LookupByName).err)
	sent := b.tap.credentials()
	require.NotEmpty(b.t, sent)
	first := step.Operation == b.operationOf(step.Action)[0]
	if first && (step.Action == LookupByName || step.Action == Unlock) {
		// Behind the credential, which a 401 replaces. A request by ID does not know them.
		sent = append(sent, b.user.Username, b.user.Email)
	}
	return sent
}

// requestIDs: where the provider names an exchange, an unlock that it accepts tells the name
// as one does that it refuses.
func requestIDs(t *testing.T, fresh maker) {
	eachStep(t, fresh, func(step Step) bool { return step.Unlocks && !step.Unlocked }, func(t *testing.T, b *bench, step Step) {
		const id = "8f14e45f-ceea-467f-a0e6-d1a1c6f6f0a1"
		b.tap.stampAll(id)
		connector := b.open()
		withdraw := b.order(step, simulator.Fault{Kind: simulator.KindStatus, Status: http.StatusInternalServerError})
		var failure *connectors.Error
		require.ErrorAs(t, b.act(t.Context(), connector, Unlock).err, &failure)
		withdraw()
		unlocked, err := connector.Unlock(t.Context(), &connectors.Account{ID: b.user.ID, Username: b.user.Username, Email: b.user.Email})
		require.NoError(t, err)
		require.Equal(t, failure.RequestID, unlocked.RequestID)
		require.Contains(t, []string{"", id}, unlocked.RequestID)
	})
}
