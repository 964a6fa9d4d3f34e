package simulator

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Faults are the orders in force.
type Faults struct {
	mu         sync.Mutex
	last       int
	orders     []*order
	operations []string
	actions    []string
}

func newFaults(operations, actions []string) *Faults {
	return &Faults{operations: operations, actions: actions}
}

// Add orders a fault and returns its id.
func (f *Faults) Add(fault Fault) (int, error) {
	o, err := newOrder(fault, f.operations, f.actions)
	if err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	o.ID = f.last
	f.orders = append(f.orders, o)
	return o.ID, nil
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
	out := make([]Fault, 0, len(f.orders))
	for _, o := range f.orders {
		out = append(out, o.Fault)
	}
	return out
}

// Remove withdraws one fault.
func (f *Faults) Remove(id int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.IndexFunc(f.orders, func(o *order) bool { return o.ID == id })
	if at < 0 {
		return Missing("there is no fault %d", id)
	}
	f.orders = slices.Delete(f.orders, at, at+1)
	return nil
}

// Clear withdraws all faults.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = nil
}

// match walks the faults for one call and returns those that act on it, in order.
func (f *Faults) match(operation string, r *http.Request, now time.Time) []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var acting []Fault
	for _, o := range f.orders {
		if !o.meets(operation, r) || !o.takes(now) {
			continue
		}
		o.Applied++
		acting = append(acting, o.Fault)
		if !o.passesOn() {
			break
		}
	}
	return acting
}

// takes counts the call and tells whether the fault acts on it.
func (o *order) takes(now time.Time) bool {
	o.Matched++
	if o.Matched <= o.Skip || (o.Times > 0 && o.Applied >= o.Times) {
		return false
	}
	return o.limiter == nil || !o.limiter.AllowN(now, 1)
}
