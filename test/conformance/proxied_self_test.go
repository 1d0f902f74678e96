package conformance

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// onWire is a recorded answer as bytes.
func onWire(r response) string {
	var out strings.Builder
	for _, early := range r.Interim {
		out.WriteString(onWire(early))
	}
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", r.Status, r.Reason)
	body := r.Body
	if latin, ok := strings.CutPrefix(body, "latin1:"); ok {
		body = fromLatin1(latin)
	}
	for _, f := range r.Headers {
		if f[0] == "Content-Length" && !r.Truncated && r.Framing == "content-length" {
			f[1] = strconv.Itoa(len(body))
		}
		if volatile[strings.ToLower(f[0])] && f[1] == "*" {
			f[1] = "7"
		}
		fmt.Fprintf(&out, "%s: %s\r\n", f[0], f[1])
	}
	switch {
	case r.Framing == "chunked" && body != "":
		fmt.Fprintf(&out, "\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	case r.Framing == "chunked":
		out.WriteString("\r\n0\r\n\r\n")
	default:
		out.WriteString("\r\n" + body)
	}
	return out.String()
}

// TestProxyRecordingAgreesWithItself reads every recorded answer off a wire,
// compares it with itself, and then with faults, all of which must be noticed.
func TestProxyRecordingAgreesWithItself(t *testing.T) {
	t.Parallel()
	faults := map[string]func(*response){
		"status":      func(r *response) { r.Status++ },
		"field gone":  func(r *response) { r.Headers = r.Headers[1:] },
		"field added": func(r *response) { r.Headers = append([]field{{"X-Surplus", ""}}, r.Headers...) },
		"framing":     func(r *response) { r.Framing += "?" },
		"upstream saw": func(r *response) {
			r.Body = strings.Replace(r.Body, ` HTTP/1.1", "headers": [`, `x HTTP/1.1", "headers": [`, 1)
		},
	}
	count := 0
	for _, e := range load[exchange](t, "proxy") {
		if e.To != "proxy" {
			continue
		}
		for _, want := range e.Responses {
			if want.Status == 0 {
				continue
			}
			method := "GET"
			if e.Request != nil {
				method = e.Request.Method
			}
			c := &client{read: bufio.NewReader(strings.NewReader(onWire(want)))}
			got, err := c.response(method)
			if err != nil {
				t.Errorf("%d: %v", e.N, err)
				continue
			}
			for i, f := range got.Headers { // one id in header and body
				if strings.EqualFold(f[0], "X-Kong-Request-Id") {
					got.Headers[i][1] = requestID.FindString(want.Body)
				}
			}
			diffs := proxied(want, got)
			if len(diffs) > 0 {
				t.Errorf("%d: with itself: %v", e.N, diffs)
			}
			for name, spoil := range faults {
				bad := got
				spoil(&bad)
				if name == "upstream saw" && bad.Body == got.Body {
					continue
				}
				count++
				if len(proxied(want, bad)) == 0 {
					t.Errorf("%d: fault %q was not noticed", e.N, name)
				}
			}
		}
	}
	if count < 3000 {
		t.Errorf("only %d faults were tried", count)
	}
}
