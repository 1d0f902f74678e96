package resolver

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// A Record is one place that a name stands for.
type Record struct {
	IP       netip.Addr // of A and AAAA; of SRV only when the target is an address
	Target   string     // SRV: the name whose addresses to take; without trailing dot
	Port     uint16     // SRV only
	Weight   uint16     // SRV only
	Priority uint16     // SRV only
}

// An Answer is what is known of a name. It does not change, except for the turn
// that [Answer.Next] takes.
type Answer struct {
	Name    string
	Type    string   // "A", "AAAA" or "SRV"
	Records []Record // in the order received; SRV of all priorities
	TTL     time.Duration
	Expires time.Time
	Err     error // an *Error: the lookup failed, and Records is empty

	wheel []uint16 // indexes of records in the order of Next; nil: one after the other
	turn  atomic.Uint32
}

// forever is how long what does not come from DNS is valid.
const forever = 10 * 365 * 24 * time.Hour

func newAnswer(name string, kind recordType, records []Record, ttl time.Duration) *Answer {
	a := &Answer{Name: name, Type: kind.String(), Records: records, TTL: ttl, Expires: time.Now().Add(ttl)}
	if kind == typeSRV {
		a.wheel = newWheel(records)
	}
	return a
}

// Next returns the records in turn: addresses in the order of the answer; of SRV
// records those of the best priority, each as often as its weight says, the
// first one first. Any number of goroutines may call it. It returns nil when
// there are no records.
func (a *Answer) Next() *Record {
	n := uint32(len(a.Records))
	if a.wheel != nil {
		n = uint32(len(a.wheel))
	}
	if n == 0 {
		return nil
	}
	i := (a.turn.Add(1) - 1) % n
	if a.wheel != nil {
		i = uint32(a.wheel[i])
	}
	return &a.Records[i]
}

// give returns what Lookup returns.
func (a *Answer) give() (*Answer, error) {
	if a.Err != nil {
		return nil, a.Err
	}
	return a, nil
}

// servable reports whether an answer may be given at a time: failures until
// they expire, records for some time more.
func (a *Answer) servable(now time.Time, stale time.Duration) bool {
	until := a.Expires
	if a.Err == nil && stale > 0 {
		until = until.Add(stale)
	}
	return now.Before(until)
}

// maxWheel bounds the length of a wheel. Weights that need more are rounded.
const maxWheel = 4096

// newWheel lays out a round in which each record of the lowest priority comes as
// often as its weight, divided by what all weights can be divided by, says.
// Weight 0 counts as 1.
func newWheel(records []Record) []uint16 {
	var of []uint16 // indexes of the records that take part
	for i := range records {
		if i == maxWheel {
			break
		}
		if len(of) > 0 && records[i].Priority > records[of[0]].Priority {
			continue
		}
		if len(of) > 0 && records[i].Priority < records[of[0]].Priority {
			of = of[:0]
		}
		of = append(of, uint16(i))
	}
	weights, divisor, total := make([]int, len(of)), 0, 0
	for i, at := range of {
		weights[i] = max(int(records[at].Weight), 1)
		divisor = gcd(weights[i], divisor)
	}
	for i := range weights {
		weights[i] /= divisor
		total += weights[i]
	}
	if total > maxWheel {
		scaled := 0
		for i := range weights {
			weights[i] = max(weights[i]*(maxWheel-len(weights))/total, 1)
			scaled += weights[i]
		}
		total = scaled
	}
	wheel := make([]uint16, 0, total)
	for len(wheel) < total {
		for i := range weights {
			if weights[i] > 0 {
				weights[i]--
				wheel = append(wheel, of[i])
			}
		}
	}
	return wheel
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
