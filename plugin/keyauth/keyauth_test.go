package keyauth

import (
	"fmt"
	"strings"
	"testing"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func directory() *plugintest.Directory {
	return &plugintest.Directory{
		Consumers: []*entity.Consumer{{ID: "c1", Username: "ann", CustomID: "x1"}, {ID: "c2", Username: "guest"}},
		Keys:      []*entity.KeyAuthCredential{{ID: "k1", Consumer: "c1", APIKey: "secret"}, {ID: "k2", Consumer: "c1", APIKey: "a b"}},
	}
}

// outcome is what becomes of a request: the refusal, or what the target sees.
func outcome(x *plugin.Exchange, r *plugin.Reply) string {
	if r != nil {
		words := []string{fmt.Sprint(r.Status, " ", r.Message)}
		for _, f := range r.Headers {
			words = append(words, f.Name+": "+f.Value)
		}
		return strings.Join(words, " | ")
	}
	words := strings.Join(plugintest.Fields(&x.Request.Header), "; ")
	if q, set := x.Request.SentQuery(); set {
		words += " ?" + q
	}
	if b, set := x.Request.SentBody(); set {
		words += " " + string(b)
	}
	return words
}

const ann = "X-Consumer-ID: c1; X-Consumer-Custom-ID: x1; X-Consumer-Username: ann; X-Credential-Identifier: k1"

func header(name, value string) []plugin.Field { return []plugin.Field{{Name: name, Value: value}} }

func TestAccess(t *testing.T) {
	form := header("Content-Type", "application/x-www-form-urlencoded")
	const formField, noKey = "Content-Type: application/x-www-form-urlencoded; ", "401 No API key found in request | WWW-Authenticate: Key"
	const multi = "--b\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\nsecret\r\n--b\r\nContent-Disposition: form-data; name=\"z\"\r\n\r\n1\r\n--b--\r\n"
	tests := []struct {
		name, config string
		request      plugintest.Request
		want         string
	}{
		{"no key", `{}`, plugintest.Request{}, noKey},
		{"realm", `{"realm":"r"}`, plugintest.Request{}, `401 No API key found in request | WWW-Authenticate: Key realm="r"`},
		{"header", `{}`, plugintest.Request{Headers: header("ApiKey", "secret")}, "ApiKey: secret; " + ann},
		{"header not looked at", `{"key_in_header":false}`, plugintest.Request{Headers: header("apikey", "secret")}, noKey},
		{"empty header", `{}`, plugintest.Request{Headers: header("apikey", ""), Target: "/?apikey=secret"}, noKey},
		{"two headers", `{}`, plugintest.Request{Headers: append(header("apikey", "secret"), header("apikey", "x")...)}, "401 Duplicate API key found | WWW-Authenticate: Key"},
		{"unknown", `{}`, plugintest.Request{Headers: header("apikey", "Secret")}, "401 Unauthorized | WWW-Authenticate: Key"},
		{"query", `{}`, plugintest.Request{Target: "/?apikey=secret"}, ann},
		{"query, encoded", `{}`, plugintest.Request{Target: "/?api%6bey=a+%62"}, strings.Replace(ann, "k1", "k2", 1)},
		{"query not looked at", `{"key_in_query":false}`, plugintest.Request{Target: "/?apikey=secret"}, noKey},
		{"bare argument", `{}`, plugintest.Request{Target: "/?apikey"}, noKey},
		{"two arguments", `{}`, plugintest.Request{Target: "/?apikey=a&apikey=b"}, "401 Duplicate API key found | WWW-Authenticate: Key"},
		{"second name", `{"key_names":["a","b"]}`, plugintest.Request{Target: "/?b=secret"}, ann},
		{"header before query", `{}`, plugintest.Request{Target: "/?apikey=bad", Headers: header("apikey", "secret")}, "apikey: secret; " + ann},
		{"hidden", `{"hide_credentials":true}`, plugintest.Request{Target: "/?z=1&apikey=bad&a=%20", Headers: header("apikey", "secret")}, ann + " ?a=%20&z=1"},
		{"body not looked at", `{}`, plugintest.Request{Headers: form, Body: []byte("apikey=secret")}, noKey},
		{"form", `{"key_in_body":true}`, plugintest.Request{Headers: form, Body: []byte("apikey=secret")}, formField + ann},
		{"form, hidden", `{"key_in_body":true,"hide_credentials":true}`, plugintest.Request{Headers: form, Body: []byte("apikey=secret&z=1")}, formField + ann + " z=1"},
		{"form, twice", `{"key_in_body":true}`, plugintest.Request{Headers: form, Body: []byte("apikey=a&apikey=b")}, "401 Duplicate API key found | WWW-Authenticate: Key"},
		{"JSON, hidden", `{"key_in_body":true,"hide_credentials":true}`, plugintest.Request{Headers: header("Content-Type", "application/json"), Body: []byte(`{"apikey":"secret","z":1}`)}, "Content-Type: application/json; " + ann + ` {"z":1}`},
		{"JSON, a number", `{"key_in_body":true}`, plugintest.Request{Headers: header("Content-Type", "application/json"), Body: []byte(`{"apikey":1}`)}, noKey},
		{"JSON, broken", `{"key_in_body":true}`, plugintest.Request{Headers: header("Content-Type", "application/json"), Body: []byte(`{"apikey":"secret"`)}, noKey},
		{"multipart, hidden", `{"key_in_body":true,"hide_credentials":true}`, plugintest.Request{Headers: header("Content-Type", "multipart/form-data; boundary=b"), Body: []byte(multi)}, "Content-Type: multipart/form-data; boundary=b; " + ann + " --b\r\nContent-Disposition: form-data; name=\"z\"\r\n\r\n1\r\n--b--\r\n"},
		{"oversized", `{}`, plugintest.Request{Headers: header("apikey", strings.Repeat("secret", 20_000))}, "401 Unauthorized | WWW-Authenticate: Key"},
		{"oversized argument", `{}`, plugintest.Request{Target: "/?apikey=" + strings.Repeat("%73", 20_000)}, "401 Unauthorized | WWW-Authenticate: Key"},
		{"oversized form", `{"key_in_body":true}`, plugintest.Request{Headers: form, Body: []byte("apikey=" + strings.Repeat("x", 1<<20))}, "401 Unauthorized | WWW-Authenticate: Key"},
		{"beyond a hundred arguments", `{}`, plugintest.Request{Target: "/?" + strings.Repeat("a=1&", 100) + "apikey=secret"}, noKey},
		{"the beginning of a key", `{}`, plugintest.Request{Headers: header("apikey", "secre")}, "401 Unauthorized | WWW-Authenticate: Key"},
		{"more than a key", `{}`, plugintest.Request{Headers: header("apikey", "secret, secret")}, "401 Unauthorized | WWW-Authenticate: Key"},
		{"header and argument", `{}`, plugintest.Request{Target: "/?apikey=secret", Headers: header("apikey", "bad")}, "401 Unauthorized | WWW-Authenticate: Key"},
		{"preflight", `{}`, plugintest.Request{Method: "OPTIONS"}, noKey},
		{"preflight passes", `{"run_on_preflight":false}`, plugintest.Request{Method: "OPTIONS"}, ""},
		{"anonymous", `{"anonymous":"guest"}`, plugintest.Request{Headers: header("apikey", "bad")}, "apikey: bad; X-Consumer-ID: c2; X-Consumer-Username: guest; X-Anonymous-Consumer: true"},
		{"anonymous is gone", `{"anonymous":"nobody"}`, plugintest.Request{}, "500 An unexpected error occurred"},
		{
			"spoofed", `{}`,
			plugintest.Request{Headers: append(header("X-Consumer-Username", "root"), plugin.Field{Name: "x-anonymous-consumer", Value: "true"}, plugin.Field{Name: "apikey", Value: "secret"})},
			"X-Consumer-Username: ann; apikey: secret; X-Consumer-ID: c1; X-Consumer-Custom-ID: x1; X-Credential-Identifier: k1",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[plugin.Accessor](t, &Plugin, tt.config, nil)
			x, _ := plugintest.New(tt.request, directory())
			if got := outcome(x, s.Access(x)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Of several authentication plugins with anonymous, the first success counts.
func TestAnotherPluginHasAuthenticated(t *testing.T) {
	s := plugintest.Start[plugin.Accessor](t, &Plugin, `{"anonymous":"guest"}`, nil)
	x, _ := plugintest.New(plugintest.Request{}, directory())
	x.Authenticate(&entity.Consumer{ID: "other"}, plugin.Credential{ID: "o"})
	if r := s.Access(x); r != nil || x.Consumer.ID != "other" || x.Anonymous {
		t.Errorf("reply %v, consumer %v", r, x.Consumer)
	}
	strict := plugintest.Start[plugin.Accessor](t, &Plugin, `{}`, nil)
	if r := strict.Access(x); r == nil || r.Status != 401 {
		t.Errorf("without anonymous both must pass: %v", r)
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
