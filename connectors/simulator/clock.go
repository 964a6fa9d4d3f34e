package simulator

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Clock is a simulator's idea of now: a base clock and an offset that only
// grows. Locks, tokens, failure windows and rate limits all run by it, so a
// test makes an hour pass without waiting for one.
type Clock struct {
	mu     sync.Mutex
	base   func() time.Time
	offset time.Duration
}

// NewClock returns a clock over base; nil stands for the machine's clock.
func NewClock(base func() time.Time) *Clock {
	if base == nil {
		base = time.Now
	}
	return &Clock{base: base}
}

// Now returns the simulated time in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.offset).UTC().Round(0)
}

// Advance moves the clock forward. It refuses to go back, because no provider's
// time does.
func (c *Clock) Advance(by time.Duration) error {
	if by < 0 {
		return Bad("the clock only goes forward, not by %s", by)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += by
	return nil
}

// Offset returns how far the clock is ahead of its base.
func (c *Clock) Offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// Reset takes the offset away again.
func (c *Clock) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = 0
}

// Duration is a time.Duration that reads and writes as "1m30s" in JSON.
type Duration time.Duration

// D returns d as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String writes d as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes d as a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a string such as "90s"; numbers are refused, because
// they carry no unit, and negative durations too.
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("a duration is a string such as \"90s\", not %s", raw)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed < 0 {
		return fmt.Errorf("a duration is a string such as \"90s\", not %q", text)
	}
	*d = Duration(parsed)
	return nil
}

// Stamp formats t as both providers do: RFC 3339 in UTC with milliseconds.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
