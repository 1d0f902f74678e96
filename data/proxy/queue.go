package proxy

import (
	"errors"
	"time"

	"gibbon/data/balancer"
)

// maxTurns is how often a request is told to wait for names and places before it is
// refused. One round is enough unless others take what it was woken up for.
const maxTurns = 8

// patience gets an address for a request that cannot have one at once, if waiting for
// something helps. err is why.
func (x *exchange) patience(err error) (*balancer.Address, error) {
	b := x.service.Balancer
	for range maxTurns {
		var a *balancer.Address
		switch {
		case errors.Is(err, balancer.ErrUnresolved):
			a, err = x.resolve()
		case errors.Is(err, balancer.ErrOverLimit) && b.Queues():
			a, err = b.Await(&x.attempt, x.sender(), x.deadline())
		default:
			return nil, err
		}
		if err == nil {
			return a, nil
		}
	}
	return nil, err
}

// sender is for whom the request waits: its consumer, else the client's address.
func (x *exchange) sender() string {
	if x.plan != nil && x.seen.Consumer != nil {
		return x.seen.Consumer.ID
	}
	return string(x.peer)
}

// deadline is when the answer is of no more use, as the retry policy or the client has
// it. The zero time is never.
func (x *exchange) deadline() (at time.Time) {
	if p := x.policy; p != nil && p.Deadline > 0 {
		at = time.Now().Add(x.started + p.Deadline - x.proxy.now())
	}
	if client, ok := parseDeadline(x.request.Fields.Lookup(deadlineField)); ok && (at.IsZero() || client.Before(at)) {
		at = client
	}
	return at
}

// parseDeadline reads the value of X-Request-Deadline: a time as RFC 3339 has it. What is
// anything else is not a deadline.
func parseDeadline(value []byte) (at time.Time, ok bool) {
	const longest = len("2006-01-02T15:04:05.123456789+00:00")
	if len(value) == 0 || len(value) > longest {
		return at, false
	}
	err := at.UnmarshalText(value)
	return at, err == nil && !at.IsZero()
}
