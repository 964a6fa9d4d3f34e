package simulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/time/rate"
)

// Kinds of fault.
const (
	// KindLatency waits for Delay and then goes on as usual. With AfterEffect it
	// waits between the effect and the answer.
	KindLatency = "latency"
	// KindStatus answers Status with Body (the provider's own shape of an error if none).
	KindStatus = "status"
	// KindDrop closes the connection without an answer, before the effect or after it.
	KindDrop = "drop"
	// KindHalf breaks the true answer off after Bytes (default half of it), under the
	// Content-Length of the whole, or in chunks if Chunked.
	KindHalf = "half"
	// KindSlow sends the true answer byte by byte with Delay between them.
	KindSlow = "slow"
	// KindEndless sends JSON without end; it stops at Bytes (default 64 MiB) or when the client leaves.
	KindEndless = "endless"
	// KindGzipBomb sends few gzip bytes that unpack to Bytes (default 256 MiB).
	KindGzipBomb = "gzipBomb"
	// KindDeepJSON sends JSON nested Depth deep (default 100,000).
	KindDeepJSON = "deepJSON"
	// KindHTML sends a web page with Status (default 200).
	KindHTML = "html"
	// KindEmpty sends Status (default 200) and no body.
	KindEmpty = "empty"
	// KindRedirect sends Status (default 302) to Location.
	KindRedirect = "redirect"
	// KindStale lets the write pass; after it, reads of that user answer its state
	// from before the write, for Reads read calls or for the duration For.
	KindStale = "stale"
	// KindRateLimit answers 429 to what goes beyond PerSecond (with Burst, default
	// PerSecond rounded up); Times and Applied count the throttled answers.
	KindRateLimit = "rateLimit"
	// KindChange first does Change.Action to Change.User, and Hook, then goes on as usual.
	KindChange = "change"
)

var kinds = []string{
	KindLatency, KindStatus, KindDrop, KindHalf, KindSlow, KindEndless, KindGzipBomb, KindDeepJSON,
	KindHTML, KindEmpty, KindRedirect, KindStale, KindRateLimit, KindChange,
}

// Fault is an order to misbehave. Every condition that is set must hold. A call
// walks the faults in the order in which they were ordered: latency, stale and
// change add up, and the first fault of another kind answers and ends the walk.
type Fault struct {
	ID int `json:"id"` // given by the simulator

	Operation  string `json:"operation,omitempty"`  // as in the calls log: "lookup", "unlock", …
	Method     string `json:"method,omitempty"`     // GET, POST, …
	PathPrefix string `json:"pathPrefix,omitempty"` // of the path without its query
	Path       string `json:"path,omitempty"`       // a regular expression, anywhere in the path
	Skip       int    `json:"skip,omitempty"`       // lets the first n matching calls pass
	Times      int    `json:"times,omitempty"`      // then acts on n calls; 0: until it is cleared

	Kind string `json:"kind"`
	// AfterEffect lets the call take its effect before the fault answers.
	AfterEffect bool     `json:"afterEffect,omitempty"`
	Delay       Duration `json:"delay,omitempty"` // before anything else, with any kind; real time

	Status  int               `json:"status,omitempty"`
	Body    *string           `json:"body,omitempty"`
	Headers map[string]string `json:"headers,omitempty"` // win over those of the answer
	// RetryAfter becomes the header of that name, in seconds rounded up, or with
	// RetryAfterDate as a date by the simulator's clock.
	RetryAfter     Duration `json:"retryAfter,omitempty"`
	RetryAfterDate bool     `json:"retryAfterDate,omitempty"`
	Location       string   `json:"location,omitempty"`
	Chunked        bool     `json:"chunked,omitempty"`
	Bytes          int64    `json:"bytes,omitempty"`
	Depth          int      `json:"depth,omitempty"`

	Reads int      `json:"reads,omitempty"`
	For   Duration `json:"for,omitempty"` // by the simulator's clock

	PerSecond float64 `json:"perSecond,omitempty"`
	Burst     int     `json:"burst,omitempty"`

	Change *StateChange `json:"change,omitempty"`
	// Hook is for tests in Go: it is called with the request before it is served.
	Hook func(*http.Request) `json:"-"`

	Matched int `json:"matched"` // calls that met the conditions, the skipped ones too
	Applied int `json:"applied"` // calls that it acted on
}

// StateChange is something done to a user at a given moment: any action of the
// control surface's users.
type StateChange struct {
	User   string          `json:"user"` // id, username or email
	Action string          `json:"action"`
	Args   json.RawMessage `json:"args,omitempty"` // the action's own body
}

// order is a fault with what it needs to run.
type order struct {
	Fault
	path    *regexp.Regexp
	limiter *rate.Limiter
}

func newOrder(fault Fault, operations, actions []string) (*order, error) {
	fault.Matched, fault.Applied = 0, 0
	o := &order{Fault: fault}
	if err := o.checkConditions(operations); err != nil {
		return nil, err
	}
	if change := o.Change; change != nil && !slices.Contains(actions, change.Action) {
		return nil, Bad("there is no action %q: known are %s", change.Action, strings.Join(actions, ", "))
	}
	return o, o.checkKind()
}

func (o *order) checkConditions(operations []string) error {
	if o.Operation != "" && !slices.Contains(operations, o.Operation) {
		return Bad("there is no operation %q: known are %s", o.Operation, strings.Join(operations, ", "))
	}
	if o.Skip < 0 || o.Times < 0 {
		return Bad("skip and times cannot be below zero")
	}
	if o.Path == "" {
		return nil
	}
	path, err := regexp.Compile(o.Path)
	if err != nil {
		return Bad("path is not a regular expression: %s", err)
	}
	o.path = path
	return nil
}

func (o *order) checkKind() error {
	switch o.Kind {
	case KindLatency:
		return need(o.Delay > 0, "a fault of kind latency needs a delay such as \"2s\"")
	case KindStatus:
		return need(o.Status >= 200 && o.Status <= 599, "a fault of kind status needs a status from 200 to 599")
	case KindRedirect:
		return need(o.Location != "", "a fault of kind redirect needs a location")
	case KindStale:
		return need(o.Reads > 0 || o.For > 0, "a fault of kind stale needs reads or for")
	case KindChange:
		return need(o.Hook != nil || o.Change != nil && o.Change.User != "",
			"a fault of kind change needs a change with user and action")
	case KindRateLimit:
		return o.checkRate()
	}
	if !slices.Contains(kinds, o.Kind) {
		return Bad("there is no kind of fault %q: known are %s", o.Kind, strings.Join(kinds, ", "))
	}
	return need(o.Status == 0 || o.Status >= 200 && o.Status <= 599, "status must be from 200 to 599")
}

func (o *order) checkRate() error {
	if o.PerSecond <= 0 {
		return Bad("a fault of kind rateLimit needs perSecond above zero")
	}
	if o.Burst <= 0 {
		o.Burst = max(1, int(o.PerSecond+0.999))
	}
	o.limiter = rate.NewLimiter(rate.Limit(o.PerSecond), o.Burst)
	return nil
}

func need(holds bool, sentence string) error {
	if holds {
		return nil
	}
	return Bad("%s", sentence)
}

func (o *order) meets(operation string, r *http.Request) bool {
	return (o.Operation == "" || o.Operation == operation) &&
		(o.Method == "" || strings.EqualFold(o.Method, r.Method)) &&
		strings.HasPrefix(r.URL.EscapedPath(), o.PathPrefix) &&
		(o.path == nil || o.path.MatchString(r.URL.EscapedPath()))
}

// passesOn tells whether the call goes on to the next fault after this one.
func (o *order) passesOn() bool {
	return o.Kind == KindLatency || o.Kind == KindStale || o.Kind == KindChange
}
