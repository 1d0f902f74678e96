//go:build !linux

package http1

import (
	"net"
	"syscall"
)

func controlListener(ListenOptions) func(network, address string, rc syscall.RawConn) error {
	return nil
}

func setBacklog(net.Listener, int) error { return nil }
