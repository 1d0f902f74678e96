package settings

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseListeners(t *testing.T) {
	tests := []struct {
		name, text string
		stream     bool
		want       []Listener
	}{
		{"off", "off", false, nil},
		{"nothing", "", false, nil},
		{"plain", "0.0.0.0:8000", false, []Listener{{Host: "0.0.0.0", Port: 8000}}},
		{
			"flags in any order", "0.0.0.0:8443 backlog=16384 reuseport ssl http2", false,
			[]Listener{{Host: "0.0.0.0", Port: 8443, SSL: true, HTTP2: true, ReusePort: true, Backlog: 16384}},
		},
		{"IPv6", "[::]:8000 ipv6only=on", false, []Listener{{Host: "::", Port: 8000, IPv6Only: "on"}}},
		{"name", "localhost:8000", false, []Listener{{Host: "localhost", Port: 8000}}},
		{
			"several", "1.1.1.1:1 proxy_protocol,2.2.2.2:2 deferred bind", false,
			[]Listener{{Host: "1.1.1.1", Port: 1, ProxyProtocol: true}, {Host: "2.2.2.2", Port: 2, Deferred: true, Bind: true}},
		},
		{"keep-alive", "0.0.0.0:1 so_keepalive=30m::10", false, []Listener{{Host: "0.0.0.0", Port: 1, KeepAlive: "30m::10"}}},
		{"stream", "0.0.0.0:5353 udp", true, []Listener{{Host: "0.0.0.0", Port: 5353, UDP: true}}},
		{"any port, twice", "127.0.0.1:0, 127.0.0.1:0", false, []Listener{{Host: "127.0.0.1"}, {Host: "127.0.0.1"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseListeners(tt.text, tt.stream)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("parseListeners(%q) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestParseListenersRefuses(t *testing.T) {
	tests := []struct {
		text   string
		stream bool
		want   string
	}{
		{"8000", false, "no address and port in '8000'"},
		{":8000", false, "bad address '' in ':8000'"},
		{"0.0.0.0:", false, "bad port ''"},
		{"0.0.0.0:65536", false, "bad port '65536'"},
		{"0.0.0.0:+1", false, "bad port '+1'"},
		{"0.0.0.0:80x", false, "bad port '80x'"},
		{"1.2.3:80", false, "bad address '1.2.3'"},
		{"::1:80", false, "no address and port"},
		{"[1.2.3.4]:80", false, "bad address '1.2.3.4'"},
		{"-a:80", false, "bad address '-a'"},
		{"0.0.0.0:80 tls", false, "unknown flag 'tls'"},
		{"0.0.0.0:80 udp", false, "unknown flag 'udp'"},
		{"0.0.0.0:80 http2", true, "unknown flag 'http2'"},
		{"0.0.0.0:80 ssl bind ssl", false, "'ssl' is given twice"},
		{"0.0.0.0:80 ssl=on", false, "unknown flag 'ssl'"},
		{"0.0.0.0:80 backlog", false, "unknown flag 'backlog'"},
		{"0.0.0.0:80 backlog=-1", false, "bad backlog '-1'"},
		{"0.0.0.0:80 ipv6only=yes", false, "bad ipv6only 'yes'"},
		{"0.0.0.0:80 so_keepalive=1:2", false, "bad so_keepalive '1:2'"},
		{"off, 0.0.0.0:80", false, "no address and port in 'off'"},
		{"0.0.0.0:80, 0.0.0.0:80 ssl", false, "names 0.0.0.0:80 twice"},
	}
	for _, tt := range tests {
		if got, err := parseListeners(tt.text, tt.stream); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("parseListeners(%q) = %v, %v, want an error with %q", tt.text, got, err, tt.want)
		}
	}
}

// FuzzListen checks that whatever is accepted means the same when it is written again.
func FuzzListen(f *testing.F) {
	for _, seed := range []string{
		"off", "", "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl", "[::1]:80 ipv6only=off",
		"localhost:1 so_keepalive=1m:2s:3", "0.0.0.0:1 udp", "1.2.3.4:5 bind deferred proxy_protocol", "::", "[fe80::1%eth0]:1", ",,", " :0 =",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, stream bool) {
		parsed, err := parseListeners(text, stream)
		if err != nil {
			return
		}
		var entries []string
		for _, l := range parsed {
			entries = append(entries, l.String())
			if l.shown(stream)["port"] != l.Port {
				t.Fatalf("shown(%v) = %v", l, l.shown(stream))
			}
		}
		again, err := parseListeners(strings.Join(entries, ", "), stream)
		if err != nil {
			t.Fatalf("parseListeners(%q) accepts, but not its own %q: %v", text, entries, err)
		}
		if diff := cmp.Diff(parsed, again); diff != "" {
			t.Fatalf("parseListeners(%q), written again (-want +got):\n%s", text, diff)
		}
	})
}
