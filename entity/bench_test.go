package entity

import (
	"testing"

	"gibbon/schema"
)

const routeDoc = `{"id":"4ad544fe-ca33-47a0-b90b-45efa807e594","created_at":1795329791,"updated_at":1795329791,` +
	`"name":"users-17","protocols":["http","https"],"https_redirect_status_code":426,"strip_path":true,` +
	`"preserve_host":false,"request_buffering":true,"response_buffering":true,"tags":["team-a"],` +
	`"service":{"id":"6ecb0df0-03ec-4657-97de-b1246d85c70d"},"snis":null,"sources":null,"destinations":null,` +
	`"methods":["GET","POST"],"hosts":["api.example.test"],"paths":["/users/17"],"headers":null,` +
	`"regex_priority":0,"path_handling":"v0"}`

func BenchmarkLoadRoute(b *testing.B) {
	doc := []byte(routeDoc)
	b.ReportAllocs()
	for b.Loop() {
		if err := schema.Load(doc, new(Route)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoaderRoute(b *testing.B) {
	doc := []byte(routeDoc)
	l := schema.NewLoader[Route]()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Load(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendRoute(b *testing.B) {
	r := new(Route)
	if err := schema.Load([]byte(routeDoc), r); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = schema.Append(buf[:0], r)
	}
}

func BenchmarkDecodeRoute(b *testing.B) {
	var body map[string]any
	decodeJSON(b, []byte(`{"name":"x","paths":["/a","/b"],"service":{"id":"6ecb0df0-03ec-4657-97de-b1246d85c70d"}}`), &body)
	b.ReportAllocs()
	for b.Loop() {
		if err := schema.Decode(body, new(Route)); err != nil {
			b.Fatal(err)
		}
	}
}
