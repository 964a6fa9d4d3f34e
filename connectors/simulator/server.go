package simulator

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-iam/latchkey/internal/httpserver"
)

// maxRequestBody bounds what a client may send.
const maxRequestBody = 4 << 20

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
	// Model is for what the vendor gives, which is called with the lock held.
	Model *Model

	mu       sync.Mutex // of the model
	vendor   Vendor
	switches switches
	api      *router[*Route]
	controls *router[control]
}

// switches are a Tenant's settings.
type switches interface {
	inForce() Settings
	decode(raw []byte) error
	restore()
}

func newServer(now func() time.Time, vendor Vendor, switches switches) *Server {
	s := &Server{Clock: NewClock(now), Calls: NewCalls(), Book: NewBook(), vendor: vendor, switches: switches}
	s.Model = &Model{
		vendor: &s.vendor, clock: s.Clock, book: s.Book, settings: switches.inForce,
		kept: append([]string{"password"}, vendor.Aside...),
	}
	for key := range vendor.Attributes {
		s.Model.kept = append(s.Model.kept, key)
	}
	s.Model.clear()
	routes, operations := map[string]*Route{}, []string{OpOther}
	for i, route := range vendor.Routes {
		routes[route.Pattern] = &vendor.Routes[i]
		operations = append(append(operations, route.Operation), route.Also...)
	}
	slices.Sort(operations)
	s.Faults = &Faults{operations: slices.Compact(operations), actions: s.actions()}
	s.api, s.controls = newRouter(routes), newRouter(s.controlRoutes())
	return s
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
	e := &exchange{server: s, w: w, started: time.Now()}
	e.route, e.r, e.nowhere = s.request(r, body)
	e.call = Call{Time: s.Clock.Now(), Method: r.Method, Path: loggedPath(r), Operation: e.r.Operation}
	s.Calls.arrive(e.call.Operation)
	defer e.log()
	e.run(s.Faults.match(e.call.Operation, r, e.call.Time))
}

// answered is a whole answer with what stands on every one.
func (s *Server) answered(r *http.Request, reply Reply) *answer {
	a := &answer{status: cmp.Or(reply.Status, http.StatusOK), header: http.Header{}, body: reply.Body}
	a.header.Set("Date", s.Clock.Now().Format(http.TimeFormat))
	if s.vendor.Headers != nil {
		a.set(s.vendor.Headers())
	}
	if len(reply.Body) > 0 {
		a.header.Set("Content-Type", cmp.Or(reply.Type, s.contentType(r)))
	}
	a.set(reply.Header)
	return a
}

// contentType is the one that the vendor's JSON carries.
func (s *Server) contentType(r *http.Request) string {
	if s.vendor.Type == nil {
		return "application/json"
	}
	return s.vendor.Type(r)
}

// settle lets locks run out whose time has come.
func (s *Server) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Model.settle()
}

// Reset brings everything back to the beginning: users, tokens, settings,
// faults, calls, book and clock.
func (s *Server) Reset() {
	s.Faults.Clear()
	s.Clock.Reset()
	s.switches.restore()
	s.mu.Lock()
	s.Model.clear()
	s.mu.Unlock()
	s.Book.Clear()
	s.Calls.Clear()
}

// Start serves on an address ("" for a free port of 127.0.0.1) and returns the
// root URL, without a slash at its end, and a function that closes the server
// and its connections.
func (s *Server) Start(address string) (rootURL string, closeServer func(), err error) {
	listener, err := net.Listen("tcp", cmp.Or(address, "127.0.0.1:0"))
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
