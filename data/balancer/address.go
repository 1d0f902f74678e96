package balancer

import (
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gibbon/data/health"
	"gibbon/data/resolver"
)

// An Address is one place where a target listens. It lives as long as its
// target resolves to it, across all other changes of the configuration.
type Address struct {
	down atomic.Bool  // not to be picked: sick, unless the balancer disregards that
	sick atomic.Bool  // judged unhealthy
	warm atomic.Int64 // when the slow start began, in Unix nanoseconds; 0: never

	forced    atomic.Int32                 // what a person wants of its health; see force
	judged    health.Standing              // by checks; guarded by the balancer's verdict, as the next two
	counted   uint32                       // the weight that it has in the balancer's
	countedIn uint64                       // the serial of the state which that is of
	sessions  atomic.Pointer[sessionCount] // nil unless the target drains

	recovered atomic.Bool // the slow start is not the first
	penalized atomic.Bool // the average latency has penalties in it
	cell      *cell
	top       *Address // the address itself, or the name that it was resolved for

	// AddrPort is where to connect to.
	AddrPort netip.AddrPort

	// Text is the address as the Admin API shows it, for logs and views.
	Text string

	// Target is the target as configured, "host:port".
	Target string

	// Link belongs to the proxy, which sets it once in [Options.NewAddress]
	// and keeps its idle connections there.
	Link any

	target  *target // only its text, host and port may be looked at
	host    string  // of the target, without port
	ip      string  // as the Admin API shows it
	port    uint16
	srvName string // what the SRV record names, "" without one
	key     health.Key
	weight  uint32          // guarded by the balancer's mu
	share   uint32          // see wanted; guarded by the balancer's mu
	subject *health.Subject // nil without an upstream
	exempt  bool            // from the health checks; guarded by the balancer's mu
	named   *named          // how to resolve it for each pick; nil for an IP
	points  []uint32        // see hashes; guarded by the balancer's mu
	sorted  *ringMark       // see ringOrder; guarded by the balancer's mu
	order   uint32          // the place in that order, from 1
	session string          // see nameSession; "" until it is needed

	limit      atomic.Int64 // of the attempts in flight; 0 is none
	maxPending atomic.Int64 // see queue
	queue      *queue       // of the balancer

	done     atomic.Uint64 // attempts
	failures [failureKinds]atomic.Uint64
	last     atomic.Int64 // when the last failure was, in Unix nanoseconds
}

// A cell is what the pickers that look at every address look at. The cells of a
// balancer lie side by side, which makes the look ten times as fast.
type cell struct {
	load    atomic.Int64 // attempts in flight, and loadDown when the address is down
	limit   atomic.Int64 // of the attempts in flight; 0 is none; see trialFree
	average average      // of the latency
}

// loadDown is added to the load of an address that is down, which puts it behind
// every other.
const loadDown = 1 << 40

// cacheLine is how many bytes processors pass on to each other at least.
const cacheLine = 64

// lonely is how many cells of a balancer lie on a cache line of their own. Among few
// addresses processors that pick at the same time often meet, and to look at all takes no time.
const lonely = 16

// newCell returns a cell next to the one before it, unless that is one of the first. It
// is called under mu.
func (b *Balancer) newCell() *cell {
	if b.made++; b.made <= lonely {
		return &new(struct {
			_ [cacheLine]byte
			cell
			_ [cacheLine]byte
		}).cell
	}
	if len(b.cells) == cap(b.cells) {
		b.cells = make([]cell, 0, max(1, min(2*cap(b.cells), 512)))
	}
	b.cells = b.cells[:len(b.cells)+1]
	return &b.cells[len(b.cells)-1]
}

// setDown is called under the balancer's verdict.
func (a *Address) setDown(down bool) {
	if a.down.Load() == down {
		return
	}
	a.down.Store(down)
	if down {
		a.cell.load.Add(loadDown)
	} else {
		a.cell.load.Add(-loadDown)
	}
}

const (
	httpFailure = iota
	tcpFailure
	timeout
	failureKinds
)

// A named is an address whose IP is found out for each pick: an SRV record that
// names a host, or a target whose records may not be kept (TTL 0).
type named struct {
	name    string
	always  bool // the records may not be kept
	turn    atomic.Uint32
	current atomic.Pointer[resolved]

	mu    sync.Mutex              // guards known
	known map[netip.Addr]*Address // all that it ever was, for their connections
}

// A resolved holds the addresses behind a name, and the answer that says so.
type resolved struct {
	answer    *resolver.Answer
	addresses []*Address
}

// Done ends an attempt that [Balancer.Pick] began.
func (a *Address) Done() {
	c := a.top.cell
	c.load.Add(-1)
	if limit := c.limit.Load(); limit != 0 {
		if limit == trialTaken { // without a verdict, or it would be gone
			c.limit.CompareAndSwap(trialTaken, trialFree)
		}
		if q := a.top.queue; q != nil {
			q.serve()
		}
	}
	a.top.done.Add(1)
}

// InFlight returns the attempts that are not done.
func (a *Address) InFlight() int64 { return inFlight(a.top.cell.load.Load()) }

// ReportStatus tells the passive checks the status of an answer. Nothing
// happens when they are off.
func (a *Address) ReportStatus(code int) {
	if code >= 500 || code == 429 {
		a.penalize(penalty)
	}
	if code >= 500 {
		a.failed(httpFailure)
	}
	if s := a.top.subject; s != nil {
		s.Status(code)
	}
}

// ReportFailure tells the passive checks that the connection was refused or
// broke before the answer came, and what status the client got for it, which is 0 when another try follows.
func (a *Address) ReportFailure(status int) {
	a.penalize(penalty)
	a.failed(tcpFailure)
	if s := a.top.subject; s != nil {
		s.Failure(status)
	}
}

// ReportTimeout tells the passive checks that an attempt took too long.
func (a *Address) ReportTimeout() {
	a.penalize(penalty)
	a.failed(timeout)
	if s := a.top.subject; s != nil {
		s.Timeout()
	}
}

// ReportUnanswered tells the latency algorithm that an attempt was given up after d,
// because another one was answered first. That is no failure.
func (a *Address) ReportUnanswered(d time.Duration) { a.top.cell.average.atLeast(d, time.Now()) }

func (a *Address) failed(kind int) {
	a.top.failures[kind].Add(1)
	a.top.last.Store(time.Now().UnixNano())
}

// ReportLatency tells the latency algorithm how long connecting and waiting for
// the head of the answer took. now may be a coarse clock's time: of the answers that come before it moves on, only the
// first one and those that took longer than the average change that.
func (a *Address) ReportLatency(d time.Duration, now time.Time) {
	a.top.cell.average.observe(d, now)
	if s := a.top.subject; s != nil {
		s.Latency(d)
	}
}

// Down reports whether the address is judged unhealthy.
func (a *Address) Down() bool { return a.top.sick.Load() }

// Totals returns what was counted since the address came into being.
func (a *Address) Totals() Totals {
	t := a.top
	totals := Totals{
		Requests:     t.done.Load() + uint64(max(t.InFlight(), 0)),
		HTTPFailures: t.failures[httpFailure].Load(),
		TCPFailures:  t.failures[tcpFailure].Load(),
		Timeouts:     t.failures[timeout].Load(),
	}
	if last := t.last.Load(); last != 0 {
		totals.LastFailure = time.Unix(0, last)
	}
	return totals
}

// newAddress returns an address of target t: ip when it is valid, else what
// name stands for.
func newAddress(t *target, c *cell, ip netip.Addr, name string, port uint16) *Address {
	a := &Address{cell: c, Target: t.text, target: t, host: t.host, port: port}
	a.top = a
	switch {
	case !ip.IsValid():
		a.ip = name
		a.named = &named{name: name, known: make(map[netip.Addr]*Address)}
	case t.ip.IsValid() && (ip.Is4() || t.host[0] == '['):
		a.ip = t.host // as configured
	case ip.Is4():
		a.ip = ip.String()
	default:
		a.ip = "[" + ip.String() + "]"
	}
	if ip.IsValid() {
		a.AddrPort = netip.AddrPortFrom(ip, port)
		name = ip.String()
	}
	a.Text = a.ip + ":" + strconv.Itoa(int(port))
	a.key = health.Key{Host: name, Port: port, Target: t.host, TargetPort: t.port}
	return a
}

// child returns an address that counts for its name's.
func (a *Address) child(ip netip.Addr) *Address {
	c := &Address{
		top: a, AddrPort: netip.AddrPortFrom(ip, a.port), Target: a.Target, target: a.target,
		host: a.host, srvName: a.srvName, ip: ip.String(), port: a.port,
	}
	c.Text = c.AddrPort.String()
	return c
}
