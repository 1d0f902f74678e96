package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func exampleEntry() Entry {
	return Entry{
		Time:      time.Date(2026, 11, 24, 6, 20, 42, 7e6, time.UTC),
		Client:    netip.MustParseAddr("10.1.2.3"),
		Request:   []byte("GET /mock?a=b HTTP/1.1"),
		Host:      []byte("example.test"),
		Status:    200,
		BodyBytes: 17,
		UserAgent: []byte("curl/8.5"),
		RequestID: []byte("0123456789abcdef0123456789abcdef"),
	}
}

func TestCombinedLines(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Entry)
		want   string
	}{
		{"usual", func(*Entry) {}, `10.1.2.3 - - [24/Nov/2026:06:20:42 +0000] "GET /mock?a=b HTTP/1.1" 200 17 "-" "curl/8.5" kong_request_id: "0123456789abcdef0123456789abcdef"`},
		{"joined request line", func(e *Entry) {
			e.Request, e.Method, e.URI, e.Proto = nil, []byte("POST"), []byte("/x"), "HTTP/2.0"
		}, `10.1.2.3 - - [24/Nov/2026:06:20:42 +0000] "POST /x HTTP/2.0" 200 17 "-" "curl/8.5" kong_request_id: "0123456789abcdef0123456789abcdef"`},
		{"user, IPv6, referer", func(e *Entry) {
			e.User, e.Client, e.Referer = []byte("alice"), netip.MustParseAddr("2001:db8::1"), []byte("http://a/")
		}, `2001:db8::1 - alice [24/Nov/2026:06:20:42 +0000] "GET /mock?a=b HTTP/1.1" 200 17 "http://a/" "curl/8.5" kong_request_id: "0123456789abcdef0123456789abcdef"`},
		{"injection", func(e *Entry) {
			e.UserAgent, e.User, e.Request = []byte("a\" 200\n1.2.3.4 - -"), []byte("b\r"), []byte("GET /\x00\xff\\ HTTP/1.1")
		}, `10.1.2.3 - b\x0D [24/Nov/2026:06:20:42 +0000] "GET /\x00\xFF\x5C HTTP/1.1" 200 17 "-" "a\x22 200\x0A1.2.3.4 - -" kong_request_id: "0123456789abcdef0123456789abcdef"`},
		{"nothing known", func(e *Entry) {
			*e = Entry{Time: e.Time, Status: 400}
		}, `- - - [24/Nov/2026:06:20:42 +0000] "" 400 0 "-" "-" kong_request_id: "-"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := exampleEntry()
			tt.change(&e)
			got := string(appendCombined(nil, &e, new(clockText), true))
			if got != tt.want+"\n" {
				t.Errorf("got  %q\nwant %q", got, tt.want+"\n")
			}
		})
	}
}

func TestJSONLines(t *testing.T) {
	e := exampleEntry()
	e.Method, e.URI, e.Proto = []byte("GET"), []byte("/ü\xff\"\\\n"), "HTTP/1.1"
	e.Service, e.Route, e.Upstream, e.Target = "users", "mock", "users.up", "a:80"
	e.Latencies = Latencies{Request: 12345 * time.Microsecond, Kong: 300 * time.Microsecond, Upstream: 12 * time.Millisecond}
	e.Tries = []Try{
		{Address: netip.MustParseAddrPort("10.0.0.1:80"), Failure: "connect", Latency: time.Millisecond},
		{Address: netip.MustParseAddrPort("[::1]:80"), Status: 200, Latency: 11 * time.Millisecond},
	}
	e.Reason = "no_peer"
	const want = `{"time":"2026-11-24T06:20:42.007Z","client":"10.1.2.3","method":"GET","uri":"/ü\ufffd\"\\\u000A",` +
		`"proto":"HTTP/1.1","host":"example.test","status":200,"body_bytes":17,"bytes_in":0,"bytes_out":0,"user_agent":"curl/8.5",` +
		`"request_id":"0123456789abcdef0123456789abcdef","service":"users","route":"mock","upstream":"users.up","target":"a:80",` +
		`"tries":[{"address":"10.0.0.1:80","latency":1.000,"failure":"connect"},{"address":"[::1]:80","status":200,"latency":11.000}],` +
		`"latencies":{"request":12.345,"kong":0.300,"upstream":12.000,"receive":0.000},"reason":"no_peer"}` + "\n"
	if got := string(appendJSON(nil, &e, new(clockText))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	e.Latencies.Upstream = -1
	if got := string(appendJSON(nil, &e, new(clockText))); strings.Contains(got, `"upstream":-`) || strings.Contains(got, "receive") {
		t.Errorf("not proxied, but %s", got)
	}
}

func TestClockFollowsTheTime(t *testing.T) {
	var clock clockText
	at := time.Date(2026, 3, 29, 0, 59, 59, 999e6, time.FixedZone("", 3600))
	for range 3 {
		clock.set(at)
		if want := at.Format("02/Jan/2006:15:04:05 -0700"); string(clock.combined) != want {
			t.Errorf("got %s, want %s", clock.combined, want)
		}
		at = at.Add(time.Millisecond)
	}
}

// FuzzAccessLine checks that no value ends its line or its field, and that JSON is JSON.
func FuzzAccessLine(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1"), []byte("ua"), "route")
	f.Add([]byte("\n\"\\\x00\x7f\xc3\x28"), []byte("\xe2\x80\xa8\xed\xa0\x80\xf4\x90\x80\x80"), "\xff\"")
	f.Fuzz(func(t *testing.T, request, agent []byte, route string) {
		e := exampleEntry()
		e.Request, e.UserAgent, e.User, e.Route = request, agent, agent, route
		line := appendCombined(nil, &e, new(clockText), true)
		if bytes.IndexByte(line, '\n') != len(line)-1 || bytes.Count(line, []byte{'"'}) != 8 {
			t.Fatalf("line %q", line)
		}
		line = appendJSON(nil, &e, new(clockText))
		var got struct {
			Request   string `json:"request"`
			UserAgent string `json:"user_agent"`
			Route     string `json:"route"`
		}
		if err := json.Unmarshal(line, &got); err != nil || bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("line %q: %v", line, err)
		}
		if got.Route != strings.ToValidUTF8(route, "\ufffd") && !strings.Contains(got.Route, "\ufffd") {
			t.Fatalf("route %q reads %q", route, got.Route)
		}
		if string([]rune(string(request))) != got.Request {
			t.Fatalf("request %q reads %q", request, got.Request)
		}
	})
}

// A gate is a writer that stands for a disk: it can stall and fail.
type gate struct {
	mu      sync.Mutex
	taken   bytes.Buffer
	stalled chan struct{} // not nil: Write waits until it is closed
	err     error
	part    int // bytes that a failing Write takes
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	stalled := g.stalled
	g.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		n, _ := g.taken.Write(p[:min(g.part, len(p))])
		return n, g.err
	}
	return g.taken.Write(p)
}

func (g *gate) size() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.taken.Len()
}

func (g *gate) lines() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.SplitAfter(strings.TrimSuffix(g.taken.String(), "\n"), "\n")
}

func TestEntriesAreWrittenSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		l := NewAccessLog(&g, AccessLogOptions{})
		defer l.Close()
		e := exampleEntry()
		l.Append(&e)
		<-time.After(99 * time.Millisecond)
		synctest.Wait()
		if g.size() != 0 {
			t.Error("written at once")
		}
		<-time.After(2 * time.Millisecond)
		synctest.Wait()
		if g.size() == 0 {
			t.Error("not written after 101 ms")
		}
	})
}

func TestFullBufferIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		l := NewAccessLog(&g, AccessLogOptions{Flush: time.Hour})
		defer l.Close()
		e := exampleEntry()
		for range 2000 { // 300 KB
			l.Append(&e)
		}
		synctest.Wait()
		if g.size() < writeFrom {
			t.Errorf("%d bytes written, want at least %d", g.size(), writeFrom)
		}
	})
}

func TestNothingIsLostAtClose(t *testing.T) {
	var g gate
	l := NewAccessLog(&g, AccessLogOptions{Flush: time.Millisecond})
	const writers, each = 8, 2000
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				e := exampleEntry()
				e.Request = fmt.Appendf(nil, "GET /%d/%d", w, i)
				l.Append(&e)
			}
		})
	}
	group.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, line := range g.lines() {
		seen[strings.Split(line, `"`)[1]] = true
	}
	if len(seen) != writers*each || l.Dropped() != 0 {
		t.Errorf("%d different lines, %d dropped, want %d and 0", len(seen), l.Dropped(), writers*each)
	}
	e := exampleEntry()
	l.Append(&e)
	if l.Dropped() != 1 {
		t.Error("an entry after Close is not counted as dropped")
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestSlowDiskDropsEntries(t *testing.T) {
	g := gate{stalled: make(chan struct{})}
	var told []string
	l := NewAccessLog(&g, AccessLogOptions{Limit: 64 << 10, Flush: time.Millisecond, Failed: func(err error) { told = append(told, err.Error()) }})
	const sent = 5000
	for range sent { // returns although nothing can be written
		e := exampleEntry()
		l.Append(&e)
	}
	dropped := l.Dropped()
	if dropped == 0 {
		t.Error("64 KiB hold 5,000 entries")
	}
	close(g.stalled)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := uint64(len(g.lines())); got+l.Dropped() != sent || l.Dropped() != dropped {
		t.Errorf("%d lines and %d dropped (%d before) of %d", got, l.Dropped(), dropped, sent)
	}
	if len(told) != 1 || !strings.Contains(told[0], fmt.Sprintf("%d access log entries dropped", dropped)) {
		t.Errorf("told %q", told)
	}
}

func TestFailingDisk(t *testing.T) {
	g := gate{err: io.ErrShortWrite, part: 40}
	var told []error
	l := NewAccessLog(&g, AccessLogOptions{Failed: func(err error) { told = append(told, err) }})
	e := exampleEntry()
	for range 3 {
		l.Append(&e)
		l.Flush()
	}
	if len(told) != 1 || !errors.Is(told[0], io.ErrShortWrite) {
		t.Errorf("told %v, want one error", told)
	}
	g.mu.Lock()
	g.err = nil
	g.mu.Unlock()
	l.Append(&e)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	lines := g.lines()
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "10.1.2.3 - - [") || !strings.Contains(last, "curl") {
		t.Errorf("after a cut line: %q", lines)
	}
	if l.Dropped() != 3 {
		t.Errorf("%d dropped, want 3", l.Dropped())
	}
}

func TestNilAccessLogTakesEntries(t *testing.T) {
	var l *AccessLog
	e := exampleEntry()
	l.Append(&e)
	l.Flush()
	if err := l.Close(); err != nil || l.Dropped() != 0 {
		t.Errorf("Close = %v, Dropped = %d", err, l.Dropped())
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	for _, format := range []string{"combined", "json"} {
		l := NewAccessLog(io.Discard, AccessLogOptions{Format: format, Flush: time.Hour})
		e := exampleEntry()
		e.Tries = []Try{{Address: netip.MustParseAddrPort("10.0.0.1:80"), Status: 200}}
		if n := testing.AllocsPerRun(1000, func() { l.Append(&e) }); n != 0 {
			t.Errorf("%s: %v allocations per Append, want 0", format, n)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkFormat(b *testing.B) {
	e, clock := exampleEntry(), new(clockText)
	buf := make([]byte, 0, 4096)
	b.Run("combined", func(b *testing.B) {
		for b.Loop() {
			buf = appendCombined(buf[:0], &e, clock, true)
		}
	})
	b.Run("json", func(b *testing.B) {
		for b.Loop() {
			buf = appendJSON(buf[:0], &e, clock)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, format := range []string{"combined", "json"} {
		b.Run(format, func(b *testing.B) {
			l := NewAccessLog(io.Discard, AccessLogOptions{Format: format, RequestID: true})
			defer l.Close()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				e := exampleEntry()
				for n := 0; pb.Next(); n++ {
					l.Append(&e)
					if n%256 == 0 { // no disk is as fast as this loop
						l.Flush()
					}
				}
			})
			if l.Dropped() != 0 {
				b.Errorf("%d of %d dropped", l.Dropped(), b.N)
			}
		})
	}
}
