package http1

// A Request is the head of a request, checked. All slices are views into a pooled
// buffer, valid until the handler returns.
type Request struct {
	Method []byte // upper-case letters, '-' and '_'; never CONNECT or TRACE
	// Target is the request target as it came: "/a?b=c" or "http://host/a?b=c".
	Target []byte
	Path   []byte // begins with '/'; not decoded
	Query  []byte // without the '?'
	// HasQuery tells "/a?" from "/a".
	HasQuery bool
	// Host is what the client wants to reach, with its port when it named one: the
	// authority of an absolute target, else the Host field. Nil only in HTTP/1.0.
	Host  []byte
	Minor int // the version is HTTP/1.Minor; 0 or 1 (1.2 to 1.9 are spoken to as 1.1)

	Fields Fields

	// ContentLength is the length of the body: 0 without one, -1 when it is chunked.
	ContentLength int64
	Chunked       bool // framed by Transfer-Encoding: chunked
	// KeepAlive is what the client asked for. Conn.KeepAlive says what it gets.
	KeepAlive bool
	// Expect100 is set when the client waits for "100 Continue", which the engine sends
	// when the body is first read.
	Expect100 bool
	// WebSocket is set when Connection names upgrade and Upgrade is websocket.
	WebSocket bool
	// TETrailers is set when TE is exactly "trailers".
	TETrailers bool
	// ConnectionNames is set when Connection names fields besides close, keep-alive, upgrade
	// and te; Fields.Names(ConnectionField, name) then tells which.
	ConnectionNames bool
}

// Idempotent reports whether the request may be sent again although the first
// sending may have had an effect: anything but POST, PATCH and LOCK, as the reference has it.
func (r *Request) Idempotent() bool {
	switch string(r.Method) {
	case "POST", "PATCH", "LOCK":
		return false
	}
	return true
}

// HasBody reports whether a body was announced, an empty one included if it is chunked.
func (r *Request) HasBody() bool { return r.ContentLength != 0 }
