package simulator

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-iam/latchkey/internal/httpserver"
)

// ControlPrefix is where the control surface lives, beside the provider's API.
const ControlPrefix = "/_simulator/"

// control answers one route of the control surface.
type control func(r *http.Request, body []byte) (any, error)

// show is a control that takes nothing and answers.
func show(answer func() any) control {
	return func(*http.Request, []byte) (any, error) { return answer(), nil }
}

// order is a control that takes a body, which errors call by the noun.
func order[T any](noun string, do func(order T) (any, error)) control {
	return func(_ *http.Request, body []byte) (any, error) {
		var order T
		if err := Decode(body, noun, &order); err != nil {
			return nil, err
		}
		return do(order)
	}
}

// done is a control that takes nothing, acts, and answers {word: true}.
func done(word string, do func()) control {
	return show(func() any { do(); return map[string]bool{word: true} })
}

func (s *Server) controlRoutes() map[string]control {
	routes := map[string]control{}
	for pattern, answer := range map[string]control{
		"GET {$}": show(func() any {
			return map[string]any{"routes": slices.Sorted(maps.Keys(routes)), "operations": s.Faults.operations,
				"actions": s.Faults.actions, "faultKinds": kinds}
		}),
		"GET health":       show(func() any { return map[string]string{"status": "ok"} }),
		"POST users":       func(_ *http.Request, body []byte) (any, error) { return s.create(body) },
		"GET users/{user}": func(r *http.Request, _ []byte) (any, error) { return s.User(r.PathValue("user")) },
		"POST users/{user}/{action}": func(r *http.Request, body []byte) (any, error) {
			return s.act(r.PathValue("user"), r.PathValue("action"), body)
		},
		"POST sign-in":       order("sign-in", s.orderSignIn),
		"POST populate":      order("order to populate", func(order Populate) (any, error) { return s.Populate(order) }),
		"GET faults":         show(s.faults),
		"POST faults":        order("fault", s.orderFault),
		"DELETE faults":      show(func() any { s.Faults.Clear(); return s.faults() }),
		"DELETE faults/{id}": s.deleteFault,
		"GET calls":          s.getCalls,
		"DELETE calls":       show(func() any { s.Calls.Clear(); return s.Calls.Summary() }),
		"GET book":           s.getBook,
		"GET settings":       show(func() any { return s.switches.inForce() }),
		"PUT settings": func(_ *http.Request, body []byte) (any, error) {
			err := s.switches.decode(body)
			return s.switches.inForce(), err
		},
		"GET clock":          show(s.clock),
		"POST clock":         order("clock order", s.orderClock),
		"POST tokens/revoke": done("revoked", s.revokeTokens),
		"POST reset":         done("reset", s.Reset),
	} {
		method, path, _ := strings.Cut(pattern, " ")
		routes[method+" "+ControlPrefix+path] = answer
	}
	return routes
}

func (s *Server) serveControl(w http.ResponseWriter, r *http.Request, body []byte) {
	out, err := s.control(r, body)
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		status := http.StatusInternalServerError
		var input *InputError
		if errors.As(err, &input) {
			status = input.Status
		}
		w.WriteHeader(status)
		out = map[string]string{"error": err.Error()}
	}
	_, _ = w.Write(append(JSON(out), '\n'))
}

// parameters are the query parameters of the controls. Others are refused, since a misspelled
// one would select everything.
var parameters = map[string][]string{
	"GET " + ControlPrefix + "calls": {"operation", "after", "limit"},
	"GET " + ControlPrefix + "book":  {"user", "after"},
}

func (s *Server) control(r *http.Request, body []byte) (any, error) {
	answer, status := s.controls.find(r)
	switch {
	case status == http.StatusMethodNotAllowed:
		return nil, &InputError{status, r.Method + " is not possible here"}
	case status != 0:
		return nil, Missing("there is nothing at %s: GET %s lists what there is", r.URL.EscapedPath(), ControlPrefix)
	case !httpserver.IsJSON(r):
		return nil, &InputError{http.StatusUnsupportedMediaType, "send JSON, with the header Content-Type: application/json"}
	}
	if name := unknown(r.URL.Query(), parameters[r.Pattern]); name != "" {
		return nil, Bad("there is no parameter %q here", name)
	}
	s.settle()
	return answer(r, body)
}

// signInOrder names a user and tries a password.
type signInOrder struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

func (s *Server) orderSignIn(order signInOrder) (any, error) {
	return s.SignIn(order.User, order.Password), Need(order.User != "", "a sign-in needs a user: an id, username or email")
}

func (s *Server) faults() any { return map[string]any{"faults": s.Faults.List()} }

func (s *Server) orderFault(fault Fault) (any, error) {
	id, err := s.Faults.Add(fault)
	return map[string]int{"id": id}, err
}

func (s *Server) deleteFault(r *http.Request, _ []byte) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, Bad("a fault's id is a number, not %q", r.PathValue("id"))
	}
	err = s.Faults.Remove(id)
	return s.faults(), err
}

func (s *Server) getCalls(r *http.Request, _ []byte) (any, error) {
	after, err := number(r, "after", 0)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", 1000)
	if err != nil {
		return nil, err
	}
	operation := r.URL.Query().Get("operation")
	return struct {
		Summary
		Calls []Call `json:"calls"`
	}{s.Calls.Summary(), s.Calls.List(operation, after, int(limit))}, isKnown("operation", operation, s.Faults.operations)
}

func (s *Server) getBook(r *http.Request, _ []byte) (any, error) {
	after, err := number(r, "after", 0)
	return map[string]any{"changes": s.Book.List(r.URL.Query().Get("user"), after)}, err
}

func (s *Server) orderClock(order struct {
	Advance Duration `json:"advance"`
},
) (any, error) {
	err := s.Clock.Advance(order.Advance.D())
	s.settle()
	return s.clock(), err
}

func (s *Server) clock() any {
	return map[string]string{"now": Stamp(s.Clock.Now()), "offset": s.Clock.Offset().String()}
}

func (s *Server) revokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Model.tokens.revoke()
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
