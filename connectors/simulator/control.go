package simulator

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/latchkey-iam/latchkey/internal/httpserver"
)

// ControlPrefix is where the control surface lives, beside the provider's API.
const ControlPrefix = "/_simulator/"

// control answers one route of the control surface.
type control func(s *Server, r *http.Request, body []byte) (any, error)

type controlRoute struct {
	method, path string
	answer       control
}

// controlRoutes are patterns of net/http below the prefix.
var controlRoutes = []controlRoute{
	{"GET", "health", getHealth},
	{"POST", "users", postUser},
	{"GET", "users/{user}", getUser},
	{"POST", "users/{user}/{action}", postAction},
	{"POST", "sign-in", postSignIn},
	{"POST", "populate", postPopulate},
	{"GET", "faults", getFaults},
	{"POST", "faults", postFault},
	{"DELETE", "faults", deleteFaults},
	{"DELETE", "faults/{id}", deleteFault},
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

var controls = sync.OnceValue(func() *router {
	routes := []Route{{Pattern: "GET " + ControlPrefix + "{$}"}}
	for _, each := range controlRoutes {
		routes = append(routes, Route{Pattern: each.method + " " + ControlPrefix + each.path})
	}
	return newRouter(routes)
})

func (s *Server) serveControl(w http.ResponseWriter, r *http.Request, body []byte) {
	out, err := s.control(r, body)
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(inputStatus(err))
		out = map[string]string{"error": err.Error()}
	}
	_, _ = w.Write(append(JSON(out), '\n'))
}

func (s *Server) control(r *http.Request, body []byte) (any, error) {
	route, status := controls().find(r)
	switch {
	case status == http.StatusMethodNotAllowed:
		return nil, &InputError{status, r.Method + " is not possible here"}
	case route == nil:
		return nil, Missing("there is nothing at %s: GET %s lists what there is", r.URL.EscapedPath(), ControlPrefix)
	case !httpserver.IsJSON(r):
		return nil, &InputError{http.StatusUnsupportedMediaType, "send JSON, with the header Content-Type: application/json"}
	}
	s.tenant.settle()
	for _, each := range controlRoutes {
		if route.Pattern == each.method+" "+ControlPrefix+each.path {
			return each.answer(s, r, body)
		}
	}
	return getIndex(s)
}

func getIndex(s *Server) (any, error) {
	routes := make([]string, 0, len(controlRoutes))
	for _, each := range controlRoutes {
		routes = append(routes, each.method+" "+ControlPrefix+each.path)
	}
	return map[string]any{"routes": routes, "operations": s.tenant.operations(),
		"actions": s.tenant.actions(), "faultKinds": kinds}, nil
}

func getHealth(*Server, *http.Request, []byte) (any, error) {
	return map[string]string{"status": "ok"}, nil
}

func postUser(s *Server, _ *http.Request, body []byte) (any, error) { return s.tenant.create(body) }

func getUser(s *Server, r *http.Request, _ []byte) (any, error) {
	return s.tenant.User(r.PathValue("user"))
}

func postAction(s *Server, r *http.Request, body []byte) (any, error) {
	return s.tenant.act(r.PathValue("user"), r.PathValue("action"), body)
}

func postSignIn(s *Server, _ *http.Request, body []byte) (any, error) {
	var order struct {
		User     string `json:"user"`
		Password string `json:"password"`
	}
	if err := Decode(body, "sign-in", &order); err != nil {
		return nil, err
	}
	if order.User == "" {
		return nil, Bad("a sign-in needs a user: an id, username or email")
	}
	return s.tenant.SignIn(order.User, order.Password), nil
}

func postPopulate(s *Server, _ *http.Request, body []byte) (any, error) {
	var order Populate
	if err := Decode(body, "order to populate", &order); err != nil {
		return nil, err
	}
	return s.tenant.Populate(order)
}

func getFaults(s *Server, _ *http.Request, _ []byte) (any, error) {
	return map[string]any{"faults": s.Faults.List()}, nil
}

func postFault(s *Server, _ *http.Request, body []byte) (any, error) {
	var fault Fault
	if err := Decode(body, "fault", &fault); err != nil {
		return nil, err
	}
	id, err := s.Faults.Add(fault)
	return map[string]int{"id": id}, err
}

func deleteFaults(s *Server, _ *http.Request, _ []byte) (any, error) {
	s.Faults.Clear()
	return getFaults(s, nil, nil)
}

func deleteFault(s *Server, r *http.Request, _ []byte) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, Bad("a fault's id is a number, not %q", r.PathValue("id"))
	}
	if err := s.Faults.Remove(id); err != nil {
		return nil, err
	}
	return getFaults(s, nil, nil)
}

func getCalls(s *Server, r *http.Request, _ []byte) (any, error) {
	after, err := number(r, "after", 0)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", 1000)
	if err != nil {
		return nil, err
	}
	return struct {
		Summary
		Calls []Call `json:"calls"`
	}{s.Calls.Summary(), s.Calls.List(r.URL.Query().Get("operation"), after, int(limit))}, nil
}

func deleteCalls(s *Server, _ *http.Request, _ []byte) (any, error) {
	s.Calls.Clear()
	return s.Calls.Summary(), nil
}

func getBook(s *Server, r *http.Request, _ []byte) (any, error) {
	after, err := number(r, "after", 0)
	if err != nil {
		return nil, err
	}
	return map[string]any{"changes": s.Book.List(r.URL.Query().Get("user"), after)}, nil
}

func getSettings(s *Server, _ *http.Request, _ []byte) (any, error) {
	return s.tenant.settingsInForce(), nil
}

func putSettings(s *Server, _ *http.Request, body []byte) (any, error) {
	if err := s.tenant.changeSettings(body); err != nil {
		return nil, err
	}
	return s.tenant.settingsInForce(), nil
}

func postClock(s *Server, _ *http.Request, body []byte) (any, error) {
	var order struct {
		Advance Duration `json:"advance"`
	}
	if err := Decode(body, "clock order", &order); err != nil {
		return nil, err
	}
	if err := s.Clock.Advance(order.Advance.D()); err != nil {
		return nil, err
	}
	s.tenant.settle()
	return getClock(s, nil, nil)
}

func getClock(s *Server, _ *http.Request, _ []byte) (any, error) {
	return map[string]string{"now": Stamp(s.Clock.Now()), "offset": s.Clock.Offset().String()}, nil
}

func postRevoke(s *Server, _ *http.Request, _ []byte) (any, error) {
	s.tenant.revokeTokens()
	return map[string]bool{"revoked": true}, nil
}

func postReset(s *Server, _ *http.Request, _ []byte) (any, error) {
	s.Reset()
	return map[string]bool{"reset": true}, nil
}

// number reads a query parameter that is a number from 0.
func number(r *http.Request, name string, otherwise int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, Bad("%s must be a number from 0, not %q", name, text)
	}
	return n, nil
}
