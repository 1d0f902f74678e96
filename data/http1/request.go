package http1

import "bytes"

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

// reset makes r ready for the next head.
func (r *Request) reset() {
	r.Fields.reset()
	r.Method, r.Target, r.Path, r.Query, r.Host = nil, nil, nil, nil, nil
	r.HasQuery, r.Minor, r.ContentLength = false, 0, 0
	r.Chunked, r.KeepAlive, r.Expect100 = false, false, false
	r.WebSocket, r.TETrailers, r.ConnectionNames = false, false, false
}

// rootPath is the path of an absolute target that names none. Nobody writes to it.
var rootPath = []byte("/")

// parseStart parses the request line at the start of b and returns the index behind it.
func (r *Request) parseStart(b []byte, lim *Limits) (int, fault) {
	i := 0
	for i < len(b) && classes[b[i]]&classMethod != 0 {
		i++
	}
	methodEnd := i
	switch {
	case i == len(b) && i > 32, i < len(b) && (b[i] != ' ' || i == 0):
		return 0, badMethod
	case i == len(b):
		return 0, needMore
	}
	i++
	target := i
	i = targetEnd(b, i)
	switch {
	case i > lim.Line:
		return 0, targetTooLong
	case i == len(b):
		return 0, needMore
	case i == target || b[i] == '\r' || b[i] == '\n':
		return 0, badRequestLine
	case b[i] != ' ':
		return 0, badTarget
	}
	const usual = " HTTP/1.1\r\n"
	if end := i + len(usual); end <= len(b) && string(b[i:end]) == usual && end <= lim.Line {
		r.Minor, r.Method, r.Target = 1, b[:methodEnd], b[target:i]
		return end, noFault
	}
	minor, next, bad := parseVersion(b, i+1)
	if bad != noFault {
		return 0, bad
	}
	if next, bad = lineEnd(b, next); bad != noFault {
		if bad == nulByte || bad == bareCR {
			bad = badRequestLine
		}
		return 0, bad
	}
	if next > lim.Line {
		return 0, targetTooLong
	}
	r.Minor = minor
	r.Method = b[:methodEnd]
	r.Target = b[target:i]
	return next, noFault
}

// parseVersion parses "HTTP/1.x" at i and returns the minor version to speak and the index behind it.
func parseVersion(b []byte, i int) (minor, next int, bad fault) {
	const prefix = "HTTP/"
	for k := range len(prefix) {
		switch {
		case i+k == len(b):
			return 0, 0, needMore
		case b[i+k] != prefix[k]:
			return 0, 0, badRequestLine
		}
	}
	i += len(prefix)
	switch {
	case i == len(b):
		return 0, 0, needMore
	case '2' <= b[i] && b[i] <= '9':
		return 0, 0, newVersion
	case b[i] != '1':
		return 0, 0, badVersion
	case i+2 >= len(b):
		return 0, 0, needMore
	case b[i+1] != '.' || b[i+2] < '0' || b[i+2] > '9':
		return 0, 0, badVersion
	}
	// A sender of HTTP/1.2 or above understands 1.1 (RFC 9110, section 2.5).
	return min(int(b[i+2]-'0'), 1), i + 3, noFault
}

// finish judges a head whose lines were all parsed. start is the index behind the request line.
func (r *Request) finish() fault {
	authority, bad := r.splitTarget()
	if bad != noFault {
		return bad
	}
	host := r.Fields.First(HostField)
	switch {
	case host >= 0 && r.Fields.Next(host) >= 0:
		return twoHosts
	case host >= 0:
		r.Host = r.Fields.value(host)
		if !ValidHost(r.Host) {
			return badHost
		}
	case r.Minor > 0:
		return noHost
	}
	if authority != nil {
		if !ValidHost(authority) {
			return badHost
		}
		r.Host = authority
	}
	length, chunked, bad := r.Fields.parseFraming(r.Minor)
	if bad != noFault {
		return bad
	}
	r.Chunked = chunked
	r.ContentLength = length
	if length < 0 && !chunked {
		r.ContentLength = 0
	}
	r.parseOptions()
	switch string(r.Method) {
	case "TRACE", "CONNECT":
		return forbiddenMethod
	}
	return noFault
}

// parseOptions reads the fields that speak about the connection.
func (r *Request) parseOptions() {
	r.KeepAlive = r.Minor > 0
	var o options
	if r.Fields.Has(ConnectionField) {
		o = r.Fields.parseConnection()
		r.KeepAlive = !o.close && (r.Minor > 0 || o.keepAlive)
		r.ConnectionNames = o.names
	}
	if r.Minor == 0 {
		return
	}
	if o.upgrade {
		r.WebSocket = EqualFold(r.Fields.Value(UpgradeField), "websocket")
	}
	if r.Fields.Has(ExpectField) {
		r.Expect100 = r.ContentLength != 0 && EqualFold(r.Fields.Value(ExpectField), "100-continue")
	}
	if r.Fields.Has(TEField) {
		r.TETrailers = EqualFold(r.Fields.Value(TEField), "trailers")
	}
}

// splitTarget sets Path and Query, and returns the authority of an absolute target.
func (r *Request) splitTarget() (authority []byte, bad fault) {
	t := r.Target
	if t[0] != '/' {
		if string(r.Method) == "CONNECT" {
			return nil, noFault // refused as such
		}
		var rest []byte
		switch {
		case len(t) > 7 && EqualFold(t[:7], "http://"):
			rest = t[7:]
		case len(t) > 8 && EqualFold(t[:8], "https://"):
			rest = t[8:]
		default:
			return nil, badTarget
		}
		end := 0
		for end < len(rest) && rest[end] != '/' && rest[end] != '?' && rest[end] != '#' {
			end++
		}
		if end == 0 {
			return nil, badTarget
		}
		authority, t = rest[:end], rest[end:]
	}
	r.Path = t
	if i := bytes.IndexByte(t, '?'); i >= 0 {
		r.Path, r.Query, r.HasQuery = t[:i:i], t[i+1:], true
	}
	if len(r.Path) == 0 {
		r.Path = rootPath
	} else if r.Path[0] != '/' {
		return nil, badTarget
	}
	return authority, noFault
}

// ValidHost reports whether b is a host, with a port or without (RFC 9110, section 7.2;
// RFC 3986, section 3.2.2).
func ValidHost(b []byte) bool {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		i++
		for i < len(b) && (isHex(b[i]) || b[i] == ':' || b[i] == '.') {
			i++
		}
		if i == 1 || i == len(b) || b[i] != ']' {
			return false
		}
		i++
	} else {
		for i < len(b) && classes[b[i]]&classHost != 0 {
			if b[i] == '.' && i > 0 && b[i-1] == '.' {
				return false
			}
			i++
		}
		if i == 0 {
			return false
		}
	}
	if i == len(b) {
		return true
	}
	if b[i] != ':' || len(b)-i > 6 {
		return false
	}
	for _, c := range b[i+1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}
