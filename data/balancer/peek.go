package balancer

import "math"

// Peek returns what the next [Balancer.Pick] with a would return, and changes
// nothing: not whose turn it is, nor what is in flight, nor a. The draw of the next pick is made, though, if
// nobody has asked for it before. It is for explaining: it
// costs as much as building a Picker. A name that is resolved for each pick is returned as such, its
// AddrPort not valid. The errors are those of Pick.
func (b *Balancer) Peek(a *Attempt) (*Address, error) {
	if b.Queues() && b.queue.waiting.Load() > 0 {
		return nil, ErrOverLimit
	}
	return b.Note(a, math.MaxInt).Replay()
}
