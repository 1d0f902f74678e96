package http1

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// ListenOptions are what Listen sets on the socket.
type ListenOptions struct {
	ReusePort bool // several listeners may share the address; Linux only
	Backlog   int  // connections waiting to be accepted; 0 means the system's default; Linux only
}

// Listen opens a TCP listener on addr ("host:port"). Its connections send no keep-alive
// probes: the timeouts of the Server find dead peers.
func Listen(ctx context.Context, addr string, opts ListenOptions) (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: -1, Control: controlListener(opts)}
	l, err := config.Listen(ctx, network(addr), addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	if opts.Backlog > 0 {
		if err := setBacklog(l, opts.Backlog); err != nil {
			_ = l.Close() // it was never used
			return nil, fmt.Errorf("listen on %s: set backlog: %w", addr, err)
		}
	}
	return l, nil
}

// network is the one that addr belongs to: 0.0.0.0 is every IPv4 address, not every
// address as "tcp" takes it.
func network(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
			return "tcp4"
		}
	}
	return "tcp"
}
