// Package events tells those who watch a node what happens there: verdicts on
// targets, orders, revisions of the configuration, certificates that run out, and
// what traffic targets have.
//
// A [Bus] numbers what is published and keeps the newest for those who come back.
// Publishing is a short section under a lock and waits for nobody: JSON is made by
// the first reader, once for all. What targets do is not published but looked at,
// once a second and only while somebody watches; see [Counters].
package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"sync"
)

// The topics, by which a reader says what to be told of.
const (
	Health       = "health"       // an address turned from one state to another
	Ejections    = "ejections"    // an ejection began, or ended
	Orders       = "orders"       // a person said what shall become of a target
	Revisions    = "revisions"    // the configuration changed
	Certificates = "certificates" // a certificate runs out soon, or has
	Traffic      = "traffic"      // what the targets of an upstream do
)

// Topics lists all of them. Traffic is last: it has to be asked for.
func Topics() []string {
	return []string{Health, Ejections, Orders, Revisions, Certificates, Traffic}
}

var (
	// ErrClosed says that the node ends.
	ErrClosed = errors.New("the node stops")
	// ErrSlow says that a reader is so far behind that events are lost to it.
	ErrSlow = errors.New("too slow")
	// ErrTooMany says that as many readers as may be are there.
	ErrTooMany = errors.New("too many readers")
)

// An Event is something that happened.
type Event struct {
	Topic    string
	Type     string
	Upstream string // name of the one concerned; "" when none is
	Payload  any    // not changed any more; becomes JSON

	number uint64
	encode sync.Once
	data   []byte
}

// json returns the payload as JSON.
func (e *Event) json() []byte {
	e.encode.Do(func() { e.data = encode(e.Payload) })
	return e.data
}

// encode writes JSON in one line.
func encode(v any) []byte {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		return []byte("null") // the types of payloads are ours, and have no such values
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// A Message is what a reader is told.
type Message struct {
	ID   string // "" for what cannot be asked for again
	Type string
	Data []byte // JSON in one line
}
