// Package retry decides which tries at targets are followed by another. A
// [Policy] is compiled from a service's or route's retry_policy; a [Budget]
// bounds how much further tries add to the load of an upstream.
package retry

import (
	"math/rand/v2"
	"slices"
	"time"

	"gibbon/entity"
	"gibbon/telemetry"
)

// A Policy is a retry_policy, compiled. It never changes, but for what its Hedge has observed.
type Policy struct {
	Attempts   int           // tries at most; 0: as the service's retries say
	TryTimeout time.Duration // until the head of an answer; 0: none
	Deadline   time.Duration // of all tries; 0: none
	Trusts     bool          // a client may set an earlier deadline
	Hedge      *Hedge        // nil: there are no second copies

	errors   uint32   // a bit for each telemetry.FailureKind
	statuses []uint64 // a bit for each from 400
	methods  []string // nil: all but those that the reference does not repeat
	base     time.Duration
	max      time.Duration
	percent  uint64
	floor    uint64
}

// kinds are the failures by their names in a policy.
var kinds = []telemetry.FailureKind{
	telemetry.FailureConnect, telemetry.FailureConnectTimeout, telemetry.FailureTLS, telemetry.FailureSend,
	telemetry.FailureSendTimeout, telemetry.FailureRead, telemetry.FailureReadTimeout, telemetry.FailureInvalid,
}

// Compile returns the policy of an entity, nil for nil.
func Compile(e *entity.RetryPolicy) *Policy {
	if e == nil {
		return nil
	}
	p := &Policy{
		methods: e.Methods, percent: uint64(e.Budget.Percent), floor: uint64(e.Budget.MinPerSecond),
		TryTimeout: milliseconds(e.TryTimeout), Deadline: milliseconds(e.Deadline), Trusts: e.TrustDeadline,
		Hedge: compileHedge(e.Hedge),
	}
	if e.Attempts != nil {
		p.Attempts = *e.Attempts
	}
	for _, k := range kinds {
		if e.Errors == nil && k != telemetry.FailureInvalid || slices.Contains(e.Errors, k.String()) {
			p.errors |= 1 << k
		}
	}
	if len(e.Statuses) > 0 {
		p.statuses = make([]uint64, 4)
		for _, status := range e.Statuses {
			if i := status - 400; i >= 0 && i < 200 {
				p.statuses[i/64] |= 1 << (i % 64)
			}
		}
	}
	if e.Backoff != nil {
		p.base, p.max = time.Duration(e.Backoff.Base)*time.Millisecond, time.Duration(e.Backoff.Max)*time.Millisecond
	}
	return p
}

func milliseconds(ms *int64) time.Duration {
	if ms == nil {
		return 0
	}
	return time.Duration(*ms) * time.Millisecond
}

// OnError reports whether a failure of this kind is followed by another try.
func (p *Policy) OnError(k telemetry.FailureKind) bool { return p.errors&(1<<k) != 0 }

// OnStatus reports whether an answer with this status is followed by another try.
func (p *Policy) OnStatus(status int) bool {
	i := status - 400
	return p.statuses != nil && i >= 0 && i < 200 && p.statuses[i/64]&(1<<(i%64)) != 0
}

// Repeats reports whether a request of this method may be sent again after the
// target may have begun to act on it. usual is what the reference says of the method.
func (p *Policy) Repeats(method []byte, usual bool) bool {
	if p.methods == nil {
		return usual
	}
	return slices.Contains(p.methods, string(method))
}

// Wait returns how long to wait before try number n, which is 1 for the second
// one: a random time, so that the clients of a target that failed do not come
// back all at once.
func (p *Policy) Wait(n int) time.Duration {
	if p.base == 0 {
		return 0
	}
	ceiling := p.max
	if shift := n - 1; shift < 16 && p.base<<shift < ceiling {
		ceiling = p.base << shift
	}
	return rand.N(ceiling + 1) //nolint:gosec // it spreads, it does not protect
}
