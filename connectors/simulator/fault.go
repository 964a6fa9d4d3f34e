package simulator

import (
	"cmp"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/time/rate"
)

// Kinds of fault. The table in README.md says what each does and takes.
const (
	KindLatency   = "latency"
	KindStatus    = "status"
	KindDrop      = "drop"
	KindHalf      = "half"
	KindSlow      = "slow"
	KindEndless   = "endless"
	KindGzipBomb  = "gzipBomb"
	KindDeepJSON  = "deepJSON"
	KindHTML      = "html"
	KindEmpty     = "empty"
	KindRedirect  = "redirect"
	KindStale     = "stale"
	KindRateLimit = "rateLimit"
	KindChange    = "change"
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

	Operation  string `json:"operation,omitzero"`  // as in the calls log: "lookup", "unlock", …
	Method     string `json:"method,omitzero"`     // GET, POST, …
	PathPrefix string `json:"pathPrefix,omitzero"` // of the path without its query
	Path       string `json:"path,omitzero"`       // a regular expression, anywhere in the path
	Skip       int    `json:"skip,omitzero"`       // lets the first n matching calls pass
	Times      int    `json:"times,omitzero"`      // then acts on n calls; 0: until it is cleared

	Kind string `json:"kind"`
	// AfterEffect lets the call take its effect before the fault answers.
	AfterEffect bool     `json:"afterEffect,omitzero"`
	Delay       Duration `json:"delay,omitzero"` // before anything else, with any kind; real time

	Status  int               `json:"status,omitzero"`
	Body    *string           `json:"body,omitzero"`
	Headers map[string]string `json:"headers,omitzero"` // win over those of the answer
	// RetryAfter becomes the header of that name, in seconds rounded up, or with
	// RetryAfterDate as a date by the simulator's clock.
	RetryAfter     Duration `json:"retryAfter,omitzero"`
	RetryAfterDate bool     `json:"retryAfterDate,omitzero"`
	Location       string   `json:"location,omitzero"`
	Chunked        bool     `json:"chunked,omitzero"`
	Bytes          int64    `json:"bytes,omitzero"`
	Depth          int      `json:"depth,omitzero"`

	Reads int      `json:"reads,omitzero"`
	For   Duration `json:"for,omitzero"` // by the simulator's clock

	PerSecond float64 `json:"perSecond,omitzero"`
	Burst     int     `json:"burst,omitzero"`

	Change *StateChange `json:"change,omitzero"`
	// Hook is for tests in Go: it is called with the request before it is served.
	Hook func(*http.Request) `json:"-"`

	Matched int `json:"matched"` // calls that met the conditions, the skipped ones too
	Applied int `json:"applied"` // calls that it acted on
}

// StateChange is something done to a user at a given moment: any action of the
// control surface's users.
type StateChange struct {
	User   string         `json:"user"` // id, username or email
	Action string         `json:"action"`
	Args   jsontext.Value `json:"args,omitzero"` // the action's own body
}

// passesOn reports whether the call goes on to the next fault after this one.
func (f *Fault) passesOn() bool {
	return f.Kind == KindLatency || f.Kind == KindStale || f.Kind == KindChange
}

// sendsTruth reports whether the fault sends the true answer, if only half of it or slowly.
func (f *Fault) sendsTruth() bool { return f.Kind == KindHalf || f.Kind == KindSlow }

func (f *Fault) check(operations, actions []string) error {
	isStatus := f.Status >= 200 && f.Status <= 599
	var change StateChange
	if f.Change != nil {
		change = *f.Change
	}
	lacks := map[string]struct {
		it   bool
		what string
	}{
		KindLatency:   {f.Delay <= 0, `a delay such as "2s"`},
		KindStatus:    {!isStatus, "a status from 200 to 599"},
		KindRedirect:  {f.Location == "", "a location"},
		KindStale:     {f.Reads <= 0 && f.For <= 0, "reads or for"},
		KindChange:    {f.Hook == nil && (change.User == "" || change.Action == ""), "a change with user and action"},
		KindRateLimit: {f.PerSecond <= 0, "perSecond above zero"},
	}[f.Kind]
	return cmp.Or(
		isKnown("operation", f.Operation, operations),
		isKnown("action", change.Action, actions),
		isKnown("kind of fault", cmp.Or(f.Kind, "(none)"), kinds),
		Need(f.Skip >= 0 && f.Times >= 0, "skip and times cannot be below zero"),
		Need(f.Status == 0 || isStatus, "status must be from 200 to 599"),
		Need(!lacks.it, "a fault of kind %s needs %s", f.Kind, lacks.what),
	)
}

// isKnown refuses a name that is none of the known; "" says nothing.
func isKnown(noun, name string, known []string) error {
	return Need(name == "" || slices.Contains(known, name), "there is no %s %q: known are %s", noun, name, strings.Join(known, ", "))
}

// standing is an ordered fault with what it needs to run.
type standing struct {
	Fault
	path    *regexp.Regexp
	limiter *rate.Limiter
}

// Faults are the orders in force.
type Faults struct {
	mu                  sync.Mutex
	last                int
	standing            []*standing
	operations, actions []string // that there are
}

// Add orders a fault and returns its id.
func (f *Faults) Add(fault Fault) (int, error) {
	if err := fault.check(f.operations, f.actions); err != nil {
		return 0, err
	}
	path, err := regexp.Compile(fault.Path)
	if err != nil {
		return 0, Bad("path is not a regular expression: %s", err)
	}
	each := &standing{Fault: fault, path: path}
	if fault.Kind == KindRateLimit {
		burst := cmp.Or(max(0, fault.Burst), int(math.Ceil(fault.PerSecond)))
		each.limiter = rate.NewLimiter(rate.Limit(fault.PerSecond), burst)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	each.ID, each.Matched, each.Applied = f.last, 0, 0
	f.standing = append(f.standing, each)
	return each.ID, nil
}

// MustAdd is Add for tests: a wrong order panics.
func (f *Faults) MustAdd(fault Fault) int {
	id, err := f.Add(fault)
	if err != nil {
		panic(err)
	}
	return id
}

// List returns the faults with their counts.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Fault, len(f.standing))
	for i, each := range f.standing {
		out[i] = each.Fault
	}
	return out
}

// Remove withdraws one fault.
func (f *Faults) Remove(id int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.standing)
	f.standing = slices.DeleteFunc(f.standing, func(each *standing) bool { return each.ID == id })
	if len(f.standing) == before {
		return Missing("there is no fault %d", id)
	}
	return nil
}

// Clear withdraws all faults.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.standing = nil
}

// match walks the faults for one call and returns those that act on it, in order.
func (f *Faults) match(operation string, r *http.Request, now time.Time) (acting []Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, each := range f.standing {
		if !each.meets(operation, r) || !each.takes(now) {
			continue
		}
		each.Applied++
		acting = append(acting, each.Fault)
		if !each.passesOn() {
			break
		}
	}
	return acting
}

func (s *standing) meets(operation string, r *http.Request) bool {
	return (s.Operation == "" || s.Operation == operation) &&
		(s.Method == "" || strings.EqualFold(s.Method, r.Method)) &&
		strings.HasPrefix(r.URL.EscapedPath(), s.PathPrefix) && s.path.MatchString(r.URL.EscapedPath())
}

// takes counts the call and reports whether the fault acts on it.
func (s *standing) takes(now time.Time) bool {
	s.Matched++
	if s.Matched <= s.Skip || (s.Times > 0 && s.Applied >= s.Times) {
		return false
	}
	return s.limiter == nil || !s.limiter.AllowN(now, 1)
}
