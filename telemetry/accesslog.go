package telemetry

import (
	"io"
	"net/netip"
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
	Status  int           // what the target answered; 0: it did not
	Failure string        // why not, such as connect_refused
	Latency time.Duration // until the answer's first byte or the failure
}

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
	Failed    func(error)   // told of writing errors, once for a series of them; may be nil
}

// An AccessLog writes one line for each exchange. Append only copies into memory; one
// goroutine writes. When the disk cannot keep up, entries are dropped and counted: a
// request never waits for the log. Entries of concurrent requests may be a little out of
// order. A nil *AccessLog takes entries and does nothing.
type AccessLog struct{}

// NewAccessLog returns a log that writes to w. Close ends it.
func NewAccessLog(w io.Writer, o AccessLogOptions) *AccessLog { return &AccessLog{} }

// Append adds an entry. It neither blocks nor allocates.
func (l *AccessLog) Append(e *Entry) {}

// Flush writes what waits in memory.
func (l *AccessLog) Flush() {}

// Close writes what waits in memory and ends the log. It does not close the writer.
func (l *AccessLog) Close() error { return nil }

// Dropped returns how many entries were lost because the disk was too slow or failed.
func (l *AccessLog) Dropped() uint64 { return 0 }
