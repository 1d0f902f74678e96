package conformance

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// exchange is one line of a recording.
type exchange struct {
	N         int        `json:"n"`
	Group     string     `json:"group"`
	Note      string     `json:"note"`
	To        string     `json:"to"` // admin (also when empty), proxy or status
	Request   *request   `json:"request"`
	Raw       *string    `json:"raw"` // sent instead of request; bytes as Latin-1
	Responses []response `json:"responses"`
	Answer    *string    `json:"answer"` // every byte of the answer, as Latin-1
	End       string     `json:"end"`    // how the connection ended after answer
	Frames    []frame    `json:"frames"`
	Pause     int        `json:"pause"` // seconds that the recording waited before
}

// field is a header field: name and value.
type field [2]string

type request struct {
	Method  string  `json:"method"`
	Path    string  `json:"path"`
	Version string  `json:"version"` // HTTP/1.1 when empty
	Headers []field `json:"headers"`
	Body    *string `json:"body"` // as it is framed on the wire
}

type response struct {
	Status    int        `json:"status"`
	Reason    string     `json:"reason"` // when the upstream chose it
	Headers   []field    `json:"headers"`
	Body      string     `json:"body"`
	Framing   string     `json:"framing"` // content-length, chunked, close or none
	Truncated bool       `json:"truncated"`
	Error     string     `json:"error"`
	Interim   []response `json:"interim"`
	Trailers  []field    `json:"trailers"` // the reference never sends any
}

// frame is one step of a WebSocket conversation.
type frame struct {
	Send *message `json:"send"`
	Recv *message `json:"recv"`
	EOF  bool     `json:"eof"`
}

type message struct {
	Op      byte   `json:"op"`
	Payload string `json:"payload"` // bytes as Latin-1
}

func get(fields []field, name string) string {
	for _, f := range fields {
		if strings.EqualFold(f[0], name) {
			return f[1]
		}
	}
	return ""
}

// load reads a recording of testdata, line by line into T.
func load[T any](t *testing.T, name string) []T {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name+".jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	for decoder := json.NewDecoder(lines); ; {
		var one T
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s, after %d lines: %v", name, len(all), err)
		}
		all = append(all, one)
	}
}

// bytesOf is the request as it goes over the wire. Content-Length is made to
// fit a body in which ids were replaced.
func (r request) bytesOf() string {
	version := r.Version
	if version == "" {
		version = "HTTP/1.1"
	}
	body := ""
	if r.Body != nil {
		body = *r.Body
	}
	var text strings.Builder
	text.WriteString(r.Method + " " + r.Path + " " + version + "\r\n")
	for _, f := range r.Headers {
		if strings.EqualFold(f[0], "Content-Length") {
			f[1] = strconv.Itoa(len(body))
		}
		text.WriteString(f[0] + ": " + f[1] + "\r\n")
	}
	return text.String() + "\r\n" + body
}

// fromLatin1 is the bytes whose Latin-1 text is s.
func fromLatin1(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		out = append(out, byte(r))
	}
	return string(out)
}
