package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Retention is how long the verdict on a removed address is remembered. An
// address that returns within this time has its state back.
const Retention = 300 * time.Second

// Options say what a monitor works with. The zero value works.
type Options struct {
	Log *slog.Logger // nil: no logs

	// OnChange is told of every transition, in order for each address. It must
	// not block nor call back.
	OnChange func(Change)

	// Dial connects; nil stands for [Dial].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Direct allows probes of IP addresses to connect without Dial, where that is cheaper.
	Direct bool

	// RootCAs verifies the certificates of targets; nil stands for the system's.
	RootCAs *x509.CertPool

	// Certificate returns a client certificate by the id that an upstream
	// names, or by "" when it names none. Nil is none.
	Certificate func(id string) *tls.Certificate

	// MaxProbes bounds the probes of all checkers together that run at the
	// same time. 0 stands for 256.
	MaxProbes int
}

// A Monitor holds what the checkers of all upstreams share.
type Monitor struct {
	options Options
	log     *slog.Logger
	slots   chan struct{} // one taken per running probe

	mu       sync.Mutex // guards what follows; taken before a Subject's
	retained map[retainedKey]retainedSubject
	expiries []expiry // in order of time
}

type retainedKey struct {
	upstream string
	key      Key
}

type retainedSubject struct {
	subject *Subject
	until   time.Time
}

type expiry struct {
	key   retainedKey
	until time.Time
}

// NewMonitor returns a monitor without checkers.
func NewMonitor(o Options) *Monitor {
	if o.Dial == nil {
		o.Dial, o.Direct = Dial, true
	}
	if o.MaxProbes <= 0 {
		o.MaxProbes = 256
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Monitor{
		options: o, log: log,
		slots:    make(chan struct{}, o.MaxProbes),
		retained: make(map[retainedKey]retainedSubject),
	}
}

// retain remembers a removed subject for a while.
func (m *Monitor) retain(upstream string, s *Subject) {
	k, until := retainedKey{upstream, s.key}, time.Now().Add(Retention)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	m.retained[k] = retainedSubject{s, until}
	m.expiries = append(m.expiries, expiry{k, until})
}

// recall returns the subject that was removed under this key, or nil.
func (m *Monitor) recall(upstream string, key Key) *Subject {
	k := retainedKey{upstream, key}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	s := m.retained[k].subject
	delete(m.retained, k)
	return s
}

// expire forgets what was removed too long ago. An entry of expiries may be out
// of date: the subject was recalled, and perhaps removed again later.
func (m *Monitor) expire() {
	now := time.Now()
	n := 0
	for n < len(m.expiries) && !m.expiries[n].until.After(now) {
		if e := m.expiries[n]; !m.retained[e.key].until.After(now) {
			delete(m.retained, e.key)
		}
		n++
	}
	m.expiries = m.expiries[n:]
}
