package health

// Bounds of what a subject remembers.
const (
	maxChecks  = 16
	maxHistory = 32
)

// A ring keeps the newest entries. It takes no memory before the first.
type ring[T any] struct {
	entries []T
	next    int // where the next entry goes once the ring is full
}

func (r *ring[T]) add(entry T, limit int) {
	if len(r.entries) < limit {
		r.entries = append(r.entries, entry)
		return
	}
	r.entries[r.next] = entry
	r.next = (r.next + 1) % limit
}

// last returns the newest entry, or a zero one.
func (r *ring[T]) last() (entry T) {
	if n := len(r.entries); n > 0 {
		entry = r.entries[(r.next+n-1)%n]
	}
	return entry
}

// list returns a copy, newest last.
func (r *ring[T]) list() []T {
	return append(append(make([]T, 0, len(r.entries)), r.entries[r.next:]...), r.entries[:r.next]...)
}
