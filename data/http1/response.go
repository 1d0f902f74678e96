package http1

// A Response is the head of a response, checked. All slices are views into a pooled
// buffer, valid until the next ReadResponse, Put or Close of its connection.
type Response struct {
	Status int    // 100 to 999
	Reason []byte // may be empty
	Minor  int    // 0 or 1

	Fields Fields

	// ContentLength is the length of the body that follows: 0 when there is none,
	// -1 when it is chunked or ends with the connection. For the length that a
	// response to HEAD or a 304 declares see Fields.
	ContentLength int64
	Chunked       bool
	// UntilClose is set when the body ends where the connection does.
	UntilClose bool
	// KeepAlive reports whether the connection can be used again after the body.
	KeepAlive bool
	// ConnectionNames is as in Request.
	ConnectionNames bool
}

// HasBody reports whether a body follows, which may be empty if it is chunked or ends with the connection.
func (r *Response) HasBody() bool { return r.ContentLength != 0 }
