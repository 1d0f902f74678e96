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

// reset makes r ready for the next head.
func (r *Response) reset() {
	r.Fields.reset()
	r.Status, r.Reason, r.Minor, r.ContentLength = 0, nil, 0, 0
	r.Chunked, r.UntilClose, r.KeepAlive, r.ConnectionNames = false, false, false, false
}

// parseStart parses the status line at the start of b and returns the index behind it.
func (r *Response) parseStart(b []byte, lim *Limits) (int, fault) {
	minor, i, bad := parseVersion(b, 0)
	switch {
	case bad == needMore:
		return 0, needMore
	case bad != noFault:
		return 0, badStatusLine
	case i+4 >= len(b):
		if len(b) > i && b[i] != ' ' {
			return 0, badStatusLine
		}
		return 0, needMore
	case b[i] != ' ' || b[i+1] == '0':
		return 0, badStatusLine
	}
	status := 0
	for _, c := range b[i+1 : i+4] {
		if c < '0' || c > '9' {
			return 0, badStatusLine
		}
		status = status*10 + int(c-'0')
	}
	i += 4
	reason := i
	if b[i] == ' ' {
		reason++
	} else if b[i] != '\r' && b[i] != '\n' {
		return 0, badStatusLine
	}
	end := valueEnd(b, reason)
	if end > lim.Head {
		return 0, headTooLong
	}
	next, bad := lineEnd(b, end)
	if bad != noFault {
		return 0, bad
	}
	r.Status, r.Minor, r.Reason = status, minor, b[reason:end]
	return next, noFault
}

// finish judges a head whose lines were all parsed. head says that it answers a HEAD.
func (r *Response) finish(head bool) fault {
	length, chunked, bad := r.Fields.parseFraming(r.Minor)
	bodiless := head || r.Status < 200 || r.Status == 204 || r.Status == 304
	switch {
	case bad != noFault && (!bodiless || bad != codingInOldVersion):
		return bad
	case bodiless:
		r.ContentLength = 0
	case chunked || length >= 0:
		r.ContentLength, r.Chunked = length, chunked
	default:
		r.ContentLength, r.UntilClose = -1, true
	}
	o := r.Fields.parseConnection()
	r.KeepAlive = !r.UntilClose && !o.close && (r.Minor > 0 || o.keepAlive)
	r.ConnectionNames = o.names
	return noFault
}
