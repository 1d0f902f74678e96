package settings

import "net/netip"

// Headers says which of the gateway's own headers are added.
type Headers struct {
	Server          bool
	Via             bool
	ProxyLatency    bool // X-Kong-Proxy-Latency
	ResponseLatency bool // X-Kong-Response-Latency
	UpstreamLatency bool // X-Kong-Upstream-Latency
	AdminLatency    bool // X-Kong-Admin-Latency
	UpstreamStatus  bool // X-Kong-Upstream-Status
	RequestID       bool // X-Kong-Request-Id
}

// TrustedIPs are the peers whose forwarding headers are believed.
type TrustedIPs struct {
	Prefixes []netip.Prefix
	Unix     bool // peers on Unix sockets
}

// Contains reports whether addr is trusted. It does not allocate.
func (t *TrustedIPs) Contains(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, p := range t.Prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
