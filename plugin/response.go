package plugin

// A Response is the answer that the client gets. Before there is one, fields can
// already be set: they then come before its own.
type Response struct {
	Header

	status  int
	proxied bool
}

func (r *Response) begin() {
	r.Begin(nil, false)
	r.status, r.proxied = 0, false
}

// Arrive makes r the answer: with these lines, that of a target or not.
func (r *Response) Arrive(status int, lines Lines, proxied bool) {
	r.status, r.proxied = status, proxied
	r.Begin(lines, true)
}

// Status returns the status, 0 while there is no answer.
func (r *Response) Status() int { return r.status }

// SetStatus changes the status in a HeaderFilter.
func (r *Response) SetStatus(status int) { r.status = status }

// Proxied reports whether the answer is a target's.
func (r *Response) Proxied() bool { return r.proxied }
