package telemetry

import "sync/atomic"

// codeCounts counts events by a small number, such as a status. It is a list of fixed pieces
// that grows at its end: whatever was counted before is counted without allocation.
type codeCounts struct {
	slots [8]codeSlot
	next  atomic.Pointer[codeCounts]
}

type codeSlot struct {
	key atomic.Uint32 // code + 1; 0 is free
	n   atomic.Int64
}

func (c *codeCounts) add(code uint32) {
	key := code + 1
	for {
		for i := range c.slots {
			s := &c.slots[i]
			k := s.key.Load()
			if k == 0 {
				if s.key.CompareAndSwap(0, key) {
					k = key
				} else {
					k = s.key.Load()
				}
			}
			if k == key {
				s.n.Add(1)
				return
			}
		}
		if c.next.Load() == nil {
			c.next.CompareAndSwap(nil, new(codeCounts))
		}
		c = c.next.Load()
	}
}

// addTo adds the counts to sum, by code.
func (c *codeCounts) addTo(sum map[uint32]int64) {
	for ; c != nil; c = c.next.Load() {
		for i := range c.slots {
			if key := c.slots[i].key.Load(); key != 0 {
				sum[key-1] += c.slots[i].n.Load()
			}
		}
	}
}
