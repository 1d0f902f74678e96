// Package resolver finds the addresses behind host names, by DNS and the hosts
// file. It remembers what it learned: a name whose records have expired is
// answered with them at once while they are asked for anew in the background,
// so that in general only the first lookup of a name waits.
//
// What differs from the reference gateway's resolver: an address of the hosts
// file counts for every line that names it, not the first one alone, and the file
// is read again when it changes; a name for which a server says that it does
// not exist is not answered with old records any longer.
package resolver

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Options say how names are resolved. Zero values stand for the defaults.
type Options struct {
	Servers     []string            // ip or ip:port; none: those of resolv.conf
	ResolvConf  string              // path, default /etc/resolv.conf
	HostsFile   string              // path, default /etc/hosts; "off" reads none
	Order       []string            // of LAST, SRV, A, AAAA, CNAME; default LAST, SRV, A, CNAME
	ValidTTL    time.Duration       // overrides the TTL of records when not 0
	StaleTTL    time.Duration       // how long expired records are still served; default 1 h, negative: not at all
	NotFoundTTL time.Duration       // of unknown names and empty answers; default 30 s
	ErrorTTL    time.Duration       // of other failures; default 1 s
	CacheSize   int                 // names remembered; default 10,000
	NoSync      bool                // do not share a lookup between those who wait for it
	Concurrency int                 // lookups at the same time; default 256
	Environ     func(string) string // for LOCALDOMAIN and RES_OPTIONS; default os.Getenv
	Log         *slog.Logger        // default: discards

	// dial stands for a net.Dialer in tests.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Resolver answers lookups out of its memory, the hosts file and DNS. Any
// number of goroutines may use it.
type Resolver struct {
	o     Options
	types []recordType
	last  bool // LAST comes first in the order
	files atomic.Pointer[files]
	cache cache
	slots chan struct{} // one per lookup that may run
	turn  atomic.Uint32 // of the servers, with option rotate
	ctx   context.Context
	stop  context.CancelFunc
	done  chan struct{} // closed when the files are no longer watched
}

// New reads resolv.conf and the hosts file, and watches them until Close. The
// error is about the options; files that cannot be read are logged and count as
// empty.
func New(o Options) (*Resolver, error) {
	o.ResolvConf = cmp.Or(o.ResolvConf, "/etc/resolv.conf")
	o.HostsFile = cmp.Or(o.HostsFile, "/etc/hosts")
	o.StaleTTL = cmp.Or(o.StaleTTL, time.Hour)
	o.NotFoundTTL = cmp.Or(o.NotFoundTTL, 30*time.Second)
	o.ErrorTTL = cmp.Or(o.ErrorTTL, time.Second)
	o.CacheSize = cmp.Or(o.CacheSize, 10_000)
	o.Concurrency = cmp.Or(o.Concurrency, 256)
	if o.Environ == nil {
		o.Environ = os.Getenv
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.dial == nil {
		o.dial = new(net.Dialer).DialContext
	}
	types, last, err := parseOrder(o.Order)
	if err != nil {
		return nil, err
	}
	servers, err := parseServers(o.Servers)
	if err != nil {
		return nil, err
	}
	o.Servers = servers
	r := &Resolver{
		o: o, types: types, last: last, cache: newCache(o.CacheSize),
		slots: make(chan struct{}, o.Concurrency), done: make(chan struct{}),
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.files.Store(r.readFiles(nil))
	go r.watch()
	return r, nil
}

// Close ends the lookups that are under way. Lookups after it fail.
func (r *Resolver) Close() {
	r.stop()
	<-r.done
}

// Lookup returns what a name stands for; the error is an [*Error], or that of
// ctx. It waits only when nothing is known of the name, or only what is too old.
// The answer to an IP address is that address.
func (r *Resolver) Lookup(ctx context.Context, name string) (*Answer, error) {
	var buf [maxName + 1]byte
	key, ok := appendKey(buf[:0], name)
	if !ok {
		return nil, &Error{Name: name, Text: textInvalidName, NotFound: true}
	}
	if a := r.files.Load().host(key); a != nil {
		return a, nil
	}
	e := r.cache.entry(key)
	a := e.known()
	now := time.Now()
	switch {
	case a == nil || !a.servable(now, r.o.StaleTTL):
		return r.wait(ctx, e)
	case !now.Before(a.Expires):
		r.refresh(e, now)
	}
	return a.give()
}

// Cached returns what is known of a name without waiting; a failure that is
// known is an answer with Err set. Records that have expired are asked for anew
// in the background. It is false when nothing is known, or only what is too old.
// It allocates nothing, unless it starts a lookup or is asked for an IP address
// for the first time.
func (r *Resolver) Cached(name string) (*Answer, bool) {
	var buf [maxName + 1]byte
	key, ok := appendKey(buf[:0], name)
	if !ok {
		return nil, false
	}
	if a := r.files.Load().host(key); a != nil {
		return a, true
	}
	e := r.cache.find(key)
	if e == nil {
		if parseIP(string(key)) == nil {
			return nil, false
		}
		e = r.cache.entry(key)
	}
	a, now := e.known(), time.Now()
	if a == nil || !a.servable(now, r.o.StaleTTL) {
		return nil, false
	}
	if !now.Before(a.Expires) {
		r.refresh(e, now)
	}
	e.touch(now)
	return a, true
}

// Refresh asks anew, whatever is known, and waits for the answer. When a server
// cannot be reached, records that may still be served are the answer.
func (r *Resolver) Refresh(ctx context.Context, name string) (*Answer, error) {
	var buf [maxName + 1]byte
	key, ok := appendKey(buf[:0], name)
	if !ok {
		return nil, &Error{Name: name, Text: textInvalidName, NotFound: true}
	}
	if a := r.files.Load().host(key); a != nil {
		return a, nil
	}
	e := r.cache.entry(key)
	if e.literal {
		return e.known().give()
	}
	return r.wait(ctx, e)
}

// A flight is a lookup that is under way, and those who wait for it.
type flight struct {
	done   chan struct{} // closed when there is an answer
	answer *Answer
}

// wait joins or starts a lookup.
func (r *Resolver) wait(ctx context.Context, e *entry) (*Answer, error) {
	var f *flight
	if r.o.NoSync {
		f = &flight{done: make(chan struct{})}
		go r.fly(e, f)
	} else {
		f = r.join(e)
	}
	select {
	case <-f.done:
		return f.answer.give()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// refresh starts a lookup in the background, unless one is under way or the last one
// has just failed.
func (r *Resolver) refresh(e *entry, now time.Time) {
	if e.flight.Load() == nil && now.UnixNano() >= e.retry.Load() {
		r.join(e)
	}
}

func (r *Resolver) join(e *entry) *flight {
	fresh := &flight{done: make(chan struct{})}
	for {
		if f := e.flight.Load(); f != nil {
			return f
		}
		if e.flight.CompareAndSwap(nil, fresh) {
			go r.fly(e, fresh)
			return fresh
		}
	}
}

// fly looks a name up and remembers what it learns.
func (r *Resolver) fly(e *entry, f *flight) {
	a := r.resolve(e)
	now := time.Now()
	old := e.answer.Load()
	var failure *Error
	if errors.As(a.Err, &failure) && !failure.NotFound && old != nil && old.Err == nil && old.servable(now, r.o.StaleTTL) {
		r.o.Log.Warn("lookup failed, serving what was known", "name", e.name, "error", a.Err)
		e.retry.Store(now.Add(r.o.ErrorTTL).UnixNano())
		a = old
	} else {
		if old != nil && slices.Equal(a.Records, old.Records) {
			a.turn.Store(old.turn.Load())
		}
		e.answer.Store(a)
	}
	f.answer = a
	e.flight.CompareAndSwap(f, nil)
	close(f.done)
}

// resolve looks a name up, when there is a slot for it.
func (r *Resolver) resolve(e *entry) *Answer {
	select {
	case r.slots <- struct{}{}:
	case <-r.ctx.Done():
		return r.failed(e.name, r.ctx.Err())
	}
	defer func() { <-r.slots }()
	var found *result
	var err error
	if r.ctx.Err() != nil {
		err = r.ctx.Err()
	} else {
		found, err = r.search(e)
	}
	if err != nil {
		return r.failed(e.name, err)
	}
	e.last.Store(uint32(found.kind))
	ttl := found.ttl
	if r.o.ValidTTL > 0 {
		ttl = r.o.ValidTTL
	}
	return newAnswer(e.name, found.kind, found.records, ttl)
}

// failed makes an answer of a failure.
func (r *Resolver) failed(name string, err error) *Answer {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Text: "dns client error: " + err.Error()}
	}
	ttl := r.o.ErrorTTL
	if e.NotFound {
		ttl = r.o.NotFoundTTL
	}
	failure := &Error{Name: name, Text: e.Text, NotFound: e.NotFound}
	return &Answer{Name: name, TTL: ttl, Expires: time.Now().Add(ttl), Err: failure}
}

// maxName is the longest name in presentation form, without a trailing dot.
const maxName = 253

// appendKey appends the form under which a name is remembered: lower case. A
// trailing dot stays, since it keeps the search list away. Brackets around an
// IPv6 address go. It is false for what can be no name.
func appendKey(dst []byte, name string) ([]byte, bool) {
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		name = name[1 : len(name)-1]
	}
	if name == "" || name == "." || len(strings.TrimSuffix(name, ".")) > maxName {
		return nil, false
	}
	label := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '.':
			if label == 0 {
				return nil, false
			}
			label = -1
		case c <= ' ' || c >= 0x7f || c == '\\' || c == '"' || c == '/':
			return nil, false
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		if label++; label > 63 {
			return nil, false
		}
		dst = append(dst, c)
	}
	return dst, true
}
