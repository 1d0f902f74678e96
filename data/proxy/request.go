package proxy

import (
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
	out = append(out, r.Method...)
	out = append(out, ' ')
	rewrite := x.service.Base.Rewrite(x.proxy.flavour, x.route.Entity)
	out = rewrite.Append(out, x.path, x.match.Prefix)
	if r.HasQuery {
		out = append(out, '?')
		out = append(out, r.Query...)
	}
	out = append(out, " HTTP/1.1\r\n"...)
	if r.TETrailers {
		out = append(out, "TE: trailers\r\n"...)
	}
	out = appendVia(out, &r.Fields, viaRequest(r.Minor))
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
	for i := range r.Fields.Len() {
		f := r.Fields.At(i)
		if madeAnew[f.ID] || !f.Plain || f.ID == http1.OtherField && x.isDeadline(f.Name) {
			continue
		}
		if r.ConnectionNames && f.ID != http1.ContentLengthField && r.Fields.Names(http1.ConnectionField, f.Name) {
			continue
		}
		if f.ID == http1.ContentLengthField {
			out = append(out, "Content-Length: "...)
			out = http1.AppendInt(out, r.ContentLength)
			out = append(out, "\r\n"...)
			continue
		}
		out = http1.AppendField(out, f.Name, f.Value)
	}
	out = x.appendDeadline(out)
	out = x.appendFraming(out)
	return append(out, "\r\n"...)
}

func viaRequest(minor int) string {
	if minor == 0 {
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
	if x.route.Entity.PreserveHost && len(x.request.Host) > 0 {
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
	if x.route.Entity.PreserveHost && len(x.host) > 0 {
		return string(x.host)
	}
	name := x.service.Balancer.HostName(a)
	if i := strings.LastIndexByte(name, ':'); i >= 0 && strings.Count(name, ":") == 1 {
		name = name[:i]
	}
	return name
}
