package http1

import (
	"errors"
	"fmt"
)

// A ProtocolError says that a client's request is refused, with which status and why.
type ProtocolError struct {
	// Status is the status to answer: 400, 405, 408, 413, 414, 494, 501 or 505. 494 is not a
	// real status: it stands for a head that is too large, which is answered as 400 with a text of its own.
	Status int
	// Reason is a word for logs and metrics, such as "bare_lf" or "te_and_cl".
	Reason string
}

// Refusals returns the Reason of every ProtocolError that a request can be refused with.
func Refusals() []string {
	var reasons []string
	for f, e := range faultWords {
		if e.Reason != "" && fault(f) != badStatusLine { // that is for responses
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

// Error returns the reason and the status.
func (e *ProtocolError) Error() string {
	return fmt.Sprintf("malformed request: %s (%d)", e.Reason, e.Status)
}

// StatusHeadTooLarge is the Status of a ProtocolError for a request head that exceeds its
// limits: the client gets 400 with the words "Request header or cookie too large".
const StatusHeadTooLarge = 494

// An Op says what a connection was doing when it failed.
type Op uint8

// The operations that can fail.
const (
	OpDial      Op = iota // connecting
	OpHandshake           // TLS
	OpWrite               // sending
	OpReadHead            // waiting for or reading a head
	OpReadBody            // reading a body
)

// String returns the operation in one word.
func (o Op) String() string {
	return [...]string{"dial", "handshake", "write", "read head", "read body"}[o]
}

// A Kind says how a connection failed.
type Kind uint8

// The ways in which a connection fails.
const (
	KindOther        Kind = iota
	KindRefused           // nobody listens there
	KindUnreachable       // no way to the host or network
	KindReset             // the peer, or something between, reset the connection
	KindClosed            // the peer closed where that is not an end
	KindTimeout           // the peer took too long
	KindTLS               // the handshake failed
	KindMalformed         // what came is not HTTP/1 or breaks its rules
	KindHeadTooLarge      // a head exceeds its limit
	KindShutdown          // this process is closing the connection
)

// String returns the kind as a word for logs and metrics.
func (k Kind) String() string {
	return [...]string{"other", "refused", "unreachable", "reset", "closed", "timeout", "tls", "malformed", "head_too_large", "shutdown"}[k]
}

// An Error says what failed on a connection and how.
type Error struct {
	Op   Op
	Kind Kind
	// Reason is a word that says more about KindMalformed, otherwise empty.
	Reason string
	// Stale is set when a connection that had served requests before was closed by
	// its peer before the first byte of a response: the request may be sent once more
	// on a new connection, for the peer had most likely closed before it came.
	Stale bool
	// Unsent is set, besides Stale, when that was seen before anything of the request was
	// sent: then it may be sent again whatever its method.
	Unsent bool
	Err    error // the cause, or nil
}

// Error describes operation, kind and cause.
func (e *Error) Error() string {
	text := e.Op.String() + ": " + e.Kind.String()
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the peer took too long.
func (e *Error) Timeout() bool { return e.Kind == KindTimeout }

// ErrStale matches (errors.Is) an *Error with Stale set.
var ErrStale = errors.New("connection was closed while idle")

// Is makes errors.Is(err, ErrStale) work.
func (e *Error) Is(target error) bool { return target == ErrStale && e.Stale }

// KindOf returns the kind of err: that of the *Error in it, KindMalformed for a
// ProtocolError, else KindOther.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if _, ok := errors.AsType[*ProtocolError](err); ok {
		return KindMalformed
	}
	return KindOther
}
