package proxy

import (
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"gibbon/entity"
)

func TestDeadlineIsPassedOn(t *testing.T) {
	tests := []struct {
		name     string
		deadline int64 // of the policy, in milliseconds; 0: none
		trusts   bool
		fields   string
		most     map[string]int64 // milliseconds that the target is told; none: what the client sent, as it is
	}{
		{"none", 0, false, "", map[string]int64{}},
		{"the client's, which nobody trusts, as it is", 0, false, "x-request-deadline: 900\r\ngrpc-timeout: 1S\r\n", nil},
		{"the policy's", 5000, false, "", map[string]int64{"X-Request-Deadline": 5000}},
		{"in place of the client's", 5000, false, "x-request-deadline: 900\r\n", map[string]int64{"X-Request-Deadline": 5000}},
		{"the client's", 0, true, "x-request-deadline: 9000\r\n", map[string]int64{"X-Request-Deadline": 9000}},
		{"the client's for gRPC", 0, true, "grpc-timeout: 9S\r\n", map[string]int64{"X-Request-Deadline": 9000, "grpc-timeout": 9000}},
		{"the smaller one is the client's", 9000, true, "X-Request-Deadline: 5000\r\n", map[string]int64{"X-Request-Deadline": 5000}},
		{"the smaller one is the policy's", 5000, true, "X-Request-Deadline: 9000\r\n", map[string]int64{"X-Request-Deadline": 5000}},
		{"the smallest of three", 9000, true, "X-Request-Deadline: 8000\r\ngrpc-timeout: 5000m\r\n", map[string]int64{"X-Request-Deadline": 5000, "grpc-timeout": 5000}},
		{"gRPC's is never made longer", 9000, false, "grpc-timeout: 5000m\r\n", map[string]int64{"X-Request-Deadline": 9000, "grpc-timeout": 5000}},
		{"nonsense counts for nothing", 5000, true, "X-Request-Deadline: soon\r\ngrpc-timeout: 5\r\n", map[string]int64{"X-Request-Deadline": 5000, "grpc-timeout": 5000}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			origin, heads := recorded(t, 0)
			g := newGateway(t)
			g.configure(t, func(s *entity.Service, _ *entity.Route, _ *entity.Upstream) {
				s.RetryPolicy = &entity.RetryPolicy{TrustDeadline: tt.trusts}
				if tt.deadline > 0 {
					s.RetryPolicy.Deadline = &tt.deadline
				}
			}, origin)
			start := time.Now()
			g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n"+tt.fields+"\r\n")
			head := <-heads
			took := time.Since(start).Milliseconds()
			if tt.most == nil {
				if !strings.Contains(head, tt.fields) {
					t.Errorf("the client's fields are not passed on: %q", head)
				}
				return
			}
			got := map[string]string{}
			for line := range strings.SplitSeq(head, "\r\n") {
				if name, value, _ := strings.Cut(line, ": "); strings.EqualFold(name, "X-Request-Deadline") || strings.EqualFold(name, "grpc-timeout") {
					if got[name] != "" {
						t.Errorf("%s twice", name)
					}
					got[name] = value
				}
			}
			for name, most := range tt.most {
				value := got[name]
				if name == "grpc-timeout" {
					value = strings.TrimSuffix(value, "m")
				}
				if n, err := strconv.ParseInt(value, 10, 64); err != nil || n > most || n < most-took-1 {
					t.Errorf("%s: %s, want %d less what it took (%d)", name, got[name], most, took)
				}
			}
			if len(got) != len(tt.most) {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestDeadlineOfTheClient(t *testing.T) {
	for _, tt := range []struct {
		name, field string
		want        int
	}{
		{"passed before it came", "X-Request-Deadline: 0", http.StatusGatewayTimeout},
		{"passes while the target is silent", "grpc-timeout: 50m", http.StatusGatewayTimeout},
		{"a microsecond is no time", "grpc-timeout: 1u", http.StatusGatewayTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			silent := make(chan struct{})
			t.Cleanup(func() { close(silent) })
			g := newGateway(t, "GIBBON_ERROR_REASON_HEADER=on")
			g.configure(t, func(s *entity.Service, _ *entity.Route, _ *entity.Upstream) {
				s.RetryPolicy = &entity.RetryPolicy{TrustDeadline: true}
			}, newOrigin(t, waitFor(silent)))
			resp, _ := g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n"+tt.field+"\r\n\r\n")
			if resp.StatusCode != tt.want || resp.Header.Get("X-Gibbon-Reason") != string(ReasonDeadline) {
				t.Errorf("got %s %s", resp.Status, resp.Header.Get("X-Gibbon-Reason"))
			}
		})
	}
}

func TestGRPCTimeout(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1H": time.Hour, "2M": 2 * time.Minute, "10S": 10 * time.Second, "0S": 0,
		"99999999m": 99_999_999 * time.Millisecond, "1u": time.Microsecond, "00000001n": 1,
		"99999999H": 1<<63 - 1, // longer than a Duration
		"":          -1, "S": -1, "1": -1, "1s": -1, "1h": -1, "123456789S": -1, "-1S": -1, "+1S": -1, " 1S": -1, "1S ": -1, "1 S": -1, "1.5S": -1, "1SS": -1,
	} {
		got, ok := parseGRPCTimeout([]byte(text))
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, ok, want)
		}
	}
	for left, want := range map[int64]string{0: "0m", 1500: "1500m", 99_999_999: "99999999m", 100_000_000: "100000S", 9_999_999_999: "9999999S"} {
		if got := string(appendGRPCTimeout(nil, left)); got != want+"\r\n" {
			t.Errorf("%d ms are written %q, want %s", left, got, want)
		}
	}
}

// What is taken is of the form that gRPC describes, and means what exact arithmetic says.
func FuzzDeadlines(f *testing.F) {
	for _, seed := range []string{"1S", "99999999H", "5m", "12345678901", "0", "1500", "-1m", "1e3m", "٣S"} {
		f.Add([]byte(seed))
	}
	units := map[byte]int64{'H': 3600_000_000_000, 'M': 60_000_000_000, 'S': 1_000_000_000, 'm': 1_000_000, 'u': 1000, 'n': 1}
	number := func(text string, most int) *big.Int {
		if text == "" || len(text) > most || strings.Trim(text, "0123456789") != "" {
			return nil
		}
		n, _ := new(big.Int).SetString(text, 10)
		return n
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		text := string(value)
		n := number(text, 10)
		if d, ok := parseDeadline(value); ok != (n != nil) || ok && int64(d/time.Millisecond) != n.Int64() {
			t.Fatalf("parseDeadline(%q) = %v, %v; want %v ms", text, d, ok, n)
		}
		n = nil
		if len(text) > 0 && units[text[len(text)-1]] != 0 {
			if n = number(text[:len(text)-1], 8); n != nil {
				n.Mul(n, big.NewInt(units[text[len(text)-1]]))
			}
		}
		d, ok := parseGRPCTimeout(value)
		if ok != (n != nil) {
			t.Fatalf("parseGRPCTimeout(%q) = %v, %v; want %v ns", text, d, ok, n)
		}
		if ok && (n.IsInt64() && int64(d) != n.Int64() || !n.IsInt64() && d != 1<<63-1) {
			t.Fatalf("parseGRPCTimeout(%q) = %v, want %v ns", text, d, n)
		}
		if !ok || d/time.Second > 99_999_999 {
			return
		}
		again, ok := parseGRPCTimeout([]byte(strings.TrimSuffix(string(appendGRPCTimeout(nil, d.Milliseconds())), "\r\n")))
		if !ok || again > d || d-again >= time.Second {
			t.Fatalf("%v is told as %v", d, again)
		}
	})
}
