// Package http1 is the HTTP/1.1 engine: it speaks the wire protocol to clients
// and to targets, and knows nothing of routing, balancing or entities.
//
// # Server side
//
// A [Server] accepts connections and runs one goroutine for each. It reads and
// checks a request head, then calls Server.Handler with the connection. The
// handler reads Conn.Request, takes the body if it wants it (NextBody, ReadBody),
// appends a response to Conn.Out and returns; the engine writes what is left in
// Out, passes over what is left of the request's body, and keeps the connection
// or closes it. A handler that streams calls Conn.Flush as it goes.
//
// # Client side
//
// A [Pool] holds the connections to one address. The caller takes one with Get,
// appends a request to its Out, and calls ReadResponse, which first writes Out.
// Afterwards it reads the body to its end and gives the connection back with Put,
// or calls Close on it.
//
// # Who owns what, and until when
//
// A Conn belongs to one goroutine at a time; only that goroutine may call its
// methods or close it. Everything in Request and Response, and every slice that
// NextBody returns, is a view into a pooled buffer: Request is valid until the
// handler returns, Response until the next ReadResponse, Put or Close, a body
// slice until the next call that reads.
//
// # Time
//
// Nothing here sets a timer per request. A waiting connection writes its deadline
// into a word of its own, and the [Clock] looks at these words every [Tick].
// Timeouts therefore end between 0 and 2 ticks late, never early.
package http1
