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

func pages(t *testing.T, fresh maker) {
	nextLinks(t, fresh)
	endlessLinks(t, fresh)
	repeatedPages(t, fresh)
}

// endlessLinks: pages that go on for ever, each linking to one not seen before, end with
// the caller's context.
func endlessLinks(t *testing.T, fresh maker) {
	eachStep(t, fresh, isList, func(t *testing.T, b *bench, step Step) {
		linker, ok := b.HTTPHarness.(Linker)
		if !ok {
			return
		}
		_, page := b.truth(step)
		own := b.tap.lastURL().String()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		read := 0
		var link func(*http.Request)
		link = func(*http.Request) {
			// Two orders a page: the page itself, and what makes the next one.
			read++
			if read == 40 {
				cancel()
			}
			b.Peer().Faults.Clear()
			b.order(step, simulator.Fault{Kind: simulator.KindChange, Hook: link})
			b.order(step, answering(string(linker.LinkTo(page, fmt.Sprintf("%s&cursor=%d", own, read)))))
		}
		b.order(step, simulator.Fault{Kind: simulator.KindChange, Hook: link})
		b.order(step, answering(string(linker.LinkTo(page, own+"&cursor=0"))))
		got := b.act(ctx, b.open(), List)
		require.ErrorIs(t, got.err, context.Canceled)
		require.GreaterOrEqual(t, read, 40)
	})
}

// repeatedPages: a list that answers every call with its first page, whatever is asked
// for, comes to an end, and nobody is listed twice.
func repeatedPages(t *testing.T, fresh maker) {
	eachStep(t, fresh, isList, func(t *testing.T, b *bench, step Step) {
		for range 5 {
			b.LockAsAdministrator(t, b.makeUser(""))
		}
		_, page := b.truth(step)
		calls := b.Peer().Calls.Count(step.Operation)
		got := b.under(step, answering(string(page)))
		require.LessOrEqual(t, b.Peer().Calls.Count(step.Operation)-calls, 100)
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
	})
}
