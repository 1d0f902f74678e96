package http1

import (
	"net"
	"syscall"
)

// soReusePort is SO_REUSEPORT, which package syscall lacks on some architectures.
const soReusePort = 15

func controlListener(opts ListenOptions) func(network, address string, rc syscall.RawConn) error {
	if !opts.ReusePort {
		return nil
	}
	return func(_, _ string, rc syscall.RawConn) error {
		var err error
		if e := rc.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReusePort, 1)
		}); e != nil {
			return e
		}
		return err
	}
}

// setBacklog calls listen(2) once more, which Linux takes as a change of the backlog.
func setBacklog(l net.Listener, backlog int) error {
	sc, ok := l.(syscall.Conn)
	if !ok {
		return nil
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	if e := rc.Control(func(fd uintptr) { err = syscall.Listen(int(fd), backlog) }); e != nil {
		return e
	}
	return err
}
