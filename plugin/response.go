package plugin

// A Response is the answer that the client gets. Before there is one, fields can
// already be set: they then come before its own.
type Response struct {
	Header

	status  int
	proxied bool
	body    []byte
}

func (r *Response) begin() {
	r.Begin(nil, false)
	r.status, r.proxied, r.body = 0, false, nil
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

// Body returns the whole body of the answer in the phase Response, and nothing in others.
func (r *Response) Body() []byte { return r.body }

// SetBody changes the body in the phase Response. It is not copied.
func (r *Response) SetBody(body []byte) { r.body = body }

// Withdraw takes the answer back: what plugins have added to its fields stays, for the one that takes its place.
func (r *Response) Withdraw() {
	r.removeBase()
	r.status, r.proxied, r.body = 0, false, nil
}
