package settings

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseConf(t *testing.T) {
	tests := []struct {
		name, text string
		want       map[string]string
	}{
		{"spaces", "  a =  b c  \r\n", map[string]string{"a": "b c"}},
		{"comment", "# a = b\nc = d # e\n", map[string]string{"c": "d"}},
		{"escaped #", `a = b\#c # d`, map[string]string{"a": "b#c"}},
		{"equals sign in the value", "a = b=c", map[string]string{"a": "b=c"}},
		{"empty value", "a =\nb = # c", map[string]string{"a": "", "b": ""}},
		{"last counts", "a = 1\na = 2", map[string]string{"a": "2"}},
		{"byte order mark", "\ufeffa = 1", map[string]string{"a": "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := parseConf([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]string)
			for _, a := range found {
				got[a.key] = a.value
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("parseConf(%q) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestParseConfRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no equals sign", "a = b\nlog_level info", "line 2: expected key = value, got 'log_level info'"},
		{"no key", " = b", "line 1: expected key = value"},
		{"bad key", "log level = b", "line 1: expected key = value"},
		{"section", "[proxy]", "line 1: expected key = value"},
		{"not text", "a = \xff", "line 1: not UTF-8 text"},
		{"NUL", "a = \x00", "line 1: not UTF-8 text"},
		{"too large", strings.Repeat("#", maxFile+1), "larger than"},
	}
	for _, tt := range tests {
		if _, err := parseConf([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: parseConf = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

// FuzzConf checks that accepted files read the same when their assignments are written
// anew, and that loading them neither crashes nor shows a password.
func FuzzConf(f *testing.F) {
	for _, seed := range []string{
		"", "# c\n", "log_level = info", "a=b\\#c#d", "pg_password = x", "proxy_listen = 0.0.0.0:1 ssl, [::]:2", "=\n", "a\n",
		"trusted_ips = 1.2.3.4/33", "nginx_http_x = y", "tracing_sampling_rate = .5", "headers = off, via", "nginx_http_keepalive_timeout = 99999999999y",
		"nginx_http_large_client_header_buffers = 4 8k", "\\#a = b",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := parseConf(data)
		if err != nil {
			return
		}
		var b strings.Builder
		values := map[string]string{}
		for _, a := range found {
			b.WriteString(a.key + " = " + strings.ReplaceAll(a.value, "#", `\#`) + "\n")
			values[strings.ToLower(a.key)] = a.value
		}
		again, err := parseConf([]byte(b.String()))
		if err != nil || len(again) != len(found) {
			t.Fatalf("parseConf(%q) = %v, written again %v, %v", data, found, again, err)
		}
		for i := range again {
			if again[i].key != found[i].key || again[i].value != found[i].value {
				t.Fatalf("parseConf(%q) = %v, written again %v", data, found[i], again[i])
			}
		}
		secret := maps.Clone(values)
		secret["pg_password"], secret["prefix"] = "pa55word", "/p"
		if s, err := load(secret); err == nil && s.Map()["pg_password"] != "******" {
			t.Fatalf("pg_password is shown as %v", s.Map()["pg_password"])
		}
	})
}
