package conformance

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// atOnce runs the function in many goroutines and returns what failed.
func atOnce(count int, do func(number int) error) error {
	failures := make([]error, count)
	var group sync.WaitGroup
	for number := range count {
		group.Go(func() { failures[number] = do(number) })
	}
	group.Wait()
	return errors.Join(failures...)
}

// concurrency: one connector serves many at once, and mixes nobody up.
func concurrency(t *testing.T, fresh maker) {
	b := fresh(t)
	connector := b.open()
	var users []User
	for range 8 {
		user := b.makeUser("")
		b.LockByFailedSignIns(t, user)
		users = append(users, user)
	}
	require.NoError(t, atOnce(24, func(number int) error {
		user := users[number%len(users)]
		for _, ref := range []connectors.UserRef{user.Ref(), {Username: user.Username}, {Email: user.Email}} {
			account, err := connector.Lookup(t.Context(), ref)
			if err != nil {
				return err
			}
			if account.ID != user.ID || account.Username != user.Username {
				return fmt.Errorf("%v was answered with another account", ref)
			}
		}
		if connector.Lists() {
			if _, err := connector.ListLocked(t.Context(), "", 3); err != nil {
				return err
			}
		}
		return unlock(t, connector, &connectors.Account{ID: user.ID})
	}))
	for _, user := range users {
		account, err := connector.Lookup(t.Context(), user.Ref())
		require.NoError(t, err)
		require.True(t, account.State.Clear())
	}
}

// tokens returns the operation that fetches a token, or false when the credential is none.
func (b *bench) tokens() (string, bool) {
	operations := b.operationOf("")
	if len(operations) == 0 {
		return "", false
	}
	return operations[0], true
}

// revoke makes all access tokens invalid.
func (b *bench) revoke() {
	request := httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, simulator.ControlPrefix+"tokens/revoke", strings.NewReader(""))
	response := httptest.NewRecorder()
	b.Peer().ServeHTTP(response, request)
	require.Equal(b.t, http.StatusOK, response.Code, response.Body.String())
}

// tokenFetchedOnce: many calls at once share one token.
func tokenFetchedOnce(t *testing.T, fresh maker) {
	b := fresh(t)
	operation, ok := b.tokens()
	if !ok {
		return
	}
	connector := b.open()
	require.NoError(t, atOnce(32, func(int) error {
		_, err := connector.Lookup(t.Context(), b.user.Ref())
		return err
	}))
	require.Equal(t, 1, b.Peer().Calls.Count(operation))
}

// notToken is a step whose call carries the credential.
func notToken(step Step) bool { return !step.Token }

// tokenExpiresInFlight: a token that is refused in the middle of an action is renewed
// once, and the action goes on.
func tokenExpiresInFlight(t *testing.T, fresh maker) {
	eachStep(t, fresh, notToken, func(t *testing.T, b *bench, step Step) {
		operation, ok := b.tokens()
		if !ok {
			return
		}
		connector := b.open()
		require.NoError(t, b.act(t.Context(), connector, LookupByName).err)
		if step.Advisory {
			connector = b.open() // what it learnt is kept for a while
		}
		tokens, calls := b.Peer().Calls.Count(operation), b.Peer().Calls.Count(step.Operation)
		if step.Advisory {
			tokens++
		}
		defer b.order(step, simulator.Fault{Kind: simulator.KindChange, Times: 1, Hook: func(*http.Request) { b.revoke() }})()
		got := b.act(t.Context(), connector, step.Action)
		require.NoError(t, got.err)
		require.Equal(t, tokens+1, b.Peer().Calls.Count(operation))
		require.Equal(t, calls+2, b.Peer().Calls.Count(step.Operation))
		if step.Action == Unlock {
			account, err := connector.Lookup(t.Context(), b.user.Ref())
			require.NoError(t, err)
			require.True(t, account.State.Clear())
		}
	})
}

// tokenRevokedForMany: one revocation under many calls costs one token.
func tokenRevokedForMany(t *testing.T, fresh maker) {
	b := fresh(t)
	operation, ok := b.tokens()
	if !ok {
		return
	}
	connector := b.open()
	look := func(int) error {
		_, err := connector.Lookup(t.Context(), b.user.Ref())
		return err
	}
	require.NoError(t, look(0))
	for range 3 {
		tokens := b.Peer().Calls.Count(operation)
		b.revoke()
		require.NoError(t, atOnce(16, look))
		require.Equal(t, tokens+1, b.Peer().Calls.Count(operation))
	}
}

// credentialRefused: a credential that is refused for good is tried once, and once more
// where it can be renewed.
func credentialRefused(t *testing.T, fresh maker) {
	eachStep(t, fresh, notToken, func(t *testing.T, b *bench, step Step) {
		operation, renewable := b.tokens()
		tries := 1
		if renewable {
			tries = 2
		}
		got := b.under(step, simulator.Fault{Kind: simulator.KindStatus, Status: http.StatusUnauthorized})
		b.requireOutcome(got, step, step.expect(http.StatusUnauthorized), "401")
		require.Equal(t, tries, b.Peer().Calls.Count(step.Operation))
		if renewable {
			require.Equal(t, 2, b.Peer().Calls.Count(operation))
		}
	})
}

// tokenRunsOut: a token is renewed before it runs out, so that no call is refused for it.
func tokenRunsOut(t *testing.T, fresh maker) {
	b := fresh(t)
	operation, ok := b.tokens()
	if !ok {
		return
	}
	connector := b.openAt(b.Peer().Clock.Now)
	for fetched := 1; fetched <= 3; fetched++ {
		for range 2 {
			_, err := connector.Lookup(t.Context(), b.user.Ref())
			require.NoError(t, err)
		}
		require.Equal(t, fetched, b.Peer().Calls.Count(operation))
		require.NoError(t, b.Peer().Clock.Advance(2*time.Hour))
	}
	for name, statuses := range b.Peer().Calls.Summary().Statuses {
		require.Zero(t, statuses[http.StatusUnauthorized], name)
	}
}
