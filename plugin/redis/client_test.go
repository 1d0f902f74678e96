package redis

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gibbon/schema"
	server "gibbon/test/redis"
)

// one asks for a number.
var one = NewScript("return {1}")

func TestUsername(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(users, []byte("user default on nopass ~* +@all\nuser alice on >secret ~* +@all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := server.Start(t, "aclfile", users)
	for _, tt := range []struct {
		username string
		works    bool
	}{{"alice", true}, {"bob", false}} {
		c := NewClient(decoded(t, map[string]any{
			"host": server.Host, "port": json.Number(strconv.Itoa(s.Port)), "timeout": json.Number("5000"), "username": tt.username, "password": "secret",
		}))
		_, err := c.Run(t.Context(), one, nil)
		if (err == nil) != tt.works {
			t.Errorf("%s: %v, want to be let in: %v", tt.username, err, tt.works)
		}
		_ = c.Close() // only asked
	}
}

// decoded are settings as users write them.
func decoded(t *testing.T, record map[string]any) *Settings {
	t.Helper()
	s := new(Settings)
	if err := schema.Decode(record, s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTLS(t *testing.T) {
	web := httptest.NewUnstartedServer(nil) // for its certificate
	web.StartTLS()
	t.Cleanup(web.Close)
	for _, tt := range []struct {
		name     string
		settings map[string]any
		sni      string // what the server is asked for; empty when it is not
		failure  string // of the handshake
	}{
		{"no TLS", map[string]any{}, "", ""},
		{"TLS", map[string]any{"ssl": true}, "localhost", ""},
		{"another name", map[string]any{"ssl": true, "server_name": "redis.test"}, "redis.test", ""},
		{"verified", map[string]any{"ssl": true, "ssl_verify": true, "server_name": "redis.test"}, "redis.test", "certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var config net.ListenConfig
			l, err := config.Listen(t.Context(), "tcp", "localhost:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			names := make(chan string, 10)
			go greet(l, web.TLS.Certificates, names)
			s := decoded(t, tt.settings)
			s.Host, s.Port, s.Timeout = "localhost", l.Addr().(*net.TCPAddr).Port, 5000
			c := NewClient(s)
			defer c.Close()
			_, err = c.Run(t.Context(), one, nil)
			if err == nil || tt.failure != "" && !strings.Contains(err.Error(), tt.failure) ||
				tt.failure == "" && strings.Contains(err.Error(), "certificate") {
				t.Errorf("Run: %v, want a failure with %q", err, tt.failure)
			}
			if got := <-names; got != tt.sni {
				t.Errorf("asked for %q, want %q", got, tt.sni)
			}
		})
	}
}

// greet tells for which name it is asked, "" without TLS, and hangs up.
func greet(l net.Listener, certificates []tls.Certificate, names chan<- string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		name := ""
		secure := tls.Server(conn, &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: certificates,
			GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				name = h.ServerName
				return nil, nil //nolint:nilnil // as it is
			},
		})
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second)) // a listener of the test
		_ = secure.Handshake()                                // fails without TLS, and when the client does not trust
		select {
		case names <- name:
		default:
		}
		_ = conn.Close() // that was all
	}
}

// What the library reports of its own goes to the log of the gateway, and it dials once.
func TestUnreachableServer(t *testing.T) {
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close() // nobody is there from now on
	var log bytes.Buffer
	LogTo(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { LogTo(slog.Default()) })
	logger{slog.New(slog.NewTextHandler(&log, nil))}.Printf(t.Context(), "lost %d", 2)
	if !strings.Contains(log.String(), `msg="redis: lost 2"`) {
		t.Errorf("log: %s", log.String())
	}
	c := NewClient(&Settings{Host: "127.0.0.1", Port: port, Timeout: 60_000})
	defer c.Close()
	if c.client.Options().DialerRetries != 1 {
		t.Errorf("it dials %d times", c.client.Options().DialerRetries)
	}
	if _, err := c.Run(t.Context(), one, nil); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v", err)
	}
}
