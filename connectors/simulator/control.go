package simulator

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/latchkey-iam/latchkey/internal/httpserver"
)

// ControlPrefix is where the control surface lives, beside the provider's API.
const ControlPrefix = "/_simulator/"

// control answers one route of the control surface.
type control func(s *Server, request controlRequest) (any, error)

type controlRequest struct {
	segments []string
	query    url.Values
	body     []byte
}

type controlRoute struct {
	method, pattern string // "*" stands for one segment
	handle          control
}

var controls = []controlRoute{
	{"GET", "health", getHealth},
	{"POST", "users", postUser},
	{"GET", "users/*", getUser},
	{"POST", "users/*/*", postAction},
	{"POST", "sign-in", postSignIn},
	{"POST", "populate", postPopulate},
	{"GET", "faults", getFaults},
	{"POST", "faults", postFault},
	{"DELETE", "faults", deleteFaults},
	{"DELETE", "faults/*", deleteFault},
	{"GET", "calls", getCalls},
	{"DELETE", "calls", deleteCalls},
	{"GET", "book", getBook},
	{"GET", "settings", getSettings},
	{"PUT", "settings", putSettings},
	{"POST", "clock", postClock},
	{"GET", "clock", getClock},
	{"POST", "tokens/revoke", postRevoke},
	{"POST", "reset", postReset},
}

func (s *Server) serveControl(w http.ResponseWriter, r *http.Request, body []byte) {
	handle, request, err := route(r)
	if err == nil && !httpserver.IsJSON(r) {
		err = &InputError{http.StatusUnsupportedMediaType, "send JSON, with the header Content-Type: application/json"}
	}
	var out any
	if err == nil {
		request.body = body
		s.tenant.Settle()
		out, err = handle(s, request)
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(inputStatus(err))
		out = map[string]string{"error": err.Error()}
	}
	_, _ = w.Write(append(JSON(out), '\n'))
}

func route(r *http.Request) (control, controlRequest, error) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), ControlPrefix)
	if path == "" && r.Method == http.MethodGet {
		return getIndex, controlRequest{}, nil
	}
	segments, err := Segments(path)
	if err != nil {
		return nil, controlRequest{}, err
	}
	known := false
	for _, c := range controls {
		if !matches(c.pattern, segments) {
			continue
		}
		if known = true; c.method == r.Method {
			return c.handle, controlRequest{segments: segments, query: r.URL.Query()}, nil
		}
	}
	if known {
		return nil, controlRequest{}, &InputError{http.StatusMethodNotAllowed, r.Method + " is not possible here"}
	}
	return nil, controlRequest{}, Missing("there is nothing at %s%s: GET %s lists what there is", ControlPrefix, path, ControlPrefix)
}

// Segments splits an escaped path and takes the escapes away afterwards, so
// that an escaped slash stays inside its segment.
func Segments(escapedPath string) ([]string, error) {
	segments := strings.Split(strings.Trim(escapedPath, "/"), "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, Bad("the path has a malformed escape")
		}
		segments[i] = plain
	}
	return segments, nil
}

func matches(pattern string, segments []string) bool {
	parts := strings.Split(pattern, "/")
	if len(parts) != len(segments) {
		return false
	}
	for i, part := range parts {
		if part != "*" && part != segments[i] {
			return false
		}
	}
	return true
}

func getIndex(s *Server, _ controlRequest) (any, error) {
	routes := make([]string, 0, len(controls))
	for _, c := range controls {
		routes = append(routes, c.method+" "+ControlPrefix+c.pattern)
	}
	return map[string]any{"routes": routes, "operations": s.tenant.Operations(),
		"actions": s.tenant.Actions(), "faultKinds": kinds}, nil
}

func getHealth(*Server, controlRequest) (any, error) {
	return map[string]string{"status": "ok"}, nil
}

func postUser(s *Server, request controlRequest) (any, error) { return s.tenant.Create(request.body) }

func getUser(s *Server, request controlRequest) (any, error) {
	return s.tenant.User(request.segments[1])
}

func postAction(s *Server, request controlRequest) (any, error) {
	return s.tenant.Act(request.segments[1], request.segments[2], request.body)
}

func postSignIn(s *Server, request controlRequest) (any, error) {
	var order struct {
		User     string `json:"user"`
		Password string `json:"password"`
	}
	if err := Decode(request.body, "sign-in", &order); err != nil {
		return nil, err
	}
	if order.User == "" {
		return nil, Bad("a sign-in needs a user: an id, username or email")
	}
	return s.tenant.SignIn(order.User, order.Password)
}

func postPopulate(s *Server, request controlRequest) (any, error) {
	var order Populate
	if err := Decode(request.body, "order to populate", &order); err != nil {
		return nil, err
	}
	return s.tenant.Populate(order)
}

func getFaults(s *Server, _ controlRequest) (any, error) {
	return map[string]any{"faults": s.Faults.List()}, nil
}

func postFault(s *Server, request controlRequest) (any, error) {
	var fault Fault
	if err := Decode(request.body, "fault", &fault); err != nil {
		return nil, err
	}
	id, err := s.Faults.Add(fault)
	return map[string]int{"id": id}, err
}

func deleteFaults(s *Server, _ controlRequest) (any, error) {
	s.Faults.Clear()
	return getFaults(s, controlRequest{})
}

func deleteFault(s *Server, request controlRequest) (any, error) {
	id, err := strconv.Atoi(request.segments[1])
	if err != nil {
		return nil, Bad("a fault's id is a number, not %q", request.segments[1])
	}
	if err := s.Faults.Remove(id); err != nil {
		return nil, err
	}
	return getFaults(s, controlRequest{})
}

func getCalls(s *Server, request controlRequest) (any, error) {
	after, err := request.number("after", 0)
	if err != nil {
		return nil, err
	}
	limit, err := request.number("limit", 1000)
	if err != nil {
		return nil, err
	}
	return struct {
		Summary
		Calls []Call `json:"calls"`
	}{s.Calls.Summary(), s.Calls.List(request.query.Get("operation"), after, int(limit))}, nil
}

func deleteCalls(s *Server, _ controlRequest) (any, error) {
	s.Calls.Clear()
	return s.Calls.Summary(), nil
}

func getBook(s *Server, request controlRequest) (any, error) {
	after, err := request.number("after", 0)
	if err != nil {
		return nil, err
	}
	return map[string]any{"changes": s.Book.List(request.query.Get("user"), after)}, nil
}

func getSettings(s *Server, _ controlRequest) (any, error) { return s.tenant.Settings(), nil }

func putSettings(s *Server, request controlRequest) (any, error) {
	if err := s.tenant.SetSettings(request.body); err != nil {
		return nil, err
	}
	return s.tenant.Settings(), nil
}

func postClock(s *Server, request controlRequest) (any, error) {
	var order struct {
		Advance Duration `json:"advance"`
	}
	if err := Decode(request.body, "clock order", &order); err != nil {
		return nil, err
	}
	if err := s.Clock.Advance(order.Advance.D()); err != nil {
		return nil, err
	}
	s.tenant.Settle()
	return getClock(s, request)
}

func getClock(s *Server, _ controlRequest) (any, error) {
	return map[string]string{"now": Stamp(s.Clock.Now()), "offset": s.Clock.Offset().String()}, nil
}

func postRevoke(s *Server, _ controlRequest) (any, error) {
	s.tenant.RevokeTokens()
	return map[string]bool{"revoked": true}, nil
}

func postReset(s *Server, _ controlRequest) (any, error) {
	s.Reset()
	return map[string]bool{"reset": true}, nil
}

// number reads a query parameter that is a number from 0.
func (r controlRequest) number(name string, otherwise int64) (int64, error) {
	text := r.query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, Bad("%s must be a number from 0, not %q", name, text)
	}
	return n, nil
}
