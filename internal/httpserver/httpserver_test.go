package httpserver

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// pipes is a listener of connections within the process, whose time a test can hold.
type pipes struct {
	arriving chan net.Conn
	closed   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case connection := <-p.arriving:
		return connection, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (*pipes) Addr() net.Addr { return &net.UnixAddr{} }

// TestConnectionsEnd: a connection over which nothing comes is closed, before its first
// request and after one.
func TestConnectionsEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sent   string
		answer bool
		after  time.Duration
	}{
		"nothing is asked":            {after: headerTimeout},
		"a header that does not end":  {sent: "GET / HTTP/1.1\r\nHost: localhost\r\n", after: headerTimeout},
		"nothing is asked any more":   {sent: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", answer: true, after: idleTimeout},
		"a header that is too long":   {sent: "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 2*maxHeaderBytes) + "\r\n\r\n", after: 0},
		"a second one does not begin": {sent: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /", answer: true, after: headerTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
				listener := &pipes{arriving: make(chan net.Conn), closed: make(chan struct{})}
				served := make(chan error, 1)
				go func() { served <- server.Serve(listener) }()
				ours, theirs := net.Pipe()
				listener.arriving <- theirs
				began := time.Now()
				go func() { _, _ = io.WriteString(ours, test.sent) }()
				reader := bufio.NewReader(ours)
				if test.answer {
					answer, err := http.ReadResponse(reader, nil)
					require.NoError(t, err)
					require.NoError(t, answer.Body.Close())
				}
				_, err := io.Copy(io.Discard, reader)
				require.NoError(t, err)
				require.InDelta(t, test.after, time.Since(began), float64(time.Second))
				require.NoError(t, server.Close())
				require.ErrorIs(t, <-served, http.ErrServerClosed)
				require.NoError(t, ours.Close())
			})
		})
	}
}
