package conformance

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// identifiedBy returns the headers that may carry an identifier of the exchange.
func identifiedBy(id string) map[string]string {
	headers := map[string]string{}
	for _, name := range []string{"X-Request-Id", "Request-Id", "X-Amzn-Requestid", "Correlation-Id", "X-Correlation-Id", "X-Trace-Id", "Cf-Ray"} {
		headers[name] = id
	}
	return headers
}

// echoedSecrets: of a provider that sends back what it was sent, in the places that go into an
// error, no error repeats it. Each error of a checked connector is searched.
func echoedSecrets(t *testing.T, fresh newFixture) {
	eachStep(t, fresh, nil, func(t *testing.T, f *fixture, step Step) {
		for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusInternalServerError} {
			connector := f.open()
			for _, echoed := range f.sentBy(connector, step) {
				require.NotEmpty(t, echoed)
				body := f.refusalOf(step, echoed)
				withdraw := f.order(step, simulator.Fault{Kind: simulator.KindStatus, Status: status, Body: &body, Headers: identifiedBy(echoed)})
				got := f.act(t.Context(), connector, step.Action)
				withdraw()
				require.True(t, got.err != nil || step.Advisory || step.Groups || step.Unread != "")
			}
		}
	})
}

// sentBy lists what the step sends and no error may repeat: the credential first, which a 401
// replaces where it is a token.
func (f *fixture) sentBy(connector Connector, step Step) []string {
	sent := f.Secrets()
	if !step.Token && slices.ContainsFunc(f.Steps(), func(step Step) bool { return step.Token }) {
		withdraw := f.order(step, simulator.Fault{Kind: simulator.KindStatus, Status: http.StatusInternalServerError})
		require.Error(f.t, f.act(f.t.Context(), connector, step.Action).err)
		withdraw()
		sent = []string{f.transport.credential}
	}
	if first := step.Operation == f.first(step.Action); first && (step.Action == LookupByName || step.Action == Unlock) {
		sent = append(sent, f.user.Username, f.user.Email) // A request by ID does not know them.
	}
	return sent
}

// requestIDs: where the provider names an exchange, an unlock that it accepts reports the name
// as one does that it refuses.
func requestIDs(t *testing.T, fresh newFixture) {
	eachStep(t, fresh, func(step Step) bool { return step.Unlocks && !step.Unlocked }, func(t *testing.T, f *fixture, step Step) {
		const id = "8f14e45f-ceea-467f-a0e6-d1a1c6f6f0a1"
		connector := f.open()
		withdraw := f.order(step, simulator.Fault{Kind: simulator.KindStatus, Status: http.StatusInternalServerError, Headers: identifiedBy(id)})
		failure := failureOf(t, f.act(t.Context(), connector, Unlock).err)
		withdraw()
		_, err := f.Peer().Faults.Add(simulator.Fault{Kind: simulator.KindSlow, Headers: identifiedBy(id)}) // of every step
		require.NoError(t, err)
		unlocked, err := connector.Unlock(t.Context(), &connectors.Account{ID: f.user.ID, Username: f.user.Username, Email: f.user.Email})
		require.NoError(t, err)
		require.Equal(t, failure.RequestID, unlocked.RequestID)
		require.Contains(t, []string{"", id}, unlocked.RequestID)
	})
}
