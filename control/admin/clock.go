package admin

import (
	"sync"
	"time"
)

// A clock gives each caller another millisecond.
type clock struct {
	now func() time.Time

	mu   sync.Mutex // guards last
	last time.Time
}

// next is now, or later when that was given already.
func (c *clock) next() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.now().Truncate(time.Millisecond)
	if !t.After(c.last) {
		t = c.last.Add(time.Millisecond)
	}
	c.last = t
	return t
}
