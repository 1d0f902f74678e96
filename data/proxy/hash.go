package proxy

import (
	"bytes"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"gibbon/data/balancer"
	"gibbon/data/http1"
	"gibbon/data/router"
	"gibbon/entity"
)

// hash works out the key for consistent hashing: that of hash_on, else of
// hash_fallback, else of the empty string.
func (x *exchange) hash() {
	u := x.service.Upstream
	if u == nil {
		return
	}
	input, ok := x.hashInput(u, u.HashOn, u.HashOnHeader, u.HashOnQueryArg, u.HashOnURICapture)
	if !ok {
		input, _ = x.hashInput(u, u.HashFallback, u.HashFallbackHeader, u.HashFallbackQueryArg, u.HashFallbackURICapture)
	}
	x.attempt.Hash = balancer.HashBytes(input)
}

func (x *exchange) hashInput(u *entity.Upstream, on, header, argument, capture string) ([]byte, bool) {
	switch on {
	case "ip":
		return x.peer, true
	case "header":
		return x.headerInput(header)
	case "cookie":
		return x.cookieInput(u.HashOnCookie)
	case "path":
		path, err := router.Decode(x.fwdBuffer[:0], x.request.Path)
		return path, err == nil
	case "query_arg":
		return argumentInput(string(x.request.Query), argument)
	case "uri_capture":
		return x.match.Capture(capture)
	}
	if x.plan != nil && x.seen.Consumer != nil { // on == "consumer"
		return []byte(x.seen.Consumer.ID), true
	}
	return nil, false
}

// headerInput joins the values of all lines with this name.
func (x *exchange) headerInput(name string) ([]byte, bool) {
	fields := &x.request.Fields
	i := fields.Find(name, 0)
	if i < 0 {
		return nil, false
	}
	input := append(x.fwdBuffer[:0], fields.At(i).Value...)
	for i = fields.Find(name, i+1); i >= 0; i = fields.Find(name, i+1) {
		input = append(input, ", "...)
		input = append(input, fields.At(i).Value...)
	}
	x.fwdBuffer = input
	return input, true
}

// cookieInput is the value of the cookie, or a new one which the client will get.
func (x *exchange) cookieInput(name string) ([]byte, bool) {
	if value, ok := x.cookie(name); ok {
		return value, true
	}
	x.newCookie = uuid.NewString()
	return []byte(x.newCookie), true
}

// cookie is the value of a cookie that the client sent.
func (x *exchange) cookie(name string) ([]byte, bool) {
	fields := &x.request.Fields
	for i := fields.First(http1.CookieField); i >= 0; i = fields.Next(i) {
		rest := fields.At(i).Value
		for len(rest) > 0 {
			var pair []byte
			pair, rest, _ = cut(rest, ';')
			key, value, ok := cut(bytes.TrimSpace(pair), '=')
			if ok && string(key) == name {
				return value, true
			}
		}
	}
	return nil, false
}

// session looks for the cookie that says where the client's session is.
func (x *exchange) session() {
	name, _ := x.service.Balancer.SessionCookie()
	x.attempt.Session, _ = x.cookie(name)
}

// appendSession appends the cookie that binds the client to the target that answered.
func (x *exchange) appendSession(out []byte) []byte {
	value := x.attempt.NewSession()
	if value == "" {
		return out
	}
	name, path := x.service.Balancer.SessionCookie()
	out = append(out, "Set-Cookie: "...)
	out = append(out, name...)
	out = append(out, '=')
	out = append(out, value...)
	tail := rand.Uint32() //nolint:gosec // it tells sessions apart, and opens nothing
	for shift := 4 * (balancer.SessionTail - 1); shift >= 0; shift -= 4 {
		out = append(out, "0123456789abcdef"[tail>>shift&0xf])
	}
	out = append(out, "; Path="...)
	out = append(out, path...)
	return append(out, "; SameSite=Lax; HttpOnly\r\n"...)
}

// argumentInput is the value of a query argument; several are sorted and joined.
func argumentInput(query, name string) ([]byte, bool) {
	var values []string
	const limit = 100 // lua_max_uri_args
	for range limit {
		var pair string
		var more bool
		pair, query, more = strings.Cut(query, "&")
		key, value, hasValue := strings.Cut(pair, "=")
		if k, err := url.QueryUnescape(key); err == nil && k == name && pair != "" {
			switch v, err := url.QueryUnescape(value); {
			case err != nil:
				values = append(values, value)
			case hasValue:
				values = append(values, v)
			default:
				values = append(values, "true")
			}
		}
		if !more {
			break
		}
	}
	if len(values) == 0 {
		return nil, false
	}
	slices.Sort(values)
	return []byte(strings.Join(values, ",")), true
}
