package proxy

import (
	"strconv"
	"strings"

	"gibbon/data/http1"
)

// noContentType makes head leave the field out.
const noContentType = "-"

// A raiser tells on whose behalf an error is answered. The reference chooses the
// format of the body, and some header fields, by it.
type raiser uint8

const (
	raisedByLogic  raiser = iota // routing and balancing
	raisedByLayer                // the protocol towards the client
	raisedForTries               // the tries at targets, at least one of which was made
)

// fail answers the request on the gateway's own account.
func (x *exchange) fail(status int, message string, reason Reason, by raiser) {
	x.failPhrase(status, reasonPhrase(status), message, reason, by)
}

// failPhrase is fail with a reason phrase of its own.
func (x *exchange) failPhrase(status int, phrase, message string, reason Reason, by raiser) {
	x.status, x.reason = status, reason
	f := x.errorFormat(by)
	contentType := contentTypes[f]
	if f == asGRPC && by != raisedByLogic {
		contentType = contentTypes[asJSON]
	}
	x.head(status, phrase, contentType, by)
	x.finish(x.errorBody(f, message, by))
}

// failUpgrade answers 426: the client shall come again with the protocol named.
func (x *exchange) failUpgrade(protocol, message string, reason Reason) {
	x.status, x.reason = 426, reason
	f := x.errorFormat(raisedByLogic)
	x.head(426, "", contentTypes[f], raisedByLogic)
	out := append(x.conn.Out, "Connection: Upgrade\r\n"...)
	x.conn.Out = http1.AppendField(out, "Upgrade", protocol)
	x.finish(x.errorBody(f, message, raisedByLogic))
}

// upgradeToHTTPS answers a plain request to a route that is for https only.
func (x *exchange) upgradeToHTTPS(status int) {
	if status == 426 {
		x.failUpgrade("TLS/1.2, HTTP/1.1", "Please use HTTPS protocol", ReasonHTTPSRequired)
		return
	}
	x.status, x.reason = status, ReasonHTTPSRequired
	x.head(status, reasonPhrase(status), pageType(status), raisedByLogic)
	out := append(x.conn.Out, "Location: https://"...)
	out = append(out, x.forwardedHost()...)
	out = append(out, x.request.Path...)
	if x.request.HasQuery {
		out = append(out, '?')
		out = append(out, x.request.Query...)
	}
	x.conn.Out = append(out, "\r\n"...)
	x.finishPage(status, "")
}

// refuse answers a request that is not valid HTTP. The connection is closed after it.
func (x *exchange) refuse(err *http1.ProtocolError) {
	x.reason = malformed + Reason(err.Reason)
	x.conn.KeepAlive = false
	switch err.Status {
	case 501, 505:
		x.page(err.Status, "")
	case http1.StatusHeadTooLarge:
		x.failAs(400, statusMessage(err.Status))
	default:
		if err.Reason == "plain_http_on_tls_port" {
			x.page(400, "The plain HTTP request was sent to HTTPS port")
			return
		}
		x.failAs(err.Status, statusMessage(err.Status))
	}
}

// failAs is fail for the protocol layer, with the reason already set.
func (x *exchange) failAs(status int, message string) {
	x.fail(status, message, x.reason, raisedByLayer)
}

// page answers with the small page of a status that has no template.
func (x *exchange) page(status int, explanation string) {
	x.status = status
	x.head(status, reasonPhrase(status), "text/html; charset=UTF-8", raisedByLogic)
	x.finishPage(status, explanation)
}

// statusPage answers with the body that stands for a status: an error with the body
// that the gateway's own errors have, other statuses with the small page. It
// reports false for a status that has neither.
func (x *exchange) statusPage(status int, reason Reason) bool {
	phrase := pluginPhrase(status)
	switch status {
	case 400, 404, 405, 408, 411, 412, 413, 414, 417, 500, 502, 503, 504:
		x.failPhrase(status, phrase, statusMessage(status), reason, raisedByLayer)
		return true
	case 304:
		return false
	}
	if status < 300 || phrase == "" {
		return false
	}
	x.status, x.reason = status, reason
	x.head(status, phrase, pageType(status), raisedByLogic)
	if status == 401 {
		phrase = "Authorization Required"
	}
	x.finish(appendHTMLPage(nil, strconv.Itoa(status)+" ", phrase, ""))
	return true
}

// pageType is the type of a small page; old browsers took the charset of a redirect for that of the next page.
func pageType(status int) string {
	if status == 301 || status == 302 {
		return "text/html"
	}
	return "text/html; charset=UTF-8"
}

func (x *exchange) finishPage(status int, explanation string) {
	x.finish(appendHTMLPage(nil, strconv.Itoa(status)+" ", reasonPhrase(status), explanation))
}

// errorFormat chooses the format of an error body: by Accept, and without one by who raises it.
func (x *exchange) errorFormat(by raiser) format {
	fields := &x.request.Fields
	if fields.Has(http1.AcceptField) {
		return acceptedFormat(fields.Value(http1.AcceptField))
	}
	if by == raisedByLogic {
		return asJSON
	}
	if value := fields.Value(http1.ContentTypeField); value != nil {
		mediaType, _, _ := cut(value, ';')
		if f, known := formatOf(mediaType); known && f != asGRPC {
			return f
		}
	}
	return x.proxy.fallback
}

func (x *exchange) errorBody(f format, message string, by raiser) []byte {
	id := string(x.id[:])
	if f == asGRPC && by != raisedByLogic {
		return append(append([]byte(`{"message":"`), message...), `"}`...)
	}
	if f < asGRPC && x.proxy.templates[f] != "" {
		text := strings.Replace(x.proxy.templates[f], "%s", message, 1)
		return []byte(strings.Replace(text, "%s", id, 1))
	}
	return appendErrorBody(nil, f, message, id)
}

// head begins the head of an answer of the gateway's own.
func (x *exchange) head(status int, phrase, contentType string, by raiser) {
	out := append(x.conn.Out[:0], "HTTP/1.1 "...)
	out = http1.AppendInt(out, int64(status))
	out = append(out, ' ')
	out = append(out, phrase...)
	out = append(out, "\r\n"...)
	if !x.told("Date") {
		out = append(out, "Date: "...)
		out = append(out, x.proxy.clock.Date()...)
		out = append(out, "\r\n"...)
	}
	if contentType != noContentType {
		out = http1.AppendField(out, "Content-Type", contentType)
	}
	out = x.appendConnection(out)
	h := &x.proxy.settings.Headers
	if by == raisedForTries {
		out = x.appendLatencies(out)
		if h.Via {
			out = append(out, "Via: 1.1 "+Token+"\r\n"...)
		}
	} else if h.ResponseLatency {
		out = append(out, "X-Kong-Response-Latency: "...)
		out = http1.AppendInt(out, (x.proxy.now() - x.started).Milliseconds())
		out = append(out, "\r\n"...)
	}
	if h.Server && !x.told("Server") {
		out = append(out, "Server: "+Token+"\r\n"...)
	}
	if x.proxy.settings.ErrorReasonHeader {
		out = http1.AppendField(out, "X-Gibbon-Reason", string(x.reason))
	}
	x.conn.Out = x.appendRequestID(out)
}

// told reports whether a plugin's reply has a field, as the one of a cache has those of the target.
func (x *exchange) told(name string) bool {
	return x.seen.Response.Status() == 0 && x.seen.Response.Get(name) != nil
}

// finish ends the head that was begun and sends it with the body. A body that the client still sends is
// passed over by the engine.
func (x *exchange) finish(body []byte) {
	if x.filters() {
		body = x.filterOwn(body)
	}
	out := x.conn.Out
	bodiless := x.status == 204 || x.status == 304
	if !bodiless {
		out = append(out, "Content-Length: "...)
		out = http1.AppendInt(out, int64(len(body)))
		out = append(out, "\r\n"...)
	}
	out = append(out, "\r\n"...)
	x.conn.Out = out
	x.headDone(len(out))
	if string(x.request.Method) != "HEAD" && !bodiless {
		out = append(out, body...)
		x.sent = int64(len(body))
	}
	x.conn.Out = out
}

func (x *exchange) appendConnection(out []byte) []byte {
	if x.conn.KeepAlive {
		return append(out, "Connection: keep-alive\r\n"...)
	}
	return append(out, "Connection: close\r\n"...)
}

func (x *exchange) appendRequestID(out []byte) []byte {
	if !x.proxy.settings.Headers.RequestID {
		return out
	}
	out = append(out, "X-Kong-Request-Id: "...)
	out = append(out, x.id[:]...)
	return append(out, "\r\n"...)
}

// appendLatencies appends how long the last try's target took, and the gateway before it.
func (x *exchange) appendLatencies(out []byte) []byte {
	h := &x.proxy.settings.Headers
	first := x.first
	if first == 0 {
		first = x.proxy.now()
	}
	if h.UpstreamLatency {
		out = append(out, "X-Kong-Upstream-Latency: "...)
		out = http1.AppendInt(out, (first - x.handed).Milliseconds())
		out = append(out, "\r\n"...)
	}
	if h.ProxyLatency {
		out = append(out, "X-Kong-Proxy-Latency: "...)
		out = http1.AppendInt(out, (x.handed - x.started).Milliseconds())
		out = append(out, "\r\n"...)
	}
	return out
}

// cut is bytes.Cut for one byte.
func cut(b []byte, sep byte) (before, after []byte, found bool) {
	for i, c := range b {
		if c == sep {
			return b[:i], b[i+1:], true
		}
	}
	return b, nil, false
}
