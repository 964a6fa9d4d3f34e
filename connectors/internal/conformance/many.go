package conformance

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

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

// concurrency: one connector serves many at once with one token, and mixes nobody up.
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
	if operation, ok := b.tokens(); ok {
		require.Equal(t, 1, b.Peer().Calls.Count(operation))
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

// notToken is a step whose call carries the credential.
func notToken(step Step) bool { return !step.Token }

// credentialRefused: one that is refused in the middle of an action is renewed once, where it
// can be, and the action goes on; one that is refused for good is tried no further.
func credentialRefused(t *testing.T, fresh maker) {
	eachStep(t, fresh, notToken, func(t *testing.T, b *bench, step Step) {
		operation, renewable := b.tokens()
		if renewable {
			b.requireRenewed(step, operation)
		}
		tries, tokens := 1, b.Peer().Calls.Count(operation)
		if renewable {
			tries = 2
		}
		b.relock(step)
		calls := b.Peer().Calls.Count(step.Operation)
		got := b.under(step, simulator.Fault{Kind: simulator.KindStatus, Status: http.StatusUnauthorized})
		b.requireOutcome(got, step, step.expect(http.StatusUnauthorized), "401")
		require.Equal(t, calls+tries, b.Peer().Calls.Count(step.Operation))
		if renewable {
			require.Equal(t, tokens+2, b.Peer().Calls.Count(operation))
		}
	})
}

// requireRenewed: a token that is revoked while the step is under way is fetched again.
func (b *bench) requireRenewed(step Step, operation string) {
	b.t.Helper()
	connector := b.open()
	require.NoError(b.t, b.act(b.t.Context(), connector, LookupByName).err)
	if step.Advisory {
		connector = b.open() // what it learnt is kept for a while
	}
	tokens, calls := b.Peer().Calls.Count(operation), b.Peer().Calls.Count(step.Operation)
	if step.Advisory {
		tokens++
	}
	defer b.order(step, simulator.Fault{Kind: simulator.KindChange, Times: 1, Hook: func(*http.Request) { b.revoke() }})()
	require.NoError(b.t, b.act(b.t.Context(), connector, step.Action).err)
	require.Equal(b.t, tokens+1, b.Peer().Calls.Count(operation))
	require.Equal(b.t, calls+2, b.Peer().Calls.Count(step.Operation))
	if step.Action == Unlock {
		account, err := connector.Lookup(b.t.Context(), b.user.Ref())
		require.NoError(b.t, err)
		require.True(b.t, account.State.Clear())
	}
}
