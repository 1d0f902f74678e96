package http1

import "time"

// TunnelOptions bound a tunnel.
type TunnelOptions struct {
	// Timeout ends the tunnel when neither side sent anything for so long. 0 means never.
	Timeout time.Duration
}

// A TunnelResult says how a tunnel ended.
type TunnelResult struct {
	Sent     int64 // bytes from client to target
	Received int64 // bytes from target to client
	// ByClient is set when the client's side ended it, unset when the target's did.
	ByClient bool
	// Err is why: nil when both sides closed in good order, else an *Error.
	Err error
}

// Tunnel passes bytes both ways between client and target until both have closed, one fails or the
// timeout strikes. It begins with what is in their Outs and what was read beyond the heads. An end of
// one side is passed on (half-close). The connections are of no use afterwards: the
// caller closes both.
func Tunnel(client, target *Conn, o TunnelOptions) TunnelResult { panic("not yet") }
