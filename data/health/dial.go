package health

import (
	"context"
	"net"
)

// Dial is how probes connect unless they are told otherwise: as a [net.Dialer] does, but
// without the keep-alive messages of TCP, which take four system calls to set up and
// which a connection that is used every few seconds, or once, has no use for.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	return d.DialContext(ctx, network, address)
}
