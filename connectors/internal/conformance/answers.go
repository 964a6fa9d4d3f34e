package conformance

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

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
		for name, answer := range allBroken(step, string(body)) {
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

// allBroken are the answers that the step is given. The true one is body.
func allBroken(step Step, body string) map[string]brokenAnswer {
	all := map[string]brokenAnswer{}
	for name, text := range map[string]string{
		"garbage": "\x00\x01\x02\xfe garbage", "truncated": body[:len(body)/2], "null": "null", "array": "[]", "string": `"` + canary + `"`,
		"number": "1", "true": "true", "no keys": "{}", "two values": body + body, "more behind": body + "x",
		"a byte order mark": "\ufeff" + body, "invalid UTF-8": `{"` + canary + "\xff\":1}" + body, "invalid UTF-8 in the answer": strings.Replace(body, `"`, "\"\xff", 1),
		"an error in a success": `{"code":"` + canary + `","error":"` + canary + `","message":"` + canary + `"}`,
		"single quotes":         strings.ReplaceAll(body, `"`, "'"),
		"a bare word":           "NaN", "deep brackets": strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "open brackets": strings.Repeat("[", 1<<16),
	} {
		all[name] = brokenAnswer{fault: answering(text), kinds: malformed}
	}
	for name, contentType := range map[string]string{
		"as text": "text/plain", "as XML": "application/xml", "as a script": "application/javascript",
		"as a stream": "application/octet-stream", "with a type that is none": ";;;", "with a type that only ends so": "application/notjson", "without a type": "",
	} {
		all["the truth "+name] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindSlow, Headers: map[string]string{"Content-Type": contentType}}, kinds: malformed}
	}
	for name, contentType := range map[string]string{"HAL": "application/hal+json;charset=UTF-8", "in capitals": "APPLICATION/JSON", "of a vendor": "application/vnd.example.v1+json"} {
		all["the truth "+name] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindSlow, Headers: map[string]string{"Content-Type": contentType}}, kinds: good}
	}
	all["byte by byte"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindSlow}, kinds: good}
	all["half under its length"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindHalf}, kinds: unavailable}
	all["half in chunks"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindHalf, Chunked: true}, kinds: unavailable}
	all["no body"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindEmpty}, kinds: unavailable}
	all["white space"] = brokenAnswer{fault: answering(" \n"), kinds: unavailable}
	all["204"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindEmpty, Status: 204}, kinds: unavailable}
	all["over-deep"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindDeepJSON}, kinds: []connectors.Kind{connectors.MalformedResponse, connectors.Unsupported}}
	all["less over-deep"] = brokenAnswer{fault: simulator.Fault{Kind: simulator.KindDeepJSON, Depth: 9999}, kinds: malformed}
	for name, fault := range map[string]simulator.Fault{
		"a web page":             {Kind: simulator.KindHTML},
		"a web page as JSON":     answering("<html>" + canary + "</html>"),
		"the truth as a page":    {Kind: simulator.KindSlow, Headers: map[string]string{"Content-Type": "text/html; charset=utf-8"}},
		"an empty page":          {Kind: simulator.KindEmpty, Headers: map[string]string{"Content-Type": "text/html"}},
		"a web page under a 202": {Kind: simulator.KindHTML, Status: http.StatusAccepted},
	} {
		all[name] = brokenAnswer{fault: fault, kinds: unavailable, page: true}
	}
	all["called packed, and is not"] = brokenAnswer{
		fault: simulator.Fault{Kind: simulator.KindSlow, Headers: map[string]string{"Content-Encoding": "gzip"}},
		kinds: []connectors.Kind{connectors.MalformedResponse, connectors.Unavailable},
	}
	if len(body) == 0 { // nothing is there to be broken off
		delete(all, "half under its length")
		delete(all, "half in chunks")
	}
	// A header without end is no answer, whatever the step makes of its body.
	if step.reads() {
		all["huge header"] = brokenAnswer{
			fault: simulator.Fault{Kind: simulator.KindStatus, Status: 200, Headers: map[string]string{"X-Huge": strings.Repeat("x", 1<<20)}}, kinds: unavailable,
		}
	}
	return all
}

// deadline: the caller's deadline ends a call that is not answered.
func deadline(t *testing.T, fresh maker) {
	b := fresh(t)
	require.NoError(t, b.act(t.Context(), b.open(), LookupByID).err)
	for _, kind := range []string{simulator.KindLatency, simulator.KindSlow} {
		_, err := b.Peer().Faults.Add(simulator.Fault{Kind: kind, Delay: simulator.Duration(time.Minute)})
		require.NoError(t, err)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		got := b.act(ctx, b.open(), LookupByID)
		cancel()
		require.ErrorIs(t, got.err, context.DeadlineExceeded, kind)
		require.Equal(t, connectors.Unavailable, failureOf(t, got.err).Kind, kind)
		require.Less(t, time.Since(began), patience/2, kind)
		b.Peer().Faults.Clear()
	}
}
