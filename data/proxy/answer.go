package proxy

import (
	"bytes"

	"gibbon/data/http1"
)

// hopByHop are the fields of an answer that are not passed on: they concern the connection to
// the target only, or are written by the gateway itself.
var hopByHop = [256]bool{
	http1.ConnectionField:           true,
	http1.ContentLengthField:        true,
	http1.KeepAliveField:            true,
	http1.TransferEncodingField:     true,
	http1.UpgradeField:              true,
	http1.ViaField:                  true,
	http1.XAccelBufferingField:      true,
	http1.XKongProxyLatencyField:    true,
	http1.XKongRequestIDField:       true,
	http1.XKongResponseLatencyField: true,
	http1.XKongUpstreamLatencyField: true,
	http1.XKongUpstreamStatusField:  true,
}

// answer passes the target's answer on to the client.
func (x *exchange) answer() {
	up, c := x.upstream, x.conn
	r := up.Response
	x.status, x.proxied = r.Status, true
	x.answered()
	if r.Status == 101 {
		x.tunnel()
		return
	}
	x.answers.fields = &r.Fields
	if x.plan != nil && len(x.plan.Responders) > 0 && !x.respond() {
		return
	}
	if x.filters() {
		x.filterHead(r.Status, &x.answers, true)
	}
	if x.arrived && r.HasBody() {
		x.answerWhole()
		return
	}
	framing := http1.Raw
	unknownLength := r.HasBody() && (r.ContentLength < 0 || x.filtered && x.seen.Response.Get("Content-Length") == nil)
	switch {
	case unknownLength && x.request.Minor > 0:
		framing = http1.Chunked
	case unknownLength:
		c.KeepAlive = false
	}
	c.Out = x.appendAnswer(c.Out[:0], framing, -1)
	x.headDone(len(c.Out))
	switch {
	case x.plan != nil && len(x.plan.BodyFilters) > 0:
		x.copyFiltered(framing, r.HasBody())
	case !r.HasBody():
		x.release()
	case up.BodyWhole():
		x.copyWhole(framing)
	default:
		x.copyBody(framing)
	}
}

// copyWhole passes on a body that has already arrived, so that it leaves with the head in one write.
func (x *exchange) copyWhole(framing http1.Framing) {
	up, c := x.upstream, x.conn
	for !up.BodyDone() {
		piece, err := up.Buffered()
		if err != nil {
			x.truncated(err)
			return
		}
		x.sent += int64(len(piece))
		if framing == http1.Chunked {
			c.Out = http1.AppendChunk(c.Out, piece)
		} else {
			c.Out = append(c.Out, piece...)
		}
	}
	if framing == http1.Chunked {
		c.Out = http1.AppendLastChunk(c.Out, x.answerTrailers())
	}
	x.release()
}

// copyBody passes on a body as it arrives.
func (x *exchange) copyBody(framing http1.Framing) {
	c := x.conn
	result := c.CopyBody(x.upstream, framing)
	x.sent = result.Bytes
	switch {
	case result.WriteErr != nil:
		x.reason = ReasonClientGone
		x.abandon()
		c.Close()
	case result.ReadErr != nil:
		x.truncated(result.ReadErr)
	default:
		if framing == http1.Chunked {
			c.Out = http1.AppendLastChunk(c.Out, x.answerTrailers())
		}
		x.release()
	}
}

// truncated ends an answer that the target broke off: the client gets the bytes that came and then
// the end of the connection, which tells it that something is missing.
func (x *exchange) truncated(err error) {
	x.reason = ReasonTruncatedAnswer
	x.proxy.log.Error("upstream broke off its answer", "reason", string(x.reason), "error", err,
		"upstream", x.service.Balancer.Name(), "request_id", string(x.id[:]))
	x.abandon()
	_ = x.conn.Flush() // the connection ends in either case
	x.conn.Close()
}

// answerTrailers returns the trailers for the client, which gets them when it said that it wants them.
func (x *exchange) answerTrailers() *http1.Fields {
	if !x.request.TETrailers {
		return nil
	}
	return x.upstream.Trailers()
}

// appendAnswer appends the head of the answer that the client gets. length is that of its body when it is
// not the one that the target has told, otherwise -1.
func (x *exchange) appendAnswer(out []byte, framing http1.Framing, length int64) []byte {
	r := x.upstream.Response
	h := &x.proxy.settings.Headers
	if x.status == r.Status {
		out = appendStatusLine(out, r.Status, r.Reason)
	} else {
		out = appendStatusLine(out, x.status, []byte(pluginPhrase(x.status)))
	}
	server := r.Fields.Has(http1.ServerField)
	if x.filtered {
		out = x.appendFiltered(out, &r.Fields, r.ConnectionNames)
		server = x.seen.Response.Get("Server") != nil
	} else {
		for i := range x.early {
			out = appendAdded(out, &x.early[i])
			server = server || http1.EqualFold(x.early[i].Name, "Server")
		}
		out = x.appendFields(out, &r.Fields, r.ConnectionNames)
	}
	switch {
	case length >= 0:
		out = append(out, "Content-Length: "...)
		out = http1.AppendInt(out, length)
		out = append(out, "\r\n"...)
	case framing == http1.Chunked:
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	case r.ContentLength > 0 || r.ContentLength == 0 && r.Fields.Has(http1.ContentLengthField) && r.Status != 204:
		if x.filtered && x.seen.Response.Get("Content-Length") == nil {
			break
		}
		out = append(out, "Content-Length: "...)
		if r.ContentLength > 0 {
			out = http1.AppendInt(out, r.ContentLength)
		} else {
			out = append(out, r.Fields.Value(http1.ContentLengthField)...)
		}
		out = append(out, "\r\n"...)
	}
	if r.Status == 101 {
		out = append(out, "Connection: upgrade\r\nUpgrade: websocket\r\n"...)
	} else {
		out = x.appendConnection(out)
	}
	if h.Server && !server {
		out = append(out, "Server: "+Token+"\r\n"...)
	}
	if h.UpstreamStatus {
		out = append(out, "X-Kong-Upstream-Status: "...)
		out = http1.AppendInt(out, int64(r.Status))
		out = append(out, "\r\n"...)
	}
	out = x.appendLatencies(out)
	switch {
	case h.Via:
		out = appendVia(out, &r.Fields, "1.1 "+Token)
	case r.Fields.Has(http1.ViaField):
		for i := r.Fields.First(http1.ViaField); i >= 0; i = r.Fields.Next(i) {
			out = http1.AppendField(out, "Via", r.Fields.At(i).Value)
		}
	}
	out = x.appendSession(out)
	if x.newCookie != "" {
		u := x.service.Upstream
		out = append(out, "Set-Cookie: "+u.HashOnCookie+"="+x.newCookie+"; Path="+u.HashOnCookiePath+"; Same-Site=Lax; HttpOnly\r\n"...)
	}
	out = x.appendDebug(out)
	out = x.appendRequestID(out)
	return append(out, "\r\n"...)
}

// appendFields appends the fields of an answer that are passed on.
func (x *exchange) appendFields(out []byte, fields *http1.Fields, named bool) []byte {
	for i := range fields.Len() {
		out = x.appendAnswerField(out, fields.At(i), fields, named)
	}
	return out
}

// appendAnswerField appends one of fields, if it is passed on.
func (x *exchange) appendAnswerField(out []byte, f http1.Field, fields *http1.Fields, named bool) []byte {
	switch {
	case hopByHop[f.ID]:
		return out
	case f.ID == http1.TrailerField && !x.request.TETrailers:
		return out
	case f.ID == http1.OtherField && isAccel(f.Name):
		return out
	case f.ID == http1.SetCookieField && x.newCookie != "" && hasPrefix(f.Value, x.service.Upstream.HashOnCookie+"="):
		return out // the hash cookie takes its place
	case named && f.ID != http1.ContentLengthField && fields.Names(http1.ConnectionField, f.Name):
		return out
	case f.ID == http1.ContentTypeField && lacksCharset(f.Value):
		out = append(out, f.Name...)
		out = append(out, ": "...)
		out = append(out, f.Value...)
		return append(out, "; charset=UTF-8\r\n"...)
	}
	return http1.AppendField(out, f.Name, f.Value)
}

// isAccel reports whether a field is an order of the target to nginx, which is nobody else's business.
func isAccel(name []byte) bool {
	const prefix = "X-Accel-"
	return len(name) > len(prefix) && http1.EqualFold(name[:len(prefix)], prefix)
}

// lacksCharset reports whether the reference adds a charset to this Content-Type: to
// some types, when no parameter follows.
func lacksCharset(contentType []byte) bool {
	switch len(contentType) {
	case len("text/html"): // text/xml is one shorter
		return http1.EqualFold(contentType, "text/html")
	case len("text/xml"):
		return http1.EqualFold(contentType, "text/xml")
	case len("text/plain"):
		return http1.EqualFold(contentType, "text/plain")
	case len("text/vnd.wap.wml"):
		return http1.EqualFold(contentType, "text/vnd.wap.wml")
	case len("application/rss+xml"):
		return http1.EqualFold(contentType, "application/rss+xml")
	case len("application/javascript"):
		return http1.EqualFold(contentType, "application/javascript")
	}
	return false
}

func appendStatusLine(out []byte, status int, phrase []byte) []byte {
	out = append(out, "HTTP/1.1 "...)
	out = http1.AppendInt(out, int64(status))
	out = append(out, ' ')
	out = append(out, phrase...)
	return append(out, "\r\n"...)
}

// passInterim passes a 1xx answer on to the client (RFC 9110, section 15.2).
func (x *exchange) passInterim(up *http1.Conn) {
	r := up.Response
	out := appendStatusLine(x.conn.Out[:0], r.Status, r.Reason)
	out = x.appendFields(out, &r.Fields, r.ConnectionNames)
	x.conn.Out = append(out, "\r\n"...)
	_ = x.conn.Flush() // a client that is gone is found out with the final answer
}

// appendDebug appends what a client that may ask for it (Kong-Debug: 1) learns about the route.
func (x *exchange) appendDebug(out []byte) []byte {
	if !x.proxy.settings.AllowDebugHeader || !bytes.Equal(x.request.Fields.Lookup("Kong-Debug"), []byte("1")) {
		return out
	}
	field := func(name, value string) {
		if value != "" {
			out = http1.AppendField(out, name, value)
		}
	}
	field("Kong-Route-Id", x.route.Entity.ID)
	field("Kong-Route-Name", x.route.Entity.Name)
	field("Kong-Service-Id", x.service.Entity.ID)
	field("Kong-Service-Name", x.service.Entity.Name)
	return out
}

// tunnel joins client and target after they agreed to switch protocols.
func (x *exchange) tunnel() {
	up, c := x.upstream, x.conn
	c.KeepAlive = false
	c.Out = x.appendAnswer(c.Out[:0], http1.Raw, -1)
	x.headDone(len(c.Out))
	result := http1.Tunnel(c, up, http1.TunnelOptions{Timeout: x.service.ReadTimeout, In: &x.target.tunnels})
	x.received, x.sent = result.Sent, result.Received
	x.abandon()
	c.Close()
}
