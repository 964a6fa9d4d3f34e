package conformance

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// brokenAnswer is a 200 that is not what is documented.
type brokenAnswer struct {
	fault simulator.Fault
	// kinds are those that it may have; empty when it is a good answer.
	kinds []connectors.Kind
	// page says that it is a web page, which is no answer to anything.
	page bool
}

var (
	malformed   = []connectors.Kind{connectors.MalformedResponse}
	unavailable = []connectors.Kind{connectors.Unavailable}
	good        []connectors.Kind
)

// brokenAnswers: whatever comes instead of the answer, it is never taken for "no lock",
// and never takes long.
func brokenAnswers(t *testing.T, fresh maker) {
	eachStep(t, fresh, nil, func(t *testing.T, b *bench, step Step) {
		_, body := b.truth(step)
		for name, answer := range allBroken(string(body)) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			b.relock(step) // an answer before may have told of an unlock that was made
			withdraw := b.order(step, answer.fault)
			got := b.act(ctx, b.open(), step.Action)
			withdraw()
			require.NoError(t, ctx.Err(), "%s: it took too long", name)
			cancel()
			b.requireBroken(got, step, answer, name)
		}
	})
}

func (b *bench) requireBroken(got outcome, step Step, answer brokenAnswer, name string) {
	b.t.Helper()
	passing := step.Advisory && (slices.Equal(answer.kinds, unavailable) || got.err != nil && slices.Contains(answer.kinds, connectors.Unavailable))
	if len(answer.kinds) == 0 || !step.reads() && !passing && !answer.page {
		require.NoError(b.t, got.err, name)
		if step.Action != Unlock {
			account := got.account(b.user.ID)
			require.NotNil(b.t, account, name)
			require.False(b.t, account.State.Clear(), name)
		}
		return
	}
	require.Error(b.t, got.err, name)
	failure := failureOf(b.t, got.err)
	require.Contains(b.t, answer.kinds, failure.Kind, name)
	require.Equal(b.t, step.expectKind(failure.Kind, connectors.Unknown).sent, failure.Sent, name)
	require.NotErrorIs(b.t, failure.Cause, context.Canceled, "%s: the caller's own context goes on", name)
	require.NotErrorIs(b.t, failure.Cause, context.DeadlineExceeded, "%s: the caller's own context goes on", name)
}

// allBroken are the answers that the step is given in place of the true one, which is body.
// What HTTP itself may break, the caller's own tests try.
func allBroken(body string) map[string]brokenAnswer {
	all := map[string]brokenAnswer{}
	for name, text := range map[string]string{
		"truncated": body[:len(body)/2], "null": "null", "array": "[]", "string": `"` + canary + `"`,
		"number": "1", "true": "true", "no keys": "{}", "two values": body + body, "invalid UTF-8 in the answer": strings.Replace(body, `"`, "\"\xff", 1),
		"an error in a success": `{"code":"` + canary + `","error":"` + canary + `","message":"` + canary + `"}`,
		"deep brackets":         strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
	} {
		all[name] = brokenAnswer{fault: answering(text), kinds: malformed}
	}
	all["half of it"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindHalf}, kinds: unavailable}
	all["no body"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindEmpty}, kinds: unavailable}
	all["204"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindEmpty, Status: 204}, kinds: unavailable}
	all["over-deep"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindDeepJSON}, kinds: []connectors.Kind{connectors.MalformedResponse, connectors.Unsupported}}
	all["less over-deep"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindDeepJSON, Depth: 9999}, kinds: malformed}
	all["byte by byte"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindSlow}, kinds: good}
	all["a web page"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindHTML}, kinds: unavailable, page: true}
	all["the truth as a web page"] = brokenAnswer{
		fault: simulator.Fault{Kind: simulator.KindSlow, Headers: map[string]string{"Content-Type": "text/html; charset=utf-8"}}, kinds: unavailable, page: true,
	}
	if len(body) == 0 { // nothing is there to be broken off
		delete(all, "half of it")
	}
	return all
}
