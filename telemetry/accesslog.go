package telemetry

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// An Entry is one finished exchange. Byte slices need to be valid during Append only; empty
// values print as "-", or are left out of JSON.
type Entry struct {
	Time      time.Time  // when the answer was finished
	Client    netip.Addr // after trusted_ips
	User      []byte     // of basic authentication
	Request   []byte     // the request line as it came; empty: Method, URI and Proto are joined
	Method    []byte
	URI       []byte
	Proto     string // HTTP/1.1
	Host      []byte
	Status    int
	BodyBytes int64 // of the answer's body, as sent
	Referer   []byte
	UserAgent []byte
	RequestID []byte

	// JSON only.
	Service   string
	Route     string
	Upstream  string
	Target    string // of the last try, as configured
	Tries     []Try
	Latencies Latencies
	BytesIn   int64  // head and body of the request
	BytesOut  int64  // head and body of the answer
	Reason    string // code of the error when the gateway made the answer
}

// A Try is one attempt at a target.
type Try struct {
	Address netip.AddrPort
	Started time.Time     // when the request was handed to the target
	Status  int           // what the target answered; 0: it did not
	Failure string        // why not, a FailureKind's name
	Latency time.Duration // until the answer's first byte or the failure
}

// GivenUp is the Failure of a try that was none: another copy of the request was answered first.
const GivenUp = "given_up"

// Latencies are the parts of the time that an exchange took.
type Latencies struct {
	Request  time.Duration // from the first byte of the request to the last of the answer
	Kong     time.Duration // the gateway's own part
	Upstream time.Duration // waiting for the target's first byte; negative: not proxied
	Receive  time.Duration // reading the answer
}

// AccessLogOptions configure an AccessLog.
type AccessLogOptions struct {
	Format    string        // combined (default) or json
	RequestID bool          // combined only: end lines with kong_request_id
	Flush     time.Duration // longest time that an entry waits in memory; 0 means 100 ms
	Limit     int           // bytes that may wait in memory; 0 means 8 MiB
	Failed    func(error)   // told of failed writes and dropped entries, once for a series; may be nil
}

const (
	defaultFlush = 100 * time.Millisecond
	defaultLimit = 8 << 20
	writeFrom    = 64 << 10 // a buffer of this size is written without waiting
	bufferSize   = writeFrom + 16<<10
	reportEvery  = 10 * time.Second
)

// An AccessLog writes one line for each exchange. Append only copies into memory; one
// goroutine writes. When the disk cannot keep up, entries are dropped and counted: a
// request never waits for the log. Entries of concurrent requests may be a little out of
// order. A nil *AccessLog takes entries and does nothing.
type AccessLog struct {
	options AccessLogOptions
	striper *striper
	shards  []accessShard
	dropped atomic.Uint64
	pending atomic.Bool   // an entry waits and the writer knows
	wake    chan struct{} // the first entry waits
	full    chan struct{} // a buffer has reached writeFrom
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once

	mu       sync.Mutex // held while writing; guards the rest
	w        io.Writer
	spare    []byte // the buffer that a shard gets next
	cut      bool   // the last write ended within a line
	failed   error  // of the last write
	reported uint64 // dropped entries that Failed was told of
	at       time.Time
}

// An accessShard is one of several buffers, so that processors seldom wait for each other.
type accessShard struct {
	mu     sync.Mutex // guards the rest; held while an entry is formatted
	buf    []byte
	clock  clockText
	closed bool
	_      [64]byte
}

// NewAccessLog returns a log that writes to w. Close ends it.
func NewAccessLog(w io.Writer, o AccessLogOptions) *AccessLog {
	if o.Flush <= 0 {
		o.Flush = defaultFlush
	}
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	l := &AccessLog{
		options: o,
		striper: newStriper(),
		wake:    make(chan struct{}, 1),
		full:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
		w:       w,
		spare:   make([]byte, 0, bufferSize),
	}
	l.shards = make([]accessShard, l.striper.size())
	for i := range l.shards {
		l.shards[i].buf = make([]byte, 0, bufferSize)
	}
	go l.run()
	return l
}

// Append adds an entry. It does not wait for the writer, and does not allocate as long as
// the writer keeps up.
func (l *AccessLog) Append(e *Entry) {
	if l == nil {
		return
	}
	s := &l.shards[l.striper.pick()]
	s.mu.Lock()
	before := len(s.buf)
	limit := l.options.Limit / len(l.shards)
	if s.closed || before >= limit {
		s.mu.Unlock()
		l.dropped.Add(1)
		return
	}
	if l.options.Format == "json" {
		s.buf = appendJSON(s.buf, e, &s.clock)
	} else {
		s.buf = appendCombined(s.buf, e, &s.clock, l.options.RequestID)
	}
	after := len(s.buf)
	if after > limit {
		s.buf = s.buf[:before]
		l.dropped.Add(1)
	}
	s.mu.Unlock()
	if !l.pending.Load() && l.pending.CompareAndSwap(false, true) {
		signal(l.wake)
	}
	if before < writeFrom && after >= writeFrom {
		signal(l.full)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run writes whenever entries have waited long enough or a buffer is full.
func (l *AccessLog) run() {
	defer close(l.done)
	timer := time.NewTimer(l.options.Flush)
	defer timer.Stop()
	for {
		select {
		case <-l.wake:
		case <-l.stop:
			return
		}
		timer.Reset(l.options.Flush)
		select {
		case <-timer.C:
		case <-l.full:
		case <-l.stop:
			return
		}
		l.pending.Store(false)
		l.Flush()
	}
}

// Flush writes what waits in memory.
func (l *AccessLog) Flush() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		full := s.buf
		s.buf = l.spare[:0]
		s.mu.Unlock()
		l.write(full)
		l.spare = full
		if cap(full) > 4*bufferSize && len(full) < cap(full)/4 { // a burst is over
			l.spare = make([]byte, 0, bufferSize)
		}
	}
	l.report()
}

// write hands lines to the writer. Those that it does not take are counted as dropped; one
// that it took in part is ended before the next. l.mu is held.
func (l *AccessLog) write(lines []byte) {
	if len(lines) == 0 {
		return
	}
	if l.cut {
		if _, err := l.w.Write([]byte{'\n'}); err != nil {
			l.lose(lines, err)
			return
		}
		l.cut = false
	}
	n, err := l.w.Write(lines)
	if err == nil && n < len(lines) {
		err = io.ErrShortWrite
	}
	if err == nil {
		l.failed = nil
		return
	}
	n = min(max(n, 0), len(lines))
	l.cut = n > 0 && lines[n-1] != '\n'
	l.lose(lines[n:], err)
}

func (l *AccessLog) lose(lines []byte, err error) {
	lost := uint64(bytes.Count(lines, []byte{'\n'}))
	l.dropped.Add(lost)
	l.reported += lost // by the error
	if l.failed == nil && l.options.Failed != nil {
		l.options.Failed(fmt.Errorf("write access log: %w", err))
	}
	l.failed = err
}

// report tells of dropped entries, now and then. l.mu is held.
func (l *AccessLog) report() {
	dropped := l.dropped.Load()
	if dropped <= l.reported || l.options.Failed == nil || time.Since(l.at) < reportEvery {
		return
	}
	l.options.Failed(fmt.Errorf("%d access log entries dropped: they come faster than they can be written", dropped-l.reported))
	l.reported, l.at = dropped, time.Now()
}

// Close writes what waits in memory and ends the log. It does not close the writer. The
// error is that of the last write.
func (l *AccessLog) Close() error {
	if l == nil {
		return nil
	}
	l.once.Do(func() {
		for i := range l.shards {
			s := &l.shards[i]
			s.mu.Lock()
			s.closed = true
			s.mu.Unlock()
		}
		close(l.stop)
	})
	<-l.done
	l.Flush()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Dropped returns how many entries were lost because the disk was too slow or failed.
func (l *AccessLog) Dropped() uint64 {
	if l == nil {
		return 0
	}
	return l.dropped.Load()
}
