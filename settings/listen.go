package settings

// A Listener is one entry of a listen property, such as "0.0.0.0:8443 http2 ssl".
type Listener struct {
	Host          string // an address, IPv6 without brackets, or a host name
	Port          uint16
	UDP           bool // streams only
	SSL           bool
	HTTP2         bool
	ProxyProtocol bool
	Deferred      bool
	Bind          bool
	ReusePort     bool
	Backlog       int    // 0: the system's
	IPv6Only      string // on, off or empty
	KeepAlive     string // so_keepalive: on, off, idle:interval:count or empty
}
