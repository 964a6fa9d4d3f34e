package simulator

import (
	"bytes"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// OpOther is the operation of calls that lead nowhere.
const OpOther = "other"

// Route is one call of a vendor's API.
type Route struct {
	Pattern   string // of net/http, such as "GET /v1/users/{id}"
	Operation string // as faults match it and the calls log shows it
	// Named tells apart the operations that share a pattern, those in Also included; nil
	// where none do. It is called without the tenant's lock.
	Named func(r *Request) string
	Also  []string
	// Parameters are those of the query that the call knows; one that ends in "["
	// stands for all that begin so. Any other is refused, because a call that
	// ignores what it was asked for answers about everybody.
	Parameters []string
	Open       bool // asks for no credentials
	// Serve answers, or else User, where the pattern's {id} is a user's: a read gets the
	// user as reads see it.
	Serve func(r *Request) Reply
	User  func(r *Request, u *User) Reply
}

// Request is a call on its way to the vendor.
type Request struct {
	*http.Request
	Sent      []byte // the body
	Query     url.Values
	Operation string
	Access    string // what the caller may do, as the vendor's Authenticate found out

	stale *staleOrder
}

// Reply is an answer of the vendor's.
type Reply struct {
	Status int    // 0: 200
	Type   string // "": as the vendor answers JSON
	Header map[string]string
	Body   []byte
}

// OK answers with a value as JSON.
func OK(value any) Reply { return Reply{Body: JSON(value)} }

// Object reads the body as a JSON object, which the Content-Type must say that it is.
func (r *Request) Object() (Fields, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return nil, Bad("the Content-Type must be application/json")
	}
	return ParseFields(r.Sent, "body")
}

// unknown is the first parameter of a query that is not known.
func unknown(query url.Values, known []string) string {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.ContainsFunc(known, func(known string) bool {
			return name == known || strings.HasSuffix(known, "[") && strings.HasPrefix(name, known)
		}) {
			return name
		}
	}
	return ""
}

// request finds the route of a call; without one it has the status of a call that leads nowhere.
func (s *Server) request(r *http.Request, body []byte) (route *Route, request *Request, status int) {
	request = &Request{Request: r, Sent: bytes.TrimSpace(body), Query: r.URL.Query(), Operation: OpOther}
	if route, status = s.api.find(r); route == nil {
		return nil, request, status
	}
	if request.Operation = route.Operation; route.Named != nil {
		request.Operation = route.Named(request)
	}
	return route, request, 0
}

// reply answers a call as the provider does.
func (s *Server) reply(route *Route, r *Request, status int) Reply {
	if route == nil || !route.Open {
		if refusal := s.vendor.Authenticate(r); refusal.Status != 0 {
			return refusal
		}
	}
	if route == nil {
		return s.vendor.Error(status, "")
	}
	if !s.Model.settings().Ignores() {
		if name := unknown(r.Query, route.Parameters); name != "" {
			return s.vendor.Error(http.StatusBadRequest, "unknown parameter "+name)
		}
		if r.Method == http.MethodGet && len(r.Sent) > 0 {
			return s.vendor.Error(http.StatusBadRequest, "a read takes no body")
		}
	}
	if route.Serve != nil {
		return route.Serve(r)
	}
	u := s.Model.User(r.PathValue("id"))
	switch {
	case u == nil:
		return s.vendor.Error(http.StatusNotFound, "")
	case r.Method == http.MethodGet:
		return route.User(r, s.Model.stale.reader(s.Model.Now())(u))
	}
	prior := *u
	reply := route.User(r, u)
	if reply.Status < http.StatusMultipleChoices {
		s.Model.stale.remember(prior, r.stale, s.Model.Now())
	}
	return reply
}

// router finds what stands for a pattern of net/http.
type router[T any] struct {
	mux *http.ServeMux
	to  map[string]T
}

func newRouter[T any](to map[string]T) *router[T] {
	r := &router[T]{http.NewServeMux(), to}
	for pattern := range to {
		// It writes nothing, so that a status says that no pattern matched.
		r.mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
	}
	return r
}

// find gives the request the values of its path, or returns the status where there is no route.
func (r *router[T]) find(request *http.Request) (found T, status int) {
	var probe probe
	r.mux.ServeHTTP(&probe, request)
	switch probe.status {
	case 0:
		return r.to[request.Pattern], 0
	case http.StatusMethodNotAllowed:
		return found, probe.status
	default:
		// A path that is not clean is sent nowhere else.
		return found, http.StatusNotFound
	}
}

// probe takes the status that a mux answers with.
type probe struct{ status int }

// Header, Write and WriteHeader make a probe an http.ResponseWriter.
func (p *probe) Header() http.Header            { return http.Header{} }
func (p *probe) Write(body []byte) (int, error) { return len(body), nil }
func (p *probe) WriteHeader(status int)         { p.status = status }
