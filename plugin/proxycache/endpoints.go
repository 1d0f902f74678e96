package proxycache

import (
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"gibbon/plugin"
)

// newEndpoints returns what the plugin adds to the Admin API.
func newEndpoints(state *plugin.State) []plugin.Endpoint {
	e := &endpoints{state.SharedBy("proxy-cache"), state.Now}
	one := map[string]func([]string) plugin.EndpointAnswer{http.MethodGet: e.show, http.MethodDelete: e.forget}
	return []plugin.Endpoint{
		{Path: "/proxy-cache", Methods: map[string]func([]string) plugin.EndpointAnswer{http.MethodDelete: e.clear}},
		{Path: "/proxy-cache/{key}", Methods: one},
		{Path: "/proxy-cache/{plugin}/caches/{key}", Methods: one},
	}
}

// endpoints act on all stores: keys tell routes and consumers apart, so that one
// key is in one store.
type endpoints struct {
	stores func() []any
	now    func() time.Time
}

var notFound = plugin.EndpointAnswer{Status: http.StatusNotFound, Page: true}

func (e *endpoints) each(do func(*Store) bool) {
	for _, v := range e.stores() {
		if s, ok := v.(*Store); ok && !do(s) {
			return
		}
	}
}

func (e *endpoints) clear([]string) plugin.EndpointAnswer {
	e.each(func(s *Store) bool {
		s.clear()
		return true
	})
	return plugin.EndpointAnswer{Status: http.StatusNoContent}
}

func (e *endpoints) forget(params []string) plugin.EndpointAnswer {
	k, ok := parseKey(params[len(params)-1])
	found := false
	if ok {
		e.each(func(s *Store) bool {
			found = s.forget(&k) || found
			return true
		})
	}
	if !found {
		return notFound
	}
	return plugin.EndpointAnswer{Status: http.StatusNoContent}
}

func (e *endpoints) show(params []string) plugin.EndpointAnswer {
	k, ok := parseKey(params[len(params)-1])
	if !ok {
		return notFound
	}
	answer := notFound
	e.each(func(s *Store) bool {
		if a := s.find(&k, e.now().Unix()); a != nil {
			answer = plugin.EndpointAnswer{Status: http.StatusOK, Body: shown(&k, a)}
		}
		return answer.Status != http.StatusOK
	})
	return answer
}

// shown is an answer as the Admin API shows it: with the fields that the client
// got when it was stored.
func shown(k *Key, a *answer) map[string]any {
	fields := map[string]any{
		"content-length": plugin.Integer(int64(len(a.reply.Body))), "connection": "keep-alive",
		keyField: hex.EncodeToString(k[:]), statusField: "Miss",
	}
	for _, f := range a.reply.Headers {
		name := f.Name
		if strings.EqualFold(name, "Content-Type") {
			name = "content-type"
		}
		switch was := fields[name].(type) {
		case nil:
			fields[name] = f.Value
		case string:
			fields[name] = []string{was, f.Value}
		case []string:
			fields[name] = append(was, f.Value)
		}
	}
	return map[string]any{
		"status": a.reply.Status, "headers": fields, "body": string(a.reply.Body), "body_len": len(a.reply.Body),
		"timestamp": a.stored, "ttl": a.lifetime, "version": 1, "req_body": string(a.request),
	}
}
