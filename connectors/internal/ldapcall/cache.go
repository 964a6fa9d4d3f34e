package ldapcall

import (
	"sync"
	"time"
)

// keptFor is how long what rarely changes is taken for unchanged: policies, and who is
// privileged.
const keptFor = time.Minute

// Cache keeps what was read for a minute. Its zero value is empty.
type Cache[T any] struct {
	mu   sync.Mutex
	kept map[string]keptValue[T]
}

type keptValue[T any] struct {
	value T
	until time.Time
}

// Get returns what is kept under the key, or what read reads; a failure is not kept.
func (c *Cache[T]) Get(key string, read func() (T, error)) (T, error) {
	c.mu.Lock()
	found, ok := c.kept[key]
	c.mu.Unlock()
	if ok && time.Now().Before(found.until) {
		return found.value, nil
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[string]keptValue[T]{}
	}
	c.kept[key] = keptValue[T]{value: value, until: time.Now().Add(keptFor)}
	return value, nil
}
