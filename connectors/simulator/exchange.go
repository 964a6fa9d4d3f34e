package simulator

import (
	"net/http"
	"strconv"
	"time"
)

// exchange is one call on its way through the faults.
type exchange struct {
	server  *Server
	w       http.ResponseWriter
	r       *Request
	route   *Route
	nowhere int // the status where there is no route
	call    Call
	started time.Time
	logged  bool
}

// answer is a whole answer before it is sent.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) set(headers map[string]string) {
	for name, value := range headers {
		a.header.Set(name, value)
	}
}

// run lets the faults act in order and answers.
func (e *exchange) run(faults []Fault) {
	var last *Fault   // the fault that answers, if one does
	var late Duration // what to wait between effect and answer
	for i := range faults {
		fault := &faults[i]
		e.call.Faults = append(e.call.Faults, fault.ID)
		if fault.Kind == KindLatency && fault.AfterEffect {
			late += fault.Delay
			continue
		}
		if fault.Kind != KindSlow && !e.wait(fault.Delay) {
			e.abort()
		}
		e.prepare(fault)
		if !fault.passesOn() {
			last = fault
		}
	}
	var truth *answer
	if last == nil || last.AfterEffect || last.sendsTruth() {
		truth = e.serve()
	}
	if !e.wait(late) {
		e.abort()
	}
	if last == nil {
		e.send(truth)
		return
	}
	e.spoil(last, truth)
}

// prepare does what a fault does before the call is served.
func (e *exchange) prepare(fault *Fault) {
	switch fault.Kind {
	case KindStale:
		e.r.stale = &staleOrder{reads: fault.Reads, lasts: fault.For.D()}
	case KindChange:
		if fault.Hook != nil {
			fault.Hook(e.r.Request)
		}
		if fault.Change != nil {
			// A user that is not there (any more) cannot be changed; the call goes on.
			_, _ = e.server.act(fault.Change.User, fault.Change.Action, fault.Change.Args)
		}
	}
}

// serve lets the tenant answer into memory.
func (e *exchange) serve() *answer {
	e.server.mu.Lock()
	defer e.server.mu.Unlock()
	e.server.Model.settle()
	return e.server.answered(e.r.Request, e.server.reply(e.route, e.r, e.nowhere))
}

// send logs the call and sends a whole answer.
func (e *exchange) send(a *answer) {
	e.begin(a, true)
	if e.r.Method != http.MethodHead {
		_, _ = e.w.Write(a.body)
	}
}

// begin logs the call and sends status and headers, with a Content-Length if sized.
func (e *exchange) begin(a *answer, sized bool) {
	for name, values := range a.header {
		e.w.Header()[name] = values
	}
	if sized && a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		e.w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	if a.header.Get("Content-Type") == "" {
		// Nothing is guessed from the body: an answer without a type stays one.
		e.w.Header()["Content-Type"] = nil
	}
	e.call.Status = a.status
	e.log()
	e.w.WriteHeader(a.status)
}

// log enters the call once.
func (e *exchange) log() {
	if e.logged {
		return
	}
	e.logged = true
	e.call.DurationMS = float64(time.Since(e.started).Microseconds()) / 1000
	e.server.Calls.finish(e.call)
}

// abort breaks the connection off.
func (e *exchange) abort() {
	e.call.Cut = true
	e.log()
	panic(http.ErrAbortHandler)
}

// wait lets real time pass; false says that the client left meanwhile.
func (e *exchange) wait(d Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d.D())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.r.Context().Done():
		return false
	}
}
