package proxy

import (
	"bytes"
	"strings"

	"gibbon/data/balancer"
	"gibbon/data/http1"
)

// madeAnew are the fields of a client's request that are not passed on: they concern the
// connection only (RFC 9110, section 7.6.1), or are written by the gateway itself.
var madeAnew = [256]bool{
	http1.ConnectionField:       true,
	http1.ExpectField:           true,
	http1.HostField:             true,
	http1.KeepAliveField:        true,
	http1.ProxyField:            true,
	http1.ProxyConnectionField:  true,
	http1.TEField:               true,
	http1.TransferEncodingField: true,
	http1.UpgradeField:          true,
	http1.ViaField:              true,
	http1.XForwardedForField:    true,
	http1.XForwardedHostField:   true,
	http1.XForwardedPathField:   true,
	http1.XForwardedPortField:   true,
	http1.XForwardedPrefixField: true,
	http1.XForwardedProtoField:  true,
	http1.XKongRequestIDField:   true,
	http1.XRealIPField:          true,
}

// appendRequest appends the head of the request that goes to a target. It is
// rebuilt from what was understood; nothing is copied through unparsed.
func (x *exchange) appendRequest(out []byte, a *balancer.Address) []byte {
	r := x.request
	out = append(out, x.sentMethod()...)
	out = append(out, ' ')
	out = x.appendTarget(out)
	out = append(out, " HTTP/1.1\r\n"...)
	if r.TETrailers {
		out = append(out, "TE: trailers\r\n"...)
	}
	out = appendVia(out, &r.Fields, x.viaRequest())
	out = append(out, "Host: "...)
	out = x.appendHost(out, a)
	if r.WebSocket {
		out = append(out, "\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"...)
	} else {
		out = append(out, "\r\nConnection: keep-alive\r\n"...)
	}
	out = x.appendForwarded(out)
	if x.proxy.settings.HeadersUpstream.RequestID {
		out = append(out, "X-Kong-Request-Id: "...)
		out = append(out, x.id[:]...)
		out = append(out, "\r\n"...)
	}
	if x.plan != nil && x.seen.Request.Changed() {
		out = x.appendChanged(out)
	} else {
		for i := range r.Fields.Len() {
			out = x.appendRequestField(out, r.Fields.At(i))
		}
	}
	out = x.appendDeadline(out)
	out = x.appendFraming(out)
	return append(out, "\r\n"...)
}

// appendTarget appends the path and query that the target sees.
func (x *exchange) appendTarget(out []byte) []byte {
	r := x.request
	query, hasQuery := r.Query, r.HasQuery
	path := ""
	if x.plan != nil {
		_, path = x.seen.Request.Sent()
		if q, set := x.seen.Request.SentQuery(); set {
			query, hasQuery = []byte(q), q != ""
		}
	}
	if path != "" {
		out = append(out, path...)
	} else {
		rewrite := x.service.Base.Rewrite(x.route.Paths)
		out = rewrite.Append(out, x.path, x.match.Prefix)
	}
	if hasQuery {
		out = append(out, '?')
		out = append(out, query...)
	}
	return out
}

// appendRequestField appends a field of the client's request, if it is passed on.
func (x *exchange) appendRequestField(out []byte, f http1.Field) []byte {
	r := x.request
	switch {
	case madeAnew[f.ID] || !f.Plain || f.ID == http1.OtherField && x.isDeadline(f.Name):
		return out
	case r.ConnectionNames && f.ID != http1.ContentLengthField && r.Fields.Names(http1.ConnectionField, f.Name):
		return out
	case f.ID == http1.ContentLengthField && x.replaced:
		return out
	case f.ID == http1.ContentLengthField:
		out = append(out, "Content-Length: "...)
		out = http1.AppendInt(out, r.ContentLength)
		return append(out, "\r\n"...)
	}
	return http1.AppendField(out, f.Name, f.Value)
}

// appendChanged appends the fields of a request as plugins have left them.
func (x *exchange) appendChanged(out []byte) []byte {
	h := &x.seen.Request.Header
	for i := range h.Len() {
		line := h.At(i)
		if line.Origin >= 0 {
			f := x.request.Fields.At(line.Origin)
			f.Value = line.Value
			out = x.appendRequestField(out, f)
			continue
		}
		if id := http1.IDOf(line.Name); !madeAnew[id] && id != http1.ContentLengthField {
			out = appendMade(out, line.Name, line.Value)
		}
	}
	return out
}

// hostSet is the Host field as a plugin has set it, nil when none did. What is no host is not sent: a
// client may have had a say in it.
func (x *exchange) hostSet() []byte {
	if x.plan == nil || !x.seen.Request.Changed() {
		return nil
	}
	if host := x.seen.Request.Get("Host"); !bytes.Equal(host, x.request.Fields.Value(http1.HostField)) && http1.ValidHost(host) {
		return host
	}
	return nil
}

func (x *exchange) viaRequest() string {
	switch {
	case x.conn.HTTP2():
		return "2 " + Token
	case x.request.Minor == 0:
		return "1 " + Token
	}
	return "1.1 " + Token
}

// appendVia appends the Via field: what came and the gateway's own part (RFC 9110, section 7.6.3).
func appendVia(out []byte, fields *http1.Fields, own string) []byte {
	out = append(out, "Via: "...)
	for i := fields.First(http1.ViaField); i >= 0; i = fields.Next(i) {
		if v := fields.At(i).Value; len(v) > 0 {
			out = append(out, v...)
			out = append(out, ", "...)
		}
	}
	out = append(out, own...)
	return append(out, "\r\n"...)
}

// appendHost appends the value of the Host field for an address.
func (x *exchange) appendHost(out []byte, a *balancer.Address) []byte {
	if host := x.hostSet(); host != nil {
		return append(out, host...)
	}
	if x.route.PreserveHost && len(x.request.Host) > 0 {
		return append(out, x.request.Host...)
	}
	name := x.service.Balancer.HostName(a)
	if strings.IndexByte(name, ':') >= 0 && name[0] != '[' && strings.Count(name, ":") > 1 {
		out = append(out, '[')
		out = append(out, name...)
		out = append(out, ']')
	} else {
		out = append(out, name...)
	}
	if port := int(a.AddrPort.Port()); port != x.service.DefaultPort {
		out = append(out, ':')
		out = http1.AppendInt(out, int64(port))
	}
	return out
}

// serverName is the name that the target's certificate is asked for: the Host field without port.
func (x *exchange) serverName(a *balancer.Address) string {
	if x.route.PreserveHost && len(x.host) > 0 {
		return string(x.host)
	}
	name := x.service.Balancer.HostName(a)
	if i := strings.LastIndexByte(name, ':'); i >= 0 && strings.Count(name, ":") == 1 {
		name = name[:i]
	}
	return name
}
