package proxy

import (
	"bytes"
	"net/netip"

	"gibbon/data/http1"
)

// splitHost parts the Host field into name and port. Without a port there it is
// the one that the connection arrived on.
func (x *exchange) splitHost(host []byte) {
	x.host, x.port = host, x.client.port
	i := bytes.LastIndexByte(host, ':')
	if i < 0 || bytes.IndexByte(host[i:], ']') >= 0 {
		return
	}
	port := 0
	for _, c := range host[i+1:] {
		if c < '0' || c > '9' || port > 65535 {
			return
		}
		port = port*10 + int(c-'0')
	}
	x.host = host[:i]
	if i+1 < len(host) {
		x.port = port
	}
}

// trustForwarded takes from a trusted peer's fields what the client is and asked
// for (real_ip_header, X-Forwarded-Proto).
func (x *exchange) trustForwarded() {
	fields := &x.request.Fields
	if proto := fields.Value(http1.XForwardedProtoField); proto != nil {
		switch {
		case http1.EqualFold(proto, "https"):
			x.scheme = "https"
		case http1.EqualFold(proto, "http"):
			x.scheme = "http"
		}
	}
	value := fields.Lookup(x.proxy.settings.RealIPHeader)
	for len(value) > 0 {
		last := value
		if i := bytes.LastIndexByte(value, ','); i >= 0 {
			last, value = value[i+1:], value[:i]
		} else {
			value = nil
		}
		addr, err := netip.ParseAddr(string(bytes.TrimSpace(last)))
		if err != nil {
			return
		}
		addr = addr.Unmap()
		x.peerBuffer = addr.AppendTo(x.peerBuffer[:0])
		x.peer = x.peerBuffer
		if !x.proxy.settings.RealIPRecursive || !x.proxy.settings.TrustedIPs.Contains(addr) {
			return
		}
	}
}

// forwardedHost is the host that the client asked for, as it is told to others.
func (x *exchange) forwardedHost() []byte {
	if x.client.trusted {
		if v := x.request.Fields.Value(http1.XForwardedHostField); len(v) > 0 {
			return v
		}
	}
	host := bytes.TrimSuffix(x.host, []byte{'.'})
	if len(host) == 0 {
		return []byte("kong")
	}
	x.fwdBuffer = x.fwdBuffer[:0]
	for _, c := range host {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		x.fwdBuffer = append(x.fwdBuffer, c)
	}
	return x.fwdBuffer
}

// appendVisible appends text that was percent-decoded, with the control characters encoded again: in
// a field they could end the line.
func appendVisible(out, text []byte) []byte {
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			out = append(out, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
			continue
		}
		out = append(out, c)
	}
	return out
}

// appendForwarded appends the fields that tell a target about the client.
func (x *exchange) appendForwarded(out []byte) []byte {
	fields := &x.request.Fields
	trusted := func(id http1.FieldID) []byte {
		if !x.client.trusted {
			return nil
		}
		return fields.Value(id)
	}

	out = append(out, "X-Forwarded-For: "...)
	if v := fields.Value(http1.XForwardedForField); v != nil {
		out = append(out, v...)
		out = append(out, ", "...)
		out = append(out, x.client.text...)
	} else {
		out = append(out, x.peer...)
	}

	out = append(out, "\r\nX-Forwarded-Proto: "...)
	if v := trusted(http1.XForwardedProtoField); v != nil {
		out = append(out, v...)
	} else {
		out = append(out, x.scheme...)
	}

	out = append(out, "\r\nX-Forwarded-Host: "...)
	out = append(out, x.forwardedHost()...)

	out = append(out, "\r\nX-Forwarded-Port: "...)
	if v := trusted(http1.XForwardedPortField); v != nil {
		out = append(out, v...)
	} else {
		out = http1.AppendInt(out, int64(x.client.port))
	}

	out = append(out, "\r\nX-Forwarded-Path: "...)
	if v := trusted(http1.XForwardedPathField); v != nil {
		out = append(out, v...)
	} else {
		out = append(out, x.request.Path...)
	}
	out = append(out, "\r\n"...)

	if v := trusted(http1.XForwardedPrefixField); v != nil {
		out = http1.AppendField(out, "X-Forwarded-Prefix", v)
	} else if prefix := x.path[:x.match.Prefix]; x.route.Paths.Strip && len(prefix) > 0 && string(prefix) != "/" {
		out = append(out, "X-Forwarded-Prefix: "...)
		out = appendVisible(out, prefix)
		out = append(out, "\r\n"...)
	}

	out = append(out, "X-Real-IP: "...)
	out = append(out, x.peer...)
	return append(out, "\r\n"...)
}
