//go:build !386

package health

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"
)

// A socket is a connection without a [net.Conn]. None of its calls ever waits, so they are raw: the scheduler is
// not told of them. Else it would look after each that takes a few dozen microseconds, from a thread of
// its own that does not sleep longer than that, which takes a fifth of the time of a probe (BenchmarkSweep).
type socket int

// A place is where a socket connects to, as the system has it: one of the two.
type place struct {
	ip4 syscall.RawSockaddrInet4
	ip6 syscall.RawSockaddrInet6
}

func newPlace(to netip.AddrPort) (p place) {
	var port [2]byte
	binary.BigEndian.PutUint16(port[:], to.Port())
	if ip := to.Addr(); ip.Is4() {
		p.ip4 = syscall.RawSockaddrInet4{Family: syscall.AF_INET, Port: binary.NativeEndian.Uint16(port[:]), Addr: ip.As4()}
	} else {
		p.ip6 = syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Port: binary.NativeEndian.Uint16(port[:]), Addr: ip.As16()}
	}
	return p
}

// family is the protocol family of the socket that is needed.
func (p *place) family() int {
	if p.ip4.Family != 0 {
		return syscall.AF_INET
	}
	return syscall.AF_INET6
}

// connect begins to connect, or tells how far that is; the error is nil or EISCONN when it is done.
func (s socket) connect(to *place) error {
	if to.ip4.Family != 0 {
		_, _, errno := syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(s), uintptr(unsafe.Pointer(&to.ip4)), unsafe.Sizeof(to.ip4))
		return failure(errno)
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(s), uintptr(unsafe.Pointer(&to.ip6)), unsafe.Sizeof(to.ip6))
	return failure(errno)
}

func (s socket) write(p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(s), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0)
	return int(n), failure(errno)
}

// read returns 0 at the end of the stream.
func (s socket) read(p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(s), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
	return int(n), failure(errno)
}

func (s socket) close() error {
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(s), 0, 0)
	return failure(errno)
}

// pollEvents takes the events that an epoll set has.
func pollEvents(set int, events []syscall.EpollEvent) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(set), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	return int(n), failure(errno)
}

// failure is nil instead of a zero that is not.
func failure(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
