package simulator

import (
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
	// Named tells operations apart that share a pattern, those that Also names too; nil
	// where none do. It is called without the tenant's lock.
	Named func(r *Request) string
	Also  []string
	// Parameters are those of the query that the call knows; one that ends in "["
	// stands for all that begin so. Any other is refused, because a call that
	// ignores what it was asked for answers about everybody.
	Parameters []string
	Open       bool // asks for no credentials
	Serve      func(r *Request) Reply
}

// Request is a call on its way to the vendor.
type Request struct {
	*http.Request
	Sent      []byte // the body
	Query     url.Values
	Operation string
	Access    string // what the caller may do, as the vendor's Authenticate found out
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

// unknown is the first parameter that the route does not know.
func (route *Route) unknown(query url.Values) string {
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.ContainsFunc(route.Parameters, func(known string) bool {
			return name == known || strings.HasSuffix(known, "[") && strings.HasPrefix(name, known)
		}) {
			return name
		}
	}
	return ""
}

// router finds routes by their patterns.
type router struct {
	mux    *http.ServeMux
	routes map[string]*Route
}

func newRouter(routes []Route) *router {
	r := &router{mux: http.NewServeMux(), routes: map[string]*Route{}}
	for i := range routes {
		r.routes[routes[i].Pattern] = &routes[i]
		// It writes nothing, so that whatever is written says that no route matched.
		r.mux.HandleFunc(routes[i].Pattern, func(http.ResponseWriter, *http.Request) {})
	}
	return r
}

// find returns the route of a request, which gets the values of its path; or nil
// and the status for one that leads nowhere.
func (r *router) find(request *http.Request) (*Route, int) {
	probe := newAnswer()
	r.mux.ServeHTTP(probe, request)
	switch probe.status {
	case 0:
		return r.routes[request.Pattern], 0
	case http.StatusMethodNotAllowed:
		return nil, probe.status
	default:
		// A path that is not clean is sent nowhere else.
		return nil, http.StatusNotFound
	}
}
