package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"gibbon/data/snapshot"
	"gibbon/plugin"
)

// hooks are what an exchange has to do with plugins. Without plugins the plan
// is nil, and nothing of the rest is touched.
type hooks struct {
	plan    *snapshot.Plan
	running *snapshot.Instance // whose Rewrite or Access runs, or ran last
	seen    plugin.Exchange
	wire    wire
	answers answerLines
	lines   ownLines // of an answer of the gateway's own
	scratch []byte
	gone    []byte // the head that the client got, when a plugin logs it

	filtered bool          // the answer's fields are those in seen
	early    []plugin.Line // otherwise: what plugins have put before them
	arrived  bool          // seen has the answer already
	whole    []byte        // the body of an answer, for its memory
	bodyDone bool          // the body was read to its end
	replaced bool          // the body is a plugin's
}

// pluginReason begins the reasons of answers that a plugin gave; its name follows.
const pluginReason = "plugin_"

// reasonOf is the reason of an answer that a plugin gave.
func reasonOf(p *plugin.Plugin) Reason {
	return pluginReason + Reason(strings.ReplaceAll(p.Name, "-", "_"))
}

// beginPlugins gets ready for the plugins of all requests.
func (x *exchange) beginPlugins() {
	x.plan, x.running, x.filtered, x.early, x.arrived, x.bodyDone, x.replaced = nil, nil, false, nil, false, false, false
	x.gone = x.gone[:0]
	if plan := x.config.Plan(nil); plan != nil {
		x.follow(plan)
	}
}

// follow makes plan the one that is run.
func (x *exchange) follow(plan *snapshot.Plan) {
	if x.plan == nil {
		x.wire.x = x
		x.headers.fields = &x.request.Fields
		x.seen.Begin(&x.wire, x.config.Directory())
	}
	x.plan = plan
}

// rewrite runs the plugins that see a request before it is routed. It reports whether the request
// goes on.
func (x *exchange) rewrite() bool {
	if x.plan == nil {
		return true
	}
	for _, i := range x.plan.Rewrite {
		x.running = i
		if !x.goesOn(i.Rewrite.Rewrite(&x.seen)) {
			return false
		}
	}
	return true
}

// access runs the plugins that see a request before it goes to a target. It reports whether the request
// goes on.
func (x *exchange) access() bool {
	plan := x.config.Plan(x.route)
	if plan == nil {
		return true
	}
	x.follow(plan)
	x.seen.Route = x.route.Entity
	if x.service = x.config.Service(x.route); x.service != nil {
		x.seen.Service = x.service.Entity
	}
	for n := 0; n < len(x.plan.Access); n++ {
		i := x.plan.Access[n]
		x.running = i
		before := x.plan
		if !x.goesOn(i.Access.Access(&x.seen)) {
			return false
		}
		if x.plan != before { // the consumer is known now: on with what comes after i
			n = -1
			for n+1 < len(x.plan.Access) && !x.plan.Access[n+1].After(i) {
				n++
			}
		}
	}
	if body, ok := x.seen.Request.SentBody(); ok && !x.replaceBody(body) {
		return false
	}
	return true
}

// goesOn answers the client when the running plugin has a reply. Otherwise it reports whether the client has
// no answer yet: reading the body may have failed.
func (x *exchange) goesOn(r *plugin.Reply) bool {
	if r == nil || x.status != 0 {
		return x.status == 0
	}
	for i, f := range r.Headers {
		first := true
		for _, other := range r.Headers[:i] {
			first = first && !strings.EqualFold(other.Name, f.Name)
		}
		if first {
			x.seen.Response.Set(f.Name, f.Value)
		} else {
			x.seen.Response.Add(f.Name, f.Value)
		}
	}
	reason := ReasonPluginOff
	if !x.running.Refuses {
		reason = x.proxy.replies[x.running.Plugin]
	}
	if r.Body == nil && r.Message != "" {
		x.failPhrase(r.Status, pluginPhrase(r.Status), r.Message, reason, raisedByLogic)
		return false
	}
	if r.Body == nil && !r.Proxied && x.statusPage(r.Status, reason) {
		return false
	}
	by := raisedByLogic
	if r.Proxied {
		by = raisedForTries
		x.handed = x.proxy.now()
		x.first = x.handed
	}
	x.status, x.reason = r.Status, reason
	contentType := r.ContentType
	if contentType == "" {
		contentType = noContentType
	}
	if lacksCharset([]byte(contentType)) {
		contentType += "; charset=UTF-8"
	}
	x.head(r.Status, pluginPhrase(r.Status), contentType, by)
	x.finish(r.Body)
	return false
}

// pluginPhrase is the reason phrase of a plugin's answer.
func pluginPhrase(status int) string {
	switch status {
	case 200:
		return "OK"
	case 201:
		return "Created"
	case 202:
		return "Accepted"
	case 204:
		return "No Content"
	case 206:
		return "Partial Content"
	case 303:
		return "See Other"
	case 304:
		return "Not Modified"
	case 401:
		return "Unauthorized"
	case 402:
		return "Payment Required"
	case 403:
		return "Forbidden"
	case 406:
		return "Not Acceptable"
	case 409:
		return "Conflict"
	case 410:
		return "Gone"
	case 416:
		return "Requested Range Not Satisfiable"
	case 417:
		return ""
	case 421:
		return "Misdirected Request"
	case 429:
		return "Too Many Requests"
	case 507:
		return "Insufficient Storage"
	}
	return reasonPhrase(status)
}

// panicked ends a request that a panic has stopped. Filters do not run on what the client gets, as it may
// have been one of them.
func (x *exchange) panicked(v any) {
	attrs := []any{
		slog.String("panic", fmt.Sprint(v)), slog.String("request_id", string(x.id[:])), slog.String("stack", string(debug.Stack())),
	}
	reason := ReasonInternal
	if x.plan != nil && x.running != nil {
		attrs = append(attrs, slog.String("plugin", x.running.Plugin.Name))
		reason = ReasonPluginPanic
	}
	x.proxy.log.Error("request ended by a panic", attrs...)
	x.abandon()
	plan := x.plan
	x.plan, x.filtered, x.early = nil, false, nil
	if x.headBytes == 0 { // nothing of an answer is on its way
		x.proxied = false
		x.fail(500, statusMessage(500), reason, raisedByLogic)
		x.plan = plan
		x.headDone(int(x.headBytes))
	} else {
		x.reason = reason
		x.conn.Close()
	}
	x.plan = plan
}

// headDone says that the head of the answer is complete, so many bytes of conn.Out. It is copied for those
// who log it: the buffers go back before.
func (x *exchange) headDone(length int) {
	x.headBytes = int64(length)
	if x.plan != nil && len(x.plan.Loggers) > 0 {
		x.gone = append(x.gone[:0], x.conn.Out[:length]...)
	}
}

// logPlugins tells the plugins that the exchange is over. A panic in one ends its turn only.
func (x *exchange) logPlugins() {
	if len(x.plan.Loggers) == 0 {
		return
	}
	x.lines.head, x.lines.names, x.lines.values = nil, x.lines.names[:0], x.lines.values[:0]
	if len(x.gone) > 0 {
		x.lines.head = bytes.TrimSuffix(x.gone, []byte("\r\n")) // of the empty line
	}
	x.seen.Response.Begin(&x.lines, false)
	for _, i := range x.plan.Loggers {
		x.logPlugin(i)
	}
}

func (x *exchange) logPlugin(i *snapshot.Instance) {
	defer func() {
		if v := recover(); v != nil {
			x.proxy.log.Error("a plugin's log was ended by a panic", slog.String("plugin", i.Plugin.Name),
				slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
		}
	}()
	i.Log.Log(&x.seen)
}

// errAnswered says that the request failed while its body was read, and that the client knows.
var errAnswered = errors.New("the request's body could not be read")

// replaceBody makes body the one that goes to the target.
func (x *exchange) replaceBody(body []byte) bool {
	if !x.bodyDone && !x.readBody(-1) {
		return false
	}
	x.body.reset()
	if err := x.body.add(body); err != nil {
		x.proxy.log.Error("request body lost", "error", err, "request_id", string(x.id[:]))
		x.fail(500, statusMessage(500), ReasonBodySpool, raisedByLayer)
		return false
	}
	x.replaced, x.upload = true, spooled
	return true
}

// sentMethod is the method that the target sees.
func (x *exchange) sentMethod() []byte {
	if x.plan != nil {
		if method, _ := x.seen.Request.Sent(); method != "" {
			return []byte(method)
		}
	}
	return x.request.Method
}
