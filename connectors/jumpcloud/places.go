package jumpcloud

import (
	"slices"
	"sync"
)

// maxPlaces bounds what is kept of the pages handed out: a walk asks for the page after
// the last, and few walks go on at once.
const maxPlaces = 64

// places remembers at which skip count the last account of a page stood, so that the
// next page is not looked for from the beginning. They are hints: the set may have
// changed since, and another worker may have handed out the page before.
type places struct {
	mu    sync.Mutex
	known []place // oldest first
}

type place struct {
	id   string
	skip int
}

// remember keeps where an account stood.
func (p *places) remember(id string, skip int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = slices.DeleteFunc(p.known, func(known place) bool { return known.id == id })
	if len(p.known) == maxPlaces {
		p.known = slices.Delete(p.known, 0, 1)
	}
	p.known = append(p.known, place{id: id, skip: skip})
}

// of returns where the account stood, or else the nearest known one before it; 0 when
// none is known.
func (p *places) of(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	nearest := place{}
	for _, known := range p.known {
		if known.id <= id && known.id > nearest.id {
			nearest = known
		}
	}
	return nearest.skip
}

// left moves up what stands behind an account that was unlocked, and so leaves the set.
// Were it not in the set, the next page would be looked for a row too early, which costs
// nothing.
func (p *places) left(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.known {
		if p.known[i].id >= id {
			p.known[i].skip = max(p.known[i].skip-1, 0)
		}
	}
}
