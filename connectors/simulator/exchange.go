package simulator

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// exchange is one call on its way through the faults.
type exchange struct {
	server  *Server
	w       http.ResponseWriter
	r       *http.Request
	body    []byte
	call    Call
	started time.Time
	logged  bool
}

// answer is a whole answer before it is sent.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func newAnswer() *answer { return &answer{header: http.Header{}} }

// Header, Write and WriteHeader make an answer an http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
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
		last = fault
	}
	if last != nil && last.isPreparation() {
		last = nil
	}
	e.answer(last, late)
}

func (f *Fault) isPreparation() bool {
	return f.Kind == KindLatency || f.Kind == KindStale || f.Kind == KindChange
}

// prepare does what a fault does before the call is served.
func (e *exchange) prepare(fault *Fault) {
	switch fault.Kind {
	case KindStale:
		e.r = withStale(e.r, &staleOrder{reads: fault.Reads, lasts: fault.For.D()})
	case KindChange:
		if fault.Hook != nil {
			fault.Hook(e.r)
		}
		if fault.Change != nil {
			// A user that is not there (any more) cannot be changed; the call goes on.
			_, _ = e.server.tenant.act(fault.Change.User, fault.Change.Action, fault.Change.Args)
		}
	}
}

func (e *exchange) answer(fault *Fault, late Duration) {
	if fault == nil {
		truth := e.serve()
		if !e.wait(late) {
			e.abort()
		}
		e.send(truth)
		return
	}
	if fault.AfterEffect && fault.Kind != KindHalf && fault.Kind != KindSlow {
		e.serve()
	}
	if !e.wait(late) {
		e.abort()
	}
	e.spoil(fault)
}

// serve lets the tenant answer into memory.
func (e *exchange) serve() *answer {
	a := newAnswer()
	e.server.tenant.decorate(a.header)
	e.server.tenant.serve(a, e.r, e.body)
	a.WriteHeader(http.StatusOK)
	return a
}

// send logs the call and sends a whole answer.
func (e *exchange) send(a *answer) {
	e.begin(a, true)
	if e.r.Method != http.MethodHead {
		_, _ = e.w.Write(a.body.Bytes())
	}
}

// begin logs the call and sends status and headers, with a Content-Length if sized.
func (e *exchange) begin(a *answer, sized bool) {
	for name, values := range a.header {
		e.w.Header()[name] = values
	}
	if sized && a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		e.w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
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
