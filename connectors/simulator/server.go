package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/internal/httpserver"
)

// maxRequestBody bounds what a client may send.
const maxRequestBody = 4 << 20

// tenant is what a Server stands before; it is a Tenant but in the tests of the Server itself.
type tenant interface {
	operations() []string // all that operation can return
	actions() []string    // all that act can do
	operation(r *http.Request, body []byte) string
	// serve answers the API as the provider does, and fail with a status alone.
	serve(w http.ResponseWriter, r *http.Request, body []byte)
	fail(w http.ResponseWriter, r *http.Request, status int)
	decorate(header http.Header)

	create(native []byte) (json.RawMessage, error)
	User(ref string) (json.RawMessage, error)
	act(ref, action string, args []byte) (json.RawMessage, error)
	SignIn(ref, password string) SignIn
	Populate(order Populate) (Populated, error)
	settingsInForce() any
	changeSettings(raw []byte) error
	revokeTokens()
	settle() // lets locks run out whose time has come
	reset()  // forgets users and tokens and restores the settings
}

// SignIn is the outcome of a sign-in. Reason says why not: "unknown_user",
// "wrong_password", "locked", "suspended", "disabled", "not_activated" …
type SignIn struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
}

// Populate orders many users at once.
type Populate struct {
	Count int `json:"count"`
	// Locked of them are locked, spread evenly; LockedBy says how: "failed_sign_in"
	// (default) or "admin".
	Locked   int    `json:"locked,omitempty"`
	LockedBy string `json:"lockedBy,omitempty"`
	// Suspended of them are suspended (JumpCloud) or disabled (PingOne), counted
	// from the first, so that they overlap with the locked.
	Suspended int `json:"suspended,omitempty"`
	// Prefix starts their usernames, followed by a number; default "user".
	Prefix string `json:"prefix,omitempty"`
	// Password is everybody's; default "Correct-Horse-1".
	Password string `json:"password,omitempty"`
}

// DefaultPassword is the password of users made without one.
const DefaultPassword = "Correct-Horse-1"

// check completes the order with its defaults.
func (p *Populate) check() error {
	if p.Prefix == "" {
		p.Prefix = "user"
	}
	if p.Password == "" {
		p.Password = DefaultPassword
	}
	if p.LockedBy == "" {
		p.LockedBy = CauseFailedSignIn
	}
	switch {
	case p.Count < 1 || p.Count > 1_000_000:
		return Bad("count must be from 1 to 1,000,000, not %d", p.Count)
	case p.Locked < 0 || p.Locked > p.Count || p.Suspended < 0 || p.Suspended > p.Count:
		return Bad("locked and suspended must be from 0 to count")
	case p.LockedBy != CauseFailedSignIn && p.LockedBy != CauseAdmin:
		return Bad("lockedBy must be %q or %q, not %q", CauseFailedSignIn, CauseAdmin, p.LockedBy)
	}
	return nil
}

// isLocked tells whether the i-th user (from 0) of the order is a locked one.
func (p *Populate) isLocked(i int) bool {
	return (i+1)*p.Locked/p.Count > i*p.Locked/p.Count
}

// Populated says what Populate made.
type Populated struct {
	Created int    `json:"created"`
	Locked  int    `json:"locked"`
	FirstID string `json:"firstId"`
	LastID  string `json:"lastId"`
	Users   int    `json:"users"` // how many there are now in all
}

// Server is a simulated provider over HTTP: the tenant's API everywhere, and
// the control surface below /_simulator/.
type Server struct {
	Clock  *Clock
	Faults *Faults
	Calls  *Calls
	Book   *Book
	// AllowedHosts are names of this machine, beside localhost, under which Start's server may
	// be asked.
	AllowedHosts []string
	tenant       tenant
}

func newServer(tenant tenant, clock *Clock, book *Book) *Server {
	return &Server{
		Clock: clock, Calls: NewCalls(), Book: book,
		Faults: newFaults(tenant.operations(), tenant.actions()), tenant: tenant,
	}
}

// ServeHTTP answers the API and the control surface. Faults that break the
// connection panic with http.ErrAbortHandler, as net/http wants it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
	if err != nil {
		http.Error(w, "the request body cannot be read", http.StatusRequestEntityTooLarge)
		return
	}
	if strings.HasPrefix(r.URL.Path, ControlPrefix) {
		s.serveControl(w, r, body)
		return
	}
	s.serveAPI(w, r, body)
}

// Reset brings everything back to the beginning: users, tokens, settings,
// faults, calls, book and clock.
func (s *Server) Reset() {
	s.Faults.Clear()
	s.Clock.Reset()
	s.tenant.reset()
	s.Book.Clear()
	s.Calls.Clear()
}

// Start serves on an address ("" for a free port of 127.0.0.1) and returns the
// root URL, without a slash at its end, and a function that closes the server
// and its connections.
func (s *Server) Start(address string) (rootURL string, closeServer func(), err error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", nil, err
	}
	server := httpserver.New(httpserver.Local(s, s.AllowedHosts...))
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Serve always returns an error; after Close it is ErrServerClosed.
		_ = server.Serve(listener)
	}()
	closeServer = func() {
		_ = server.Close()
		<-done
	}
	return "http://" + listener.Addr().String(), closeServer, nil
}

// serveAPI answers one call to the provider's API, faults included.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, body []byte) {
	e := &exchange{server: s, w: w, r: r, body: body, started: time.Now()}
	e.call = Call{
		Time: s.Clock.Now(), Method: r.Method, Path: loggedPath(r),
		Operation: s.tenant.operation(r, body),
	}
	s.Calls.arrive(e.call.Operation)
	defer e.log()
	e.run(s.Faults.match(e.call.Operation, r, e.call.Time))
}

// inputStatus is the status that an error of the tenant's gets.
func inputStatus(err error) int {
	var input *InputError
	if errors.As(err, &input) {
		return input.Status
	}
	return http.StatusInternalServerError
}
