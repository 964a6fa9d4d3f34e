package simulator

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// maxCalls bounds the log; the counts go on for ever.
const maxCalls = 100_000

// Call is one request to the provider's API as the log keeps it. It holds no
// header and no body, so no credential ever stands in it.
type Call struct {
	Seq       int64     `json:"seq"`
	Time      time.Time `json:"time"` // the simulator's clock at arrival
	Method    string    `json:"method"`
	Path      string    `json:"path"` // with its query, credentials in it blotted out
	Operation string    `json:"operation"`
	// Status is the HTTP status sent, 0 where the connection was dropped or the
	// client left before one.
	Status int `json:"status"`
	// DurationMS is how long the answer took to be ready, in real milliseconds.
	DurationMS float64 `json:"durationMs"`
	// Cut says that the answer was broken off on purpose.
	Cut bool `json:"cut,omitzero"`
	// Throttled says that a rate limit that was ordered answered.
	Throttled bool `json:"throttled,omitzero"`
	// Faults are the ids of the faults that played a part.
	Faults []int `json:"faults,omitzero"`
}

// Summary counts the calls since the last clearing, exactly, however many there were.
type Summary struct {
	Total     int64                    `json:"total"`
	Counts    map[string]int64         `json:"counts"`   // by operation, at arrival
	Statuses  map[string]map[int]int64 `json:"statuses"` // by operation and status, when answered
	Throttled int64                    `json:"throttled"`
	InFlight  int64                    `json:"inFlight"`
	// MostInFlight is the largest number of calls that were under way at once.
	MostInFlight int64 `json:"mostInFlight"`
}

// Calls is the log of the requests to the provider's API; control calls are not in it.
type Calls struct {
	mu      sync.Mutex
	seq     int64
	calls   []Call
	summary Summary
}

// NewCalls returns an empty log.
func NewCalls() *Calls {
	calls := &Calls{}
	calls.Clear()
	return calls
}

// Clear forgets all calls and counts; those under way stay under way.
func (c *Calls) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = nil
	c.summary = Summary{
		Counts: map[string]int64{}, Statuses: map[string]map[int]int64{},
		InFlight: c.summary.InFlight, MostInFlight: c.summary.InFlight,
	}
}

// Count returns how often an operation was called; "" counts all.
func (c *Calls) Count(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if operation == "" {
		return int(c.summary.Total)
	}
	return int(c.summary.Counts[operation])
}

// Summary returns a copy of the counts.
func (c *Calls) Summary() Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.summary
	out.Counts, out.Statuses = maps.Clone(c.summary.Counts), map[string]map[int]int64{}
	for operation, statuses := range c.summary.Statuses {
		out.Statuses[operation] = maps.Clone(statuses)
	}
	return out
}

// List returns the calls after a sequence number, oldest first, of one
// operation or, for "", of all; at most limit of them, 0 for no limit. The log
// keeps the last 100,000.
func (c *Calls) List(operation string, after int64, limit int) []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []Call{}
	for _, call := range c.calls[max(0, len(c.calls)-maxCalls):] {
		if call.Seq <= after || (operation != "" && call.Operation != operation) {
			continue
		}
		if out = append(out, call); limit > 0 && len(out) == limit {
			break
		}
	}
	return out
}

// All returns every call that the log still keeps, oldest first.
func (c *Calls) All() []Call { return c.List("", 0, 0) }

func (c *Calls) arrive(operation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.summary.Total++
	c.summary.Counts[operation]++
	c.summary.InFlight++
	c.summary.MostInFlight = max(c.summary.MostInFlight, c.summary.InFlight)
}

// finish is called before the answer leaves, so that whoever has the answer
// finds its call in the log.
func (c *Calls) finish(call Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.summary.InFlight--
	c.seq++
	call.Seq = c.seq
	if c.summary.Statuses[call.Operation] == nil {
		c.summary.Statuses[call.Operation] = map[int]int64{}
	}
	c.summary.Statuses[call.Operation][call.Status]++
	if call.Throttled {
		c.summary.Throttled++
	}
	if c.calls = append(c.calls, call); len(c.calls) >= 2*maxCalls {
		c.calls = slices.Clone(c.calls[maxCalls:])
	}
}

// secretParameters are query parameters by which a careless client would send a credential.
var secretParameters = []string{"access_token", "api_key", "apikey", "client_secret", "password", "token", "x-api-key"}

// loggedPath is the path and query of a request, credentials blotted out.
func loggedPath(r *http.Request) string {
	path := r.URL.EscapedPath()
	if r.URL.RawQuery == "" {
		return path
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return path + "?(malformed)"
	}
	for _, name := range secretParameters {
		if query.Has(name) {
			query.Set(name, "REDACTED")
		}
	}
	return path + "?" + query.Encode()
}
