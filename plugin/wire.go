package plugin

import (
	"net/netip"
	"time"

	"gibbon/entity"
)

// A Wire is what an [Exchange] looks through at the request: data/proxy has one,
// plugintest another. Slices are views that are valid until the exchange ends.
type Wire interface {
	Method() []byte
	RawPath() []byte                    // as it came: not decoded, not normalised
	Path() []byte                       // as it was routed
	RawQuery() (query []byte, has bool) // without the '?'
	Version() string                    // "HTTP/1.1"
	Scheme() string                     // what the client used, as far as the proxies before it are trusted
	Host() []byte                       // without port
	Port() int                          // that the client used
	ForwardedHost() []byte              // what the client asked for, as trusted proxies tell it
	Lines() Lines
	ContentLength() int64 // 0 without a body, -1 for one of unknown length
	Expects() bool        // the client waits for 100 Continue

	// BodyLength reads the body, and returns its length. When it is longer than
	// limit the answer is some number above limit; a negative limit is none.
	BodyLength(limit int64) (int64, error)
	// Body reads the body; see ErrBodyTooLarge.
	Body() ([]byte, error)

	Client() netip.Addr    // the client, as far as the proxies before it are trusted
	ClientText() []byte    // the same as text
	ClientPort() int       // the peer's port
	Local() netip.AddrPort // where the connection came in
	Connection() (serial uint64, requests int)

	RequestID() []byte
	Started() time.Time
	Captures() Captures
	Summarize(s *Summary)

	// Authenticated tells that the consumer is known from now on, so that plugins for
	// this consumer take part.
	Authenticated(c *entity.Consumer)
}

// Captures are what the path's regular expression captured.
type Captures interface {
	Capture(nameOrNumber string) ([]byte, bool)
}

// A Directory knows consumers and their credentials, as they are configured
// while an exchange runs.
type Directory interface {
	Consumer(id string) *entity.Consumer
	// ConsumerNamed is for a setting that has the id or the username of a consumer.
	ConsumerNamed(idOrUsername string) *entity.Consumer
	KeyAuth(key []byte) *entity.KeyAuthCredential // nil when it has expired
	BasicAuth(username []byte) *entity.BasicAuthCredential
	HMACAuth(username []byte) *entity.HMACAuthCredential
	JWT(issuer []byte) *entity.JWTSecret
	Groups(consumerID string) []string // sorted; do not change them
}

// A Summary is what there is to tell of an exchange when it is over.
type Summary struct {
	RequestSize  int64 // bytes of head and body
	ResponseSize int64 // bytes of head and body
	BodySize     int64 // bytes of the answer's body

	Kong     time.Duration // spent in the gateway
	Proxy    time.Duration // waiting for the target; -1 when there was none
	Receive  time.Duration // receiving the answer
	Request  time.Duration // all of it
	Upstream bool          // the answer is the target's

	UpstreamURI    string
	UpstreamStatus string // of all tries: "502, 200"
	Reason         string // of an answer of the gateway's own
	Tries          []Try
	TLSVersion     string // "" without TLS
	TLSCipher      string
}

// A Try is one attempt to get an answer from a target.
type Try struct {
	Address netip.AddrPort
	Started time.Time
	Latency time.Duration
	Status  int  // 0 when there was no answer
	Failed  bool // it had no answer
}
