// Package proxycache answers from memory what a target has answered before
// (RFC 9111).
package proxycache

import (
	"bytes"
	"encoding/hex"
	"hash/maphash"
	"math/bits"
	"mime"
	"slices"
	"strings"
	"time"

	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:     "proxy-cache",
	Priority: 100,
	Doc:      "Keeps answers of targets in memory and gives them again.",
	New:      func() schema.Record { return new(settings) },

	Endpoints: newEndpoints,
}

// running is what Start makes of the settings.
type running struct {
	store *Store
	types []contentType
	now   func() time.Time
}

// A contentType is one that is stored; "*" stands for all.
type contentType struct {
	kind, sub string
	params    map[string]string
}

// Start fetches the store, which outlives the settings.
func (s *settings) Start(e *plugin.Env) error {
	s.store = e.Shared(s.Memory.Dictionary, func() any { return NewStore(e.StoreBytes) }).(*Store) //nolint:errcheck,forcetypeassert // made here
	s.now = e.Now
	for _, t := range s.ContentType {
		if parsed, ok := parseType(t); ok {
			s.types = append(s.types, parsed)
		}
	}
	return nil
}

func parseType(text string) (contentType, bool) {
	media, params, err := mime.ParseMediaType(text)
	if err != nil {
		return contentType{}, false
	}
	kind, sub, _ := strings.Cut(media, "/")
	return contentType{kind, sub, params}, true
}

// A pending answer is one that is on its way.
type pending struct {
	key      Key
	resource resource
	since    generation
	unsafe   bool // the request may change the resource, and nothing is stored
	answer   *answer
	body     []byte
	request  []byte
}

// pendingKey is where an Exchange has it.
type pendingKey struct{}

const (
	statusField = "X-Cache-Status"
	keyField    = "X-Cache-Key"
)

// Access answers from the store when it can.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	wants := newDirectives()
	if s.CacheControl {
		readAll(&wants, &x.Request.Header)
	}
	if !slices.Contains(s.RequestMethod, string(x.Request.Method())) || wants.noStore || wants.noCache {
		s.bypass(x)
		return nil
	}
	key, r := s.keyOf(x)
	if s.shows(x, s.ResponseHeaders.Key) {
		var text [2 * len(key)]byte
		x.Response.SetBytes(keyField, hex.AppendEncode(text[:0], key[:]))
	}
	started := x.Request.Started()
	now := started.Unix()
	a := s.store.get(&key, r, now, func(a *answer) bool { return matches(x, a) })
	if a != nil && started.UnixMilli() > a.until {
		a = nil // ages are whole seconds, the time in the store is not
	}
	switch {
	case a != nil && s.usable(a, &wants, now):
		return s.hit(x, a, now)
	case s.CacheControl && wants.onlyIfCached:
		return notStored()
	}
	x.Keep(pendingKey{}, &pending{key: key, resource: r, since: s.store.generation(r), request: requestBody(x)})
	status := "Miss"
	if a != nil {
		status = "Refresh"
	}
	s.tell(x, status)
	return nil
}

// bypass lets a request pass that the store is not for.
func (s *settings) bypass(x *plugin.Exchange) {
	s.tell(x, "Bypass")
	switch string(x.Request.Method()) {
	case "GET", "HEAD", "OPTIONS", "TRACE":
	default:
		if s.CacheControl {
			_, r := s.keyOf(x)
			x.Keep(pendingKey{}, &pending{resource: r, unsafe: true})
		}
	}
}

// usable reports whether a stored answer will do (RFC 9111, sections 4.2 and 5.2.1).
func (s *settings) usable(a *answer, wants *directives, now int64) bool {
	age := a.currentAge(now)
	if !s.CacheControl {
		return age <= int64(s.TTL)
	}
	if wants.maxAge >= 0 && age > wants.maxAge || wants.minFresh >= 0 && a.lifetime-age < wants.minFresh {
		return false
	}
	if age < a.lifetime {
		return true
	}
	return wants.stale >= 0 && age-a.lifetime <= wants.stale && !a.mustRevalidate
}

// hit answers from the store.
func (s *settings) hit(x *plugin.Exchange, a *answer, now int64) *plugin.Reply {
	if s.shows(x, s.ResponseHeaders.Age) {
		x.Response.AddInt("age", a.currentAge(now))
	}
	s.tell(x, "Hit")
	if a.reply.Status == 200 && notModified(x, a) {
		return a.unchanged
	}
	return &a.reply
}

// notModified reports whether the client has the answer already (RFC 9110,
// section 13.2.2).
func notModified(x *plugin.Exchange, a *answer) bool {
	if a.etag == "" && a.modified == "" {
		return false
	}
	if tags := x.Request.Get("If-None-Match"); tags != nil {
		return a.etag != "" && matchesTag(string(tags), a.etag)
	}
	since := x.Request.Get("If-Modified-Since")
	return since != nil && a.modified != "" && !later(a.modified, string(since))
}

// withoutBody is an answer for clients that have its body already.
func withoutBody(full *plugin.Reply) *plugin.Reply {
	r := &plugin.Reply{Status: 304, Proxied: true}
	for _, f := range full.Headers {
		if !strings.EqualFold(f.Name, "Content-Type") {
			r.Headers = append(r.Headers, f)
		}
	}
	return r
}

// notStored is the answer to those who want nothing but what is stored.
func notStored() *plugin.Reply { return &plugin.Reply{Status: 504} }

// requestBody returns a copy of the body of a request, nil when there is none.
func requestBody(x *plugin.Exchange) []byte {
	if x.Request.ContentLength() == 0 {
		return nil
	}
	body, err := x.Request.Body()
	if err != nil {
		return nil // it is only shown in the Admin API
	}
	return slices.Clone(body)
}

// HeaderFilter decides whether the answer is stored.
func (s *settings) HeaderFilter(x *plugin.Exchange) {
	p, _ := x.Value(pendingKey{}).(*pending)
	switch {
	case p == nil:
	case p.unsafe:
		if status := x.Response.Status(); status >= 200 && status < 400 {
			s.store.invalidate(p.resource)
		}
	default:
		if p.answer = s.storable(x); p.answer == nil {
			s.tell(x, "Bypass")
			return
		}
		p.answer.request = p.request
	}
}

// storable returns what is to be stored of an answer but its body, nil when
// nothing is (RFC 9111, section 3).
func (s *settings) storable(x *plugin.Exchange) *answer {
	r := &x.Response
	if !r.Proxied() || r.Status() == 206 || !slices.Contains(s.ResponseCode, r.Status()) || !s.storesType(string(r.Get("Content-Type"))) {
		return nil
	}
	says := newDirectives()
	readAll(&says, &r.Header)
	if x.Consumer == nil && x.Request.Get("Authorization") != nil && !says.public && !says.mustRevalidate && says.sharedMaxAge < 0 {
		return nil // it may be for one user only (RFC 9111, section 3.5)
	}
	vary, ok := varyOf(x)
	if !ok {
		return nil
	}
	a := &answer{vary: vary, lifetime: int64(s.TTL), mustRevalidate: says.mustRevalidate || says.sharedMaxAge >= 0}
	if s.CacheControl && !s.obey(a, &says, &r.Header) {
		return nil
	}
	a.keep = a.lifetime - a.age
	if s.StorageTTL != nil && *s.StorageTTL > 0 {
		a.keep = *s.StorageTTL
	}
	a.reply = plugin.Reply{Status: r.Status(), Proxied: true, Headers: storedFields(&r.Header)}
	a.host = packed(string(x.Request.Host()), a.reply.Headers)
	if r.Status() == 200 {
		a.unchanged = withoutBody(&a.reply)
	}
	a.etag, a.modified = string(r.Get("ETag")), string(r.Get("Last-Modified"))
	return a
}

// obey sets how long an answer is fresh, and reports whether it may be stored.
func (s *settings) obey(a *answer, says *directives, h *plugin.Header) bool {
	if says.private || says.noStore || says.noCache {
		return false
	}
	now := s.now().Unix()
	expires := h.Get("Expires")
	a.lifetime, _ = says.lifetime(string(expires), expires != nil, now)
	if n, ok := deltaSeconds(strings.TrimSpace(string(h.Get("Age")))); ok {
		a.age = n
	}
	if t, err := parseTime(string(h.Get("Date"))); err == nil {
		a.age = max(a.age, now-t.Unix())
	}
	return a.age < a.lifetime
}

func (s *settings) storesType(text string) bool {
	t, ok := parseType(text)
	return ok && slices.ContainsFunc(s.types, func(c contentType) bool {
		return (c.kind == "*" || c.kind == t.kind) && (c.sub == "*" || c.sub == t.sub) && sameParams(c.params, t.params)
	})
}

func sameParams(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, value := range a {
		if b[name] != value {
			return false
		}
	}
	return true
}

// BodyFilter collects the body, and stores the answer at its end.
func (s *settings) BodyFilter(x *plugin.Exchange, piece []byte, last bool) []byte {
	p, _ := x.Value(pendingKey{}).(*pending)
	if p == nil || p.answer == nil {
		return piece
	}
	if int64(len(p.body)+len(piece)) > s.store.largest() {
		p.answer, p.body = nil, nil // it would not fit
		return piece
	}
	p.body = append(p.body, piece...)
	if last {
		a := p.answer
		a.reply.Body = bytes.Clone(p.body) // without what it could still grow by
		now := s.now()
		a.stored, a.until = now.Unix(), now.UnixMilli()+min(a.keep, longest)*1000
		s.store.put(&p.key, p.resource, p.since, a)
		p.answer = nil
	}
	return piece
}

// tell sets X-Cache-Status.
func (s *settings) tell(x *plugin.Exchange, status string) {
	if s.shows(x, s.ResponseHeaders.Status) {
		x.Response.Set(statusField, status)
	}
}

// shows reports whether the client gets to see a field.
func (s *settings) shows(x *plugin.Exchange, on bool) bool {
	return on || x.Request.Get("Kong-Debug") != nil
}

func readAll(d *directives, h *plugin.Header) {
	for i := range h.Len() {
		if l := h.At(i); strings.EqualFold(string(l.Name), "Cache-Control") {
			d.read(string(l.Value))
		}
	}
}

// resourceOf is the address without what tells consumers, methods and variants apart.
func (s *settings) resourceOf(x *plugin.Exchange, path []byte) resource {
	n := maphash.Bytes(s.store.seed, path)
	if x.Route != nil {
		n = bits.RotateLeft64(n, 1) ^ maphash.String(s.store.seed, x.Route.ID)
	}
	return resource(n)
}
