package http1

// ParseRequest parses a whole request head that came over no connection. It judges
// as a server does that has these limits. The request refers to head, which must
// be shorter than 64 KiB.
func ParseRequest(head []byte, limits Limits) (*Request, *ProtocolError) {
	limits = limits.withDefaults()
	r := new(Request)
	r.reset()
	at, bad := r.parseStart(head, &limits)
	if bad == noFault {
		_, bad = r.Fields.parseLines(head, at, &limits)
	}
	if bad == noFault {
		bad = r.finish()
	}
	switch {
	case bad == needMore && len(head) > limits.Head:
		bad = headTooLong
	case bad == needMore:
		bad = badRequestLine
	}
	if bad != noFault {
		return nil, bad.refusal()
	}
	return r, nil
}
