package proxy

import (
	"errors"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/http1"
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
			a, err = b.Await(&x.attempt, x.sender(), x.useless(), x.clientLeft)
		default:
			return nil, err
		}
		if err == nil {
			return a, nil
		}
	}
	return nil, err
}

// clientLeft reports whether the client has closed its connection, as far as that can be told. One that
// has only ended its sending looks the same, and counts as gone, too.
func (x *exchange) clientLeft() bool { return x.conn.Peer() != http1.PeerOpen }

// sender is for whom the request waits: its consumer, else the client's address.
func (x *exchange) sender() string {
	if x.plan != nil && x.seen.Consumer != nil {
		return x.seen.Consumer.ID
	}
	return string(x.peer)
}

// useless is when the answer is of no more use, as the retry policy or the client has
// it. The zero time is never.
func (x *exchange) useless() time.Time {
	most, bounded := x.deadline, x.bounded
	// A client that waits less than it might harms nobody else, whether the policy trusts it or not.
	if d, ok := parseDeadline(x.request.Fields.Lookup(deadlineField)); ok && (!bounded || d < most) {
		most, bounded = d, true
	}
	if !bounded {
		return time.Time{}
	}
	return time.Now().Add(x.started + most - x.proxy.now())
}
