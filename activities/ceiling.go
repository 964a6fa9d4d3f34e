package activities

import (
	"context"
	"sync"
	"time"
)

// ceilingWindow is what "an hour" means.
const ceilingWindow = time.Hour

// Ceiling bounds the unlocks of one connection within an hour. It counts those of this
// process exactly, and those of all workers through Counted, which lags by seconds: the
// larger of the two decides. A nil Ceiling, or a Limit of 0, admits all.
type Ceiling struct {
	Limit int
	// Counted returns the unlocks of the last hour over all workers; nil when the
	// namespace cannot say.
	Counted func(ctx context.Context, since time.Time) (int, error)

	mutex  sync.Mutex
	recent map[string]time.Time
}

// Admit reports whether one more unlock is allowed now, and counts it. A further
// attempt of a run that was counted already is admitted without being counted again; a
// further run counts, also for the same account.
func (c *Ceiling) Admit(ctx context.Context, run string) (bool, error) {
	if c == nil || c.Limit == 0 {
		return true, nil
	}
	now := time.Now()
	since := now.Add(-ceilingWindow)
	counted := 0
	if c.Counted != nil {
		var err error
		if counted, err = c.Counted(ctx, since); err != nil {
			return false, err
		}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for id, at := range c.recent {
		if at.Before(since) {
			delete(c.recent, id)
		}
	}
	if _, again := c.recent[run]; again {
		return true, nil
	}
	if max(counted, len(c.recent)) >= c.Limit {
		return false, nil
	}
	if c.recent == nil {
		c.recent = map[string]time.Time{}
	}
	c.recent[run] = now
	return true, nil
}
