package balancer

// An address on trial gets one attempt, whatever is still in flight from before.
const (
	trialFree  = -1 // a limit: the attempt may be made
	trialTaken = -2 // it is being made
)

// setTrial is called under the balancer's verdict.
func (a *Address) setTrial(trial bool) {
	limit := a.cell.limit.Load()
	switch {
	case trial && limit >= 0:
		a.cell.limit.Store(trialFree)
	case !trial && limit < 0:
		a.cell.limit.Store(a.limit.Load())
	}
}

// take counts an attempt in flight unless that would exceed the limit. The count
// never goes above it, not even for a moment: that is why a limit costs a loop.
func (c *cell) take() bool {
	limit := c.limit.Load()
	if limit == 0 {
		c.load.Add(1)
		return true
	}
	if limit < 0 {
		if !c.limit.CompareAndSwap(trialFree, trialTaken) {
			return false
		}
		c.load.Add(1)
		return true
	}
	for {
		load := c.load.Load()
		if inFlight(load) >= limit {
			return false
		}
		if c.load.CompareAndSwap(load, load+1) {
			return true
		}
	}
}

// full reports whether load has reached the limit.
func (c *cell) full(load int64) bool {
	limit := c.limit.Load()
	return limit == trialTaken || limit > 0 && inFlight(load) >= limit
}

// inFlight returns the attempts in flight that a load stands for.
func inFlight(load int64) int64 {
	if load >= loadDown/2 {
		load -= loadDown
	}
	return load
}
