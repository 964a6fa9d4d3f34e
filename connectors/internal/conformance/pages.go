package conformance

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

func pages(t *testing.T, fresh newFixture) {
	isList := func(step Step) bool { return step.Action == List && !step.Token }
	eachStep(t, fresh, isList, func(t *testing.T, f *fixture, step Step) {
		if linker, ok := f.HTTPHarness.(Linker); ok {
			f.refusesLinks(t, linker, step)
			f.endsEndlessLinks(t, linker, step)
		}
		f.endsRepeatedPages(t, step)
	})
}

// refusesLinks: a link to a next page that leads elsewhere or in a circle, or is no link, is refused.
func (f *fixture) refusesLinks(t *testing.T, linker Linker, step Step) {
	_, page := f.truth(step)
	own := f.transport.address.String()
	for name, next := range map[string]any{
		"another host":        "http://stranger.example.com" + f.transport.address.Path,
		"another path":        "http://" + f.Host() + "/login",
		"itself, in a circle": own,
		"no address":          "%zz",
		"empty":               "",
		"null":                nil,
		"a number":            1,
		"a list":              []string{own},
		"an object":           map[string]string{"href": own},
	} {
		got := f.under(step, answering(string(linker.LinkTo(page, next))))
		require.Equal(t, connectors.MalformedResponse, connectors.KindOf(got.err), name)
	}
	require.Zero(t, f.Peer().Calls.Count("other"))
}

// endsEndlessLinks: pages that go on for ever, each linking to one not seen before, end with
// the caller's context.
func (f *fixture) endsEndlessLinks(t *testing.T, linker Linker, step Step) {
	_, page := f.truth(step)
	own := f.transport.address.String()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read := 0
	var link func(*http.Request)
	answerAndLink := func() {
		f.order(step, simulator.Fault{Kind: simulator.KindChange, Hook: link})
		f.order(step, answering(string(linker.LinkTo(page, fmt.Sprintf("%s&cursor=%d", own, read)))))
	}
	link = func(*http.Request) {
		if read++; read == 40 {
			cancel()
		}
		f.Peer().Faults.Clear()
		answerAndLink()
	}
	answerAndLink()
	got := f.act(ctx, f.open(), List)
	f.Peer().Faults.Clear()
	require.ErrorIs(t, got.err, context.Canceled)
	require.GreaterOrEqual(t, read, 40)
}

// endsRepeatedPages: a list that answers every call with its first page, whatever is asked
// for, comes to an end, and nobody is listed twice.
func (f *fixture) endsRepeatedPages(t *testing.T, step Step) {
	for range 5 {
		f.LockAsAdministrator(t, f.makeUser(""))
	}
	_, page := f.truth(step)
	calls := f.Peer().Calls.Count(step.Operation)
	got := f.under(step, answering(string(page)))
	require.LessOrEqual(t, f.Peer().Calls.Count(step.Operation)-calls, 100)
	if got.err != nil {
		require.Contains(t, []connectors.Kind{connectors.Conflict, connectors.MalformedResponse}, connectors.KindOf(got.err))
		return
	}
	seen := map[string]bool{}
	for _, account := range got.accounts {
		require.False(t, seen[account.ID], "listed twice")
		seen[account.ID] = true
	}
	require.Len(t, seen, 6)
}
