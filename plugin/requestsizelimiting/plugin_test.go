package requestsizelimiting

import (
	"fmt"
	"strconv"
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestAccess(t *testing.T) {
	length := func(n int) plugin.Field { return plugin.Field{Name: "Content-Length", Value: strconv.Itoa(n)} }
	expect := plugin.Field{Name: "Expect", Value: "100-continue"}
	chunked := plugin.Field{Name: "Transfer-Encoding", Value: "chunked"}
	tests := []struct {
		name, config string
		size         int // of the body
		headers      []plugin.Field
		want         string
	}{
		{"at the limit", `{"allowed_payload_size":1,"size_unit":"bytes"}`, 1, []plugin.Field{length(1)}, ""},
		{"too large", `{"allowed_payload_size":1,"size_unit":"bytes"}`, 2, []plugin.Field{length(2)}, "413 Request size limit exceeded"},
		{"kilobytes", `{"allowed_payload_size":1,"size_unit":"kilobytes"}`, 1024, []plugin.Field{length(1024)}, ""},
		{"more kilobytes", `{"allowed_payload_size":1,"size_unit":"kilobytes"}`, 1025, []plugin.Field{length(1025)}, "413 Request size limit exceeded"},
		{"megabytes", `{"allowed_payload_size":1}`, 1 << 20, []plugin.Field{length(1 << 20)}, ""},
		{"more megabytes", `{"allowed_payload_size":1}`, 1<<20 + 1, []plugin.Field{length(1<<20 + 1)}, "413 Request size limit exceeded"},
		{"more than can be counted", `{"allowed_payload_size":9223372036854775807}`, 9, []plugin.Field{length(9)}, ""},
		{"the client waits", `{"allowed_payload_size":1,"size_unit":"bytes"}`, 2, []plugin.Field{length(2), expect}, "417 Request size limit exceeded"},
		{"the client waits for what may come", `{"allowed_payload_size":2,"size_unit":"bytes"}`, 2, []plugin.Field{length(2), expect}, ""},
		{"no body", `{"allowed_payload_size":1,"size_unit":"bytes"}`, 0, nil, ""},
		{"chunked, too large", `{"allowed_payload_size":1,"size_unit":"bytes"}`, 5, []plugin.Field{chunked}, "413 Request size limit exceeded"},
		{"chunked", `{"allowed_payload_size":10,"size_unit":"bytes","require_content_length":true}`, 5, []plugin.Field{chunked}, ""},
		{"length wanted", `{"require_content_length":true}`, 5, []plugin.Field{length(5)}, ""},
		{"length of nothing", `{"require_content_length":true}`, 0, []plugin.Field{length(0)}, ""},
		{"length missing", `{"require_content_length":true}`, 0, nil, "411 A valid Content-Length header is required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[plugin.Accessor](t, &Plugin, tt.config, nil)
			r := plugintest.Request{Method: "POST", Body: make([]byte, tt.size), Headers: tt.headers}
			r.Chunked = len(tt.headers) > 0 && tt.headers[0] == chunked
			x, _ := plugintest.New(r, nil)
			got := ""
			if reply := s.Access(x); reply != nil {
				got = fmt.Sprintf("%d %s", reply.Status, reply.Message)
			}
			if got != tt.want {
				t.Errorf("%s with %d bytes: %q, want %q", tt.config, tt.size, got, tt.want)
			}
		})
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
