package ldapcall

import (
	"context"
	"errors"
	"fmt"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/trouble"
)

const (
	// Timeout bounds one operation within the caller's context, waiting for a connection and for
	// the limiter included; each page of a list is one.
	Timeout = 15 * time.Second
	// maxPacket bounds one message of a server's, in bytes.
	maxPacket = 8 << 20
)

// Client speaks to one server.
type Client struct {
	// Provider is the word that begins each error.
	Provider string
	// Name is what the server is called: its host, and its port where that is not the usual.
	Name string
	// Base is the entry below which the users are.
	Base string
	// Now tells our time.
	Now func() time.Time

	settings *Parsed
	server   address
	limiter  connectors.Limiter
	secret   *credential
	pool     *pool
}

// The bound is a variable of package ber, which every connection of the process reads from a
// goroutine of its own: it is set before there is one.
var _ = func() bool { ber.MaxPacketLengthBytes = maxPacket; return true }()

// Open returns a client of each server. It sends nothing.
func Open(provider string, settings *Parsed, options connectors.Options) []*Client {
	shared := &credential{source: settings.password, now: options.Clock(), refused: map[string]string{}}
	clients := make([]*Client, 0, len(settings.servers))
	for _, server := range settings.servers {
		client := &Client{
			Provider: provider, Name: server.name, Base: settings.Base.String(), Now: options.Clock(),
			settings: settings, server: server, limiter: options.Limiter, secret: shared,
		}
		client.pool = newPool(client.open)
		clients = append(clients, client)
	}
	return clients
}

// Servers gives each client's driver its place in a connection: one has no name.
func Servers[D connectors.Driver](clients []*Client, driver func(*Client) D) []connectors.Server {
	servers := make([]connectors.Server, 0, len(clients))
	for _, client := range clients {
		name := client.Name
		if len(clients) == 1 {
			name = ""
		}
		servers = append(servers, connectors.Server{Name: name, Driver: driver(client)})
	}
	return servers
}

// BindDN is the service account; empty where it is a client certificate's.
func (c *Client) BindDN() string { return c.settings.bindDN }

// Close ends the connections that are kept open.
func (c *Client) Close() error {
	c.pool.close()
	return nil
}

// Fail returns an error of the provider without an answer's details.
func (c *Client) Fail(operation string, kind connectors.Kind, message string) *connectors.Error {
	return &connectors.Error{Kind: kind, Provider: c.Provider, Operation: operation, Message: message}
}

// Call is one operation.
type Call struct {
	// Operation is the word for errors: "look up", "unlock" and so on.
	Operation string
	// Effect says that the operation unlocks: its errors tell in Sent whether it may have.
	Effect bool
	// Results replaces entries of the table of result codes.
	Results map[uint16]Result
}

// do runs one operation on a connection of the pool. Every failure is a *connectors.Error, also
// where the operation's result came with one.
func (c *Client) do(ctx context.Context, call Call, run func(*ldap.Conn) error) *connectors.Error {
	var held *session
	defer func() {
		if held != nil {
			c.pool.put(held)
		}
	}()
	return c.on(ctx, call, func(ctx context.Context) (_ *session, failure *connectors.Error) {
		held, failure = c.pool.get(ctx, call.Operation)
		return held, failure
	}, run)
}

// on runs one operation on the connection that get returns.
func (c *Client) on(ctx context.Context, call Call, get func(context.Context) (*session, *connectors.Error), run func(*ldap.Conn) error) *connectors.Error {
	limited, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	if ctx.Err() != nil {
		return c.interrupted(ctx, call, connectors.No)
	}
	session, failure := get(limited)
	if failure == nil {
		failure = c.wait(limited, call.Operation)
	}
	switch {
	case failure == nil:
	case ctx.Err() != nil:
		return c.interrupted(ctx, call, connectors.No)
	default:
		return sent(failure, call, connectors.No)
	}
	err := session.run(limited, run)
	switch code, answered := codeOf(err); {
	case err == nil:
		return nil
	case answered:
		return c.refused(call, code)
	case ctx.Err() != nil:
		return c.interrupted(ctx, call, connectors.Unknown)
	case limited.Err() != nil:
		err = context.DeadlineExceeded
	}
	return sent(c.unreachable(call.Operation, err), call, connectors.Unknown)
}

// wait asks the limiter for one request.
func (c *Client) wait(ctx context.Context, operation string) *connectors.Error {
	if c.limiter == nil || c.limiter.Wait(ctx) == nil {
		return nil
	}
	return c.Fail(operation, connectors.RateLimited, "the connection's RATE_LIMIT leaves no room for the call in time; try again")
}

// codeOf is the result code of a server's answer.
func codeOf(err error) (code uint16, answered bool) {
	var failure *ldap.Error
	if errors.As(err, &failure) && isResult(failure.ResultCode) {
		return failure.ResultCode, true
	}
	return 0, false
}

// refused is the failure of an operation that the server answered.
func (c *Client) refused(call Call, code uint16) *connectors.Error {
	result := ResultOf(code)
	if replaced, listed := call.Results[code]; listed {
		result = replaced
	}
	failure := c.Fail(call.Operation, result.Kind, c.Name+": "+result.Advice)
	failure.Status = int(code)
	if uncertain(code) {
		return sent(failure, call, connectors.Unknown)
	}
	return sent(failure, call, connectors.No)
}

// unreachable is the failure of a connection.
func (c *Client) unreachable(operation string, err error) *connectors.Error {
	if distrust := trouble.DistrustOf(err); distrust != "" {
		return c.Fail(operation, connectors.Untrusted, fmt.Sprintf("%s: %s; %s", c.Name, distrust, distrusts[distrust]))
	}
	return c.Fail(operation, connectors.Unavailable, fmt.Sprintf("%s: %s; try again", c.Name, classOf(err)))
}

// classOf says what kind of trouble a connection had. Package ldap keeps no error of a
// connection that ended.
func classOf(err error) string {
	var failure *ldap.Error
	switch {
	case trouble.IsTimeout(err):
		return trouble.ClassOf(context.DeadlineExceeded)
	case errors.As(err, &failure) && failure.ResultCode == ldap.ErrorNetwork:
		return "the connection was closed before the answer"
	default:
		return trouble.ClassOf(err)
	}
}

// distrusts say what to do about a server that is not to be trusted.
var distrusts = map[trouble.Distrust]string{
	trouble.UnknownAuthority: "name the authority in CA_FILE, or check URLS",
	trouble.OtherHost:        "check URLS, or name the host that it is for in SERVER_NAME",
	trouble.OutOfDate:        "check the clock here, or let whoever runs the server renew it",
	trouble.Invalid:          "check URLS and the certificate",
	trouble.TooOld:           "let whoever runs the server allow TLS 1.2",
}

// interrupted is the failure of an operation that the caller's own context ended.
func (c *Client) interrupted(ctx context.Context, call Call, effect connectors.Answer) *connectors.Error {
	failure := c.Fail(call.Operation, connectors.Unavailable, "the time allowed ran out before the server answered; try again")
	failure.Cause = context.DeadlineExceeded
	if errors.Is(ctx.Err(), context.Canceled) {
		failure.Cause, failure.Message = context.Canceled, "the call was cancelled before the server answered"
	}
	return sent(failure, call, effect)
}

// Unsent marks a failure before an unlock was sent.
func Unsent(err error) error {
	var failure *connectors.Error
	if errors.As(err, &failure) {
		failure.Sent = connectors.No
	}
	return err
}

func sent(failure *connectors.Error, call Call, effect connectors.Answer) *connectors.Error {
	if call.Effect {
		failure.Sent = effect
	}
	return failure
}
