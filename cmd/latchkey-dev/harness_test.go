package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/worker"
)

const (
	// patience bounds the wait for what a test expects, on a machine that is busy.
	patience = latchkeytest.Patience
	pause    = 20 * time.Millisecond
	// anyPort is an address with a port that is free.
	anyPort = "127.0.0.1:0"
)

// addressFlags move all that latchkey-dev listens on.
var addressFlags = slices.Sorted(maps.Values(movedBy()))

// output collects what a command writes while a test reads it.
type output struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.Write(data)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.String()
}

// outcome is what a command left behind.
type outcome struct {
	stdout, stderr output
	err            error
}

// run runs one command in this process until it ends.
func run(ctx context.Context, args ...string) *outcome {
	left := &outcome{}
	command := newCommand(&left.stdout, &left.stderr)
	command.SetArgs(args)
	left.err = command.ExecuteContext(ctx)
	return left
}

// atFreePorts adds the flags by which everything listens where there is room, but for those
// that are given.
func atFreePorts(given ...string) []string {
	args := given
	for _, flag := range addressFlags {
		if !strings.Contains(strings.Join(given, " "), "--"+flag) {
			args = append(args, "--"+flag, anyPort)
		}
	}
	return args
}

// upped is a latchkey-dev that is up.
type upped struct {
	*outcome
	t      *testing.T
	cancel context.CancelFunc
	ended  chan struct{}
}

// up starts latchkey-dev at free ports and waits for its banner.
func up(t *testing.T, args ...string) *upped {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	u := &upped{outcome: &outcome{}, t: t, cancel: cancel, ended: make(chan struct{})}
	command := newCommand(&u.stdout, &u.stderr)
	command.SetArgs(atFreePorts(args...))
	go func() {
		defer close(u.ended)
		u.err = command.ExecuteContext(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-u.ended
	})
	for !strings.Contains(u.stdout.String(), "curl") {
		select {
		case <-u.ended:
			require.NoError(t, u.err, "latchkey-dev ended")
		case <-time.After(pause):
		}
	}
	return u
}

// stop interrupts it and waits for its end, which is a good one.
func (u *upped) stop() (took time.Duration) {
	u.t.Helper()
	began := time.Now()
	u.cancel()
	<-u.ended
	require.NoError(u.t, u.err)
	return time.Since(began)
}

// addresses are all those that the banner names.
func (u *upped) addresses() []string {
	return regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(u.stdout.String(), -1)
}

// find returns what the banner says behind a label.
func (u *upped) find(label string) string {
	u.t.Helper()
	for line := range strings.Lines(u.stdout.String()) {
		if rest, found := strings.CutPrefix(strings.TrimSpace(line), label); found {
			return strings.Fields(rest)[0]
		}
	}
	require.Fail(u.t, "the banner does not name it", label)
	return ""
}

// commands are the lines of the banner that begin with a word, as they are to be typed.
func (u *upped) commands(word string) []string {
	var found []string
	for line := range strings.Lines(u.stdout.String()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, word+" ") {
			found = append(found, line)
		}
	}
	return found
}

// dial returns Temporal's client and one that asks for unlocks.
func (u *upped) dial() (sdkclient.Client, *client.Client) {
	u.t.Helper()
	temporal, err := temporalclient.Dial(u.t.Context(), temporalclient.At(u.find("Temporal  "), sdkclient.DefaultNamespace), worker.TemporalLogger(zap.NewNop()))
	require.NoError(u.t, err)
	u.t.Cleanup(temporal.Close)
	return temporal, &client.Client{Temporal: temporal}
}

// ask makes a request and returns the answer's body.
func ask(t *testing.T, method, url, body string) (status int, answered string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(read)
}

// listen takes a free port.
func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func parse[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&value), text)
	require.ErrorIs(t, decoder.Decode(new(any)), io.EOF, "nothing else")
	return value
}
