//go:build !linux

package http1

import "net"

// pendingWrite is empty: only the raw wire has one.
type pendingWrite struct{}

func newWire(c *Conn, nc net.Conn, _ bool) wire { return &plainWire{c: c, nc: nc} }
