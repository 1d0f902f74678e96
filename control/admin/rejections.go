package admin

import (
	"errors"
	"slices"
	"sync"

	"gibbon/control/declarative"
)

// A Rejection is configuration that this node was given and could not put in force.
type Rejection struct {
	Time  Moment `json:"time"`
	Actor string `json:"actor,omitempty"` // who gave it
	Cause string `json:"cause"`           // at most 1,000 characters

	// Of an entity that stands in the store; absent when it is a configuration as a whole.
	Revision int64  `json:"revision,omitempty"`
	Kind     string `json:"kind,omitempty"`
	ID       string `json:"id,omitempty"`
}

const longestCause = 1000 // characters

// Rejections keep what is not in force though somebody wants it to be. The zero value
// has none. They may be used by several goroutines at once.
type Rejections struct {
	mu   sync.Mutex // guards what follows
	list []Rejection
}

// Add keeps r, in the place of what was said of the same entity or of configurations as a whole.
func (l *Rejections) Add(r Rejection) {
	if cause := []rune(r.Cause); len(cause) > longestCause {
		r.Cause = string(cause[:longestCause-1]) + "…"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(r.Kind, r.ID)
	l.list = append(l.list, r)
}

// Resolve forgets what was said of an entity that is in force, or gone, now.
func (l *Rejections) Resolve(kind, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(kind, id)
}

// Clear forgets everything: a whole configuration is in force.
func (l *Rejections) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
}

// remove is called with mu held.
func (l *Rejections) remove(kind, id string) {
	l.list = slices.DeleteFunc(l.list, func(r Rejection) bool { return r.Kind == kind && r.ID == id })
}

// newest is the last one, and how many there are.
func (l *Rejections) newest() (newest Rejection, n int) {
	if l == nil {
		return newest, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n = len(l.list); n > 0 {
		newest = l.list[n-1]
	}
	return newest, n
}

// noteConfig keeps what came of a whole configuration. That another one is being loaded
// is no verdict on it.
func (a *api) noteConfig(q *request, err error) {
	switch {
	case a.Rejections == nil || errors.Is(err, declarative.ErrBusy):
	case err != nil:
		a.Rejections.Add(Rejection{Time: At(a.Now()), Actor: q.actor(), Cause: err.Error()})
	default:
		a.Rejections.Clear()
	}
}
