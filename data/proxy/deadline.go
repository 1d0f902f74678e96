package proxy

import (
	"time"

	"gibbon/data/http1"
)

// The fields that tell how much time there is for a request, for any protocol and
// for gRPC.
const (
	deadlineField = "X-Request-Deadline"
	grpcField     = "grpc-timeout"
)

// setDeadline works out until when the request is to be answered: what the policy says, or what the
// client does if that is earlier and the policy trusts it.
func (x *exchange) setDeadline() {
	x.deadline, x.bounded = 0, false
	p := x.policy
	if p == nil {
		return
	}
	x.deadline, x.bounded = p.Deadline, p.Deadline > 0
	if !p.Trusts {
		return
	}
	for _, told := range []struct {
		name  string
		parse func([]byte) (time.Duration, bool)
	}{{deadlineField, parseDeadline}, {grpcField, parseGRPCTimeout}} {
		if d, ok := told.parse(x.request.Fields.Lookup(told.name)); ok && (!x.bounded || d < x.deadline) {
			x.deadline, x.bounded = d, true
		}
	}
}

// late reports whether the deadline will have passed after d.
func (x *exchange) late(d time.Duration) bool {
	return x.bounded && x.proxy.now()-x.started+d >= x.deadline
}

// overdue answers a request that has no time left for a try.
func (x *exchange) overdue() bool {
	if !x.late(0) {
		return false
	}
	x.fail(504, statusMessage(504), ReasonDeadline, raisedByLogic)
	return true
}

// left returns how much time there is until the deadline, in whole milliseconds.
func (x *exchange) left() int64 {
	return max((x.deadline - (x.proxy.now() - x.started)).Milliseconds(), 0)
}

// appendDeadline appends how much time the target has until its answer is of no use.
func (x *exchange) appendDeadline(out []byte) []byte {
	if !x.bounded {
		return out
	}
	left := x.left()
	out = append(out, deadlineField+": "...)
	out = http1.AppendInt(out, left)
	out = append(out, "\r\n"...)
	value := x.request.Fields.Lookup(grpcField)
	if value == nil {
		return out
	}
	if d, ok := parseGRPCTimeout(value); ok { // nobody waits for longer, whether the policy trusts the client or not
		left = min(left, max((d-(x.proxy.now()-x.started)).Milliseconds(), 0))
	}
	return appendGRPCTimeout(append(out, grpcField+": "...), left)
}

// appendGRPCTimeout appends milliseconds, or seconds where those do not fit into eight digits.
func appendGRPCTimeout(out []byte, left int64) []byte {
	unit := "m\r\n"
	if left > 99_999_999 {
		left, unit = left/1000, "S\r\n"
	}
	return append(http1.AppendInt(out, left), unit...)
}

// isDeadline reports whether a client's field is one that the gateway writes anew.
func (x *exchange) isDeadline(name []byte) bool {
	return x.bounded && (len(name) == len(deadlineField) && http1.EqualFold(name, deadlineField) ||
		len(name) == len(grpcField) && http1.EqualFold(name, grpcField))
}

// parseDeadline reads the value of X-Request-Deadline: the milliseconds that are left, in one to ten
// decimal digits and nothing else.
func parseDeadline(value []byte) (time.Duration, bool) {
	n, ok := parseDigits(value, 10)
	return time.Duration(n) * time.Millisecond, ok
}

// grpcUnits are those of grpc-timeout, as gRPC over HTTP/2 has them.
var grpcUnits = [256]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second,
	'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// parseGRPCTimeout reads one to eight decimal digits and a unit. More than a Duration holds is 292 years.
func parseGRPCTimeout(value []byte) (time.Duration, bool) {
	last := len(value) - 1
	if last < 1 || grpcUnits[value[last]] == 0 {
		return 0, false
	}
	n, ok := parseDigits(value[:last], 8)
	if !ok {
		return 0, false
	}
	const longest = time.Duration(1<<63 - 1)
	unit := grpcUnits[value[last]]
	if n > int64(longest/unit) {
		return longest, true
	}
	return time.Duration(n) * unit, true
}

// parseDigits reads a number of one digit to as many as most.
func parseDigits(text []byte, most int) (n int64, ok bool) {
	if len(text) == 0 || len(text) > most {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
