package http1

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// A wire moves bytes for one Conn. There are two kinds: rawWire, on Linux sockets, and plainWire,
// for everything that is a net.Conn. Reads and writes wait with the timeouts of the Conn.
type wire interface {
	// converse reads and answers requests until a verdict other than more.
	converse() verdict
	// read reads what is there, waiting for at least a byte.
	read(p []byte) (int, error)
	// write writes a and then b wholly.
	write(a, b []byte) error
	// ask writes out and then reads the first bytes of the answer into the
	// connection's room. The error says whether writing failed.
	ask(out []byte) (n int, wrote bool, err error)
	// peer looks how the other side does.
	peer() PeerState
	// pending reports whether a read would not wait. The clock may call it.
	pending() bool
	// interruptRead and interruptWrite end a wait. The clock calls them.
	interruptRead()
	interruptWrite()
	// resume undoes interruptRead.
	resume()
	closeWrite() error
	close() error
	conn() net.Conn
}

// A verdict says how a conversation goes on.
type verdict uint8

const (
	more    verdict = iota // read on
	slow                   // the request at hand may wait for the connection: answer it outside of converse
	refuse                 // the request at hand is to be refused
	over                   // close the connection
	shrink                 // go on, on a new goroutine if idle
	late                   // the peer was too slow
	preface                // the client begins to speak HTTP/2
)

// past is a deadline that interrupts.
var past = time.Unix(1, 0)

var errStruck = &struckError{}

// struckError is the timeout of a wait that the clock ended.
type struckError struct{}

func (*struckError) Error() string { return "timed out" }

// failure makes an *Error of what a wire returned. An end of input is unexpected where
// it is a failure: it must not look like the end of a body.
func failure(op Op, err error) *Error {
	if err == io.EOF { //nolint:errorlint // a wire returns it bare
		err = io.ErrUnexpectedEOF
	}
	return &Error{Op: op, Kind: kindFrom(err), Err: err}
}

func kindFrom(err error) Kind {
	var timeout net.Error
	switch {
	case errors.Is(err, errStruck), errors.Is(err, os.ErrDeadlineExceeded):
		return KindTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return KindClosed
	case errors.Is(err, syscall.ECONNREFUSED):
		return KindRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return KindReset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return KindUnreachable
	case errors.As(err, &timeout) && timeout.Timeout():
		return KindTimeout
	}
	return KindOther
}
