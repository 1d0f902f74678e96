// Package logentry writes an exchange as the JSON object that the logging
// plugins send.
package logentry

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"gibbon/plugin"
	"gibbon/schema"
)

// redacted stands for values that must not get into logs.
const redacted = "REDACTED"

type entry struct {
	Request        request         `json:"request"`
	UpstreamURI    string          `json:"upstream_uri"`
	UpstreamStatus string          `json:"upstream_status"`
	Response       response        `json:"response"`
	Latencies      latencies       `json:"latencies"`
	Tries          []try           `json:"tries"`
	Authenticated  *authenticated  `json:"authenticated_entity,omitempty"`
	Route          json.RawMessage `json:"route,omitempty"`
	Service        json.RawMessage `json:"service,omitempty"`
	Consumer       json.RawMessage `json:"consumer,omitempty"`
	ClientIP       string          `json:"client_ip"`
	StartedAt      int64           `json:"started_at"`
	Source         string          `json:"source"`
	Workspace      string          `json:"workspace"`
	WorkspaceName  string          `json:"workspace_name"`
}

type request struct {
	ID          string         `json:"id"`
	URI         string         `json:"uri"`
	URL         string         `json:"url"`
	Querystring map[string]any `json:"querystring"`
	Method      string         `json:"method"`
	Headers     map[string]any `json:"headers"`
	Size        int64          `json:"size"`
	TLS         *tls           `json:"tls,omitempty"`
}

type tls struct {
	Version      string `json:"version"`
	Cipher       string `json:"cipher"`
	ClientVerify string `json:"client_verify"`
}

type response struct {
	Status  int            `json:"status"`
	Headers map[string]any `json:"headers"`
	Size    int64          `json:"size"`
}

// latencies are in milliseconds.
type latencies struct {
	Kong    int64 `json:"kong"`
	Proxy   int64 `json:"proxy"`
	Request int64 `json:"request"`
	Receive int64 `json:"receive"`
}

type try struct {
	Start     int64  `json:"balancer_start"`
	StartNS   int64  `json:"balancer_start_ns"`
	Latency   int64  `json:"balancer_latency"`
	LatencyNS int64  `json:"balancer_latency_ns"`
	IP        string `json:"ip"`
	Port      uint16 `json:"port"`
	State     string `json:"state,omitempty"`
	Code      int    `json:"code,omitempty"`
}

type authenticated struct {
	ID         string `json:"id"`
	ConsumerID string `json:"consumer_id,omitempty"`
}

// workspace is the id that the reference gives the one workspace of a node without a database.
const workspace = "0dc6f45b-8f8d-40d2-a504-473544ee190b"

// JSON returns the entry of an exchange that is over.
func JSON(x *plugin.Exchange) []byte {
	var s plugin.Summary
	x.Summarize(&s)
	e := entry{
		Request: requestOf(x, &s), UpstreamURI: s.UpstreamURI, UpstreamStatus: s.UpstreamStatus,
		Response: response{Status: x.Response.Status(), Headers: headersOf(&x.Response.Header), Size: s.ResponseSize},
		Latencies: latencies{
			Kong: s.Kong.Milliseconds(), Proxy: s.Proxy.Milliseconds(), Request: s.Request.Milliseconds(), Receive: s.Receive.Milliseconds(),
		},
		Tries: triesOf(&s), ClientIP: string(x.Request.ClientText()), StartedAt: x.Request.Started().UnixMilli(),
		Source: "kong", Workspace: workspace, WorkspaceName: "default",
	}
	if s.Proxy < 0 {
		e.Latencies.Proxy = -1
	}
	if s.Upstream {
		e.Source = "upstream"
	}
	if x.Route != nil {
		e.Route = schema.Append(nil, x.Route)
	}
	if x.Service != nil {
		e.Service = schema.Append(nil, x.Service)
	}
	if x.Consumer != nil {
		e.Consumer = schema.Append(nil, x.Consumer)
	}
	if c := x.Credential; c != nil {
		e.Authenticated = &authenticated{c.ID, c.ConsumerID}
	}
	return encode(&e)
}

func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // there is nothing in it that cannot be written
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func requestOf(x *plugin.Exchange, s *plugin.Summary) request {
	r := &x.Request
	uri := string(r.RawPath())
	if query, has := r.RawQuery(); has {
		uri += "?" + string(query)
	}
	out := request{
		ID: string(x.RequestID()), URI: uri, URL: r.Scheme() + "://" + string(r.Host()) + ":" + plugin.Integer(int64(r.Port())) + uri,
		Querystring: map[string]any{}, Method: string(r.Method()), Headers: headersOf(&r.Header), Size: s.RequestSize,
	}
	for name, value := range r.EachArg {
		if value == nil {
			add(out.Querystring, string(name), true)
		} else {
			add(out.Querystring, string(name), string(value))
		}
	}
	if s.TLSVersion != "" {
		out.TLS = &tls{s.TLSVersion, s.TLSCipher, "NONE"}
	}
	return out
}

// headersOf are the fields of a head by name, in lower case. Credentials are left out.
func headersOf(h *plugin.Header) map[string]any {
	out := make(map[string]any, h.Len())
	for i := range h.Len() {
		l := h.At(i)
		name, value := strings.ToLower(string(l.Name)), string(l.Value)
		if name == "authorization" || name == "proxy-authorization" {
			value = redacted
		}
		add(out, name, value)
	}
	return out
}

// add makes a list of what has the same name.
func add(m map[string]any, name string, v any) {
	switch was := m[name].(type) {
	case nil:
		m[name] = v
	case []any:
		m[name] = append(was, v)
	default:
		m[name] = []any{was, v}
	}
}

func triesOf(s *plugin.Summary) []try {
	tries := make([]try, len(s.Tries))
	for i, t := range s.Tries {
		tries[i] = try{
			Start: t.Started.UnixMilli(), StartNS: t.Started.UnixNano(), Latency: t.Latency.Milliseconds(), LatencyNS: t.Latency.Nanoseconds(),
			IP: t.Address.Addr().String(), Port: t.Address.Port(), Code: t.Status,
		}
		if t.Failed {
			tries[i].State = "failed"
		}
	}
	return tries
}

var errLua = errors.New("fields made by Lua programs are not supported")

// CustomFields declares the fields that the reference lets Lua programs make.
// There is no Lua here: it is refused, and not ignored.
func CustomFields(p *map[string]string) *schema.Value[map[string]string] {
	text := func(p *string) *schema.Value[string] { return schema.String("", p).Is(schema.LenMin(1)) }
	return schema.Map("custom_fields_by_lua", p, text, text).Check(func(m map[string]string) error {
		if len(m) > 0 {
			return errLua
		}
		return nil
	}).Doc("Must be empty: there is no Lua here.")
}
