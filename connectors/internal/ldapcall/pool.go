package ldapcall

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
)

const (
	// poolSize bounds the connections to one server.
	poolSize = 8
	// A connection is kept for maxIdle without use and for maxAge in all: servers, and what
	// stands between, drop those that are silent, and a password is proven anew now and then.
	maxIdle = time.Minute
	maxAge  = 10 * time.Minute
)

// session is one bound connection.
type session struct {
	conn         *ldap.Conn
	raw          net.Conn
	opened, used time.Time
}

// run runs an operation, which ends with the context: package ldap knows none.
func (s *session) run(ctx context.Context, operation func(*ldap.Conn) error) error {
	stop := context.AfterFunc(ctx, func() { _ = s.raw.Close() })
	defer stop()
	return operation(s.conn)
}

func (s *session) end() {
	_ = s.raw.Close() // Its own Close would wait for a server that hangs.
	_ = s.conn.Close()
}

// pool keeps connections for later calls.
type pool struct {
	open  func(context.Context, string) (*session, *connectors.Error)
	slots chan struct{}

	mu     sync.Mutex
	idle   []*session
	closed bool
}

func newPool(open func(context.Context, string) (*session, *connectors.Error)) *pool {
	return &pool{open: open, slots: make(chan struct{}, poolSize)}
}

// get returns a connection, which must be put back. It waits while all are in use.
func (p *pool) get(ctx context.Context, operation string) (*session, *connectors.Error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, &connectors.Error{Kind: connectors.Unavailable, Operation: operation}
	}
	if kept := p.kept(); kept != nil {
		return kept, nil
	}
	opened, failure := p.open(ctx, operation)
	if failure != nil {
		<-p.slots
	}
	return opened, failure
}

// kept returns a connection that is open and young enough, the last that was used.
func (p *pool) kept() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if !last.conn.IsClosing() && time.Since(last.used) < maxIdle && time.Since(last.opened) < maxAge {
			return last
		}
		go last.end()
	}
	return nil
}

// put takes a connection back, unless it has ended.
func (p *pool) put(s *session) {
	s.used = time.Now()
	p.mu.Lock()
	keep := !p.closed && !s.conn.IsClosing()
	if keep {
		p.idle = append(p.idle, s)
	}
	p.mu.Unlock()
	if !keep {
		s.end()
	}
	<-p.slots
}

func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, each := range idle {
		each.end()
	}
}
