package cli

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

// nowhere is an address where nothing listens, for what must not dial, or must say so.
const nowhere = "127.0.0.1:1"

// outcome is what a command left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// harness runs commands in this process.
type harness struct {
	env    Env
	stdout *output
	stderr *output
}

func newHarness() *harness {
	h := &harness{stdout: newOutput(), stderr: newOutput()}
	h.env = Env{
		Stdin:         strings.NewReader(""),
		Stdout:        h.stdout,
		Stderr:        h.stderr,
		Colour:        true,
		Width:         func() int { return 100 },
		UserName:      "operator",
		ProgressEvery: 10 * time.Millisecond,
	}
	return h
}

func (h *harness) run(ctx context.Context, args ...string) outcome {
	code := Run(ctx, h.env, args)
	return outcome{code: code, stdout: h.stdout.String(), stderr: h.stderr.String()}
}

// run runs one command whose streams are no terminal.
func run(t *testing.T, args ...string) outcome {
	t.Helper()
	return newHarness().run(t.Context(), args...)
}

// output collects what is written, and waits until it holds a text.
type output struct {
	mutex   sync.Mutex
	changed *sync.Cond
	text    bytes.Buffer
}

func newOutput() *output {
	o := &output{}
	o.changed = sync.NewCond(&o.mutex)
	return o
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	defer o.changed.Broadcast()
	return o.text.Write(data)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.String()
}

// await returns when the text was written.
func (o *output) await(t *testing.T, text string) {
	t.Helper()
	o.mutex.Lock()
	defer o.mutex.Unlock()
	late := false
	defer time.AfterFunc(latchkeytest.Patience, func() {
		o.mutex.Lock()
		defer o.mutex.Unlock()
		late = true
		o.changed.Broadcast()
	}).Stop()
	for !strings.Contains(o.text.String(), text) {
		require.False(t, late, "%q was not written: %s", text, &o.text)
		o.changed.Wait()
	}
}

// until asks until a command succeeds and its answer is the awaited one. A command asks a run
// for two seconds, and a busy machine may need more.
func until(t *testing.T, ask func() outcome, awaited func(stdout string) bool) outcome {
	t.Helper()
	var got outcome
	require.Eventually(t, func() bool {
		got = ask()
		return got.code == ExitOK && awaited(got.stdout)
	}, latchkeytest.Patience, 20*time.Millisecond)
	return got
}

// having awaits an answer with the text.
func having(text string) func(stdout string) bool {
	return func(stdout string) bool { return strings.Contains(stdout, text) }
}

// lines returns the lines that are not empty.
func lines(text string) []string {
	var found []string
	for _, line := range strings.Split(text, "\n") {
		if line != "" {
			found = append(found, line)
		}
	}
	return found
}

func TestOutputAwait(t *testing.T) {
	t.Parallel()
	o := newOutput()
	go func() { _, _ = o.Write([]byte("one two")) }()
	o.await(t, "two")
	require.Equal(t, "one two", o.String())
}
