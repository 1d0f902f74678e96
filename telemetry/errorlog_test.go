package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// logged returns what use writes, without the time.
func logged(t *testing.T, level slog.Level, use func(*slog.Logger)) string {
	t.Helper()
	var b bytes.Buffer
	var v LevelVar
	v.Set(level)
	use(NewErrorLog(&b, "text", &v))
	return regexp.MustCompile(`(?m)^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d `).ReplaceAllString(b.String(), "")
}

func TestErrorLogLines(t *testing.T) {
	pid := os.Getpid()
	tests := []struct {
		name string
		use  func(*slog.Logger)
		want string
	}{
		{"message", func(l *slog.Logger) { l.Error("no such host") }, "[error] PID#0: no such host\n"},
		{"levels of our own", func(l *slog.Logger) { l.Log(t.Context(), LevelNotice, "started") }, "[notice] PID#0: started\n"},
		{"attributes", func(l *slog.Logger) { l.Warn("slow", "client", "10.0.0.1", "port", 80) }, "[warn] PID#0: slow, client: 10.0.0.1, port: 80\n"},
		{"connection", func(l *slog.Logger) { l.With("conn", 5).Warn("reset", "client", "::1") }, "[warn] PID#0: *5 reset, client: ::1\n"},
		{"quoted keys", func(l *slog.Logger) { l.Error("x", "request", "GET / HTTP/1.1", "host", "a") }, `[error] PID#0: x, request: "GET / HTTP/1.1", host: "a"` + "\n"},
		{"groups", func(l *slog.Logger) {
			l.WithGroup("a").With("b", 1).Error("x", slog.Group("c", "d", 2))
		}, "[error] PID#0: x, a.b: 1, a.c.d: 2\n"},
		{"error values", func(l *slog.Logger) { l.Error("x", "error", errors.New("dial: refused")) }, "[error] PID#0: x, error: dial: refused\n"},
		{"line breaks in the message", func(l *slog.Logger) { l.Error("a\nb\x1b[0m") }, `[error] PID#0: a\nb\x1b[0m` + "\n"},
		{"a value that looks like two", func(l *slog.Logger) { l.Error("x", "client", "a, server: b") }, `[error] PID#0: x, client: "a, server: b"` + "\n"},
		{"a value that ends its quotes", func(l *slog.Logger) { l.Error("x", "host", "a\", b: \"c\r\n") }, `[error] PID#0: x, host: "a\x22, b: \x22c\x0D\x0A"` + "\n"},
		{"empty value", func(l *slog.Logger) { l.Error("x", "client", "") }, `[error] PID#0: x, client: ""` + "\n"},
		{"below the level", func(l *slog.Logger) { l.Debug("x") }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := strings.ReplaceAll(tt.want, "PID", strconv.Itoa(pid))
			if got := logged(t, LevelInfo, tt.use); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestErrorLogJSON(t *testing.T) {
	var b bytes.Buffer
	var v LevelVar
	v.Set(LevelNotice)
	l := NewErrorLog(&b, "json", &v)
	l.Info("hidden")
	l.Log(t.Context(), LevelCrit, "disk full", "path", "/a\nb")
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, b.Bytes())
	}
	if got["level"] != "crit" || got["msg"] != "disk full" || got["path"] != "/a\nb" {
		t.Errorf("got %v", got)
	}
}

func TestErrorLogLevelChanges(t *testing.T) {
	var b bytes.Buffer
	var v LevelVar
	v.Set(LevelError)
	l := NewErrorLog(&b, "text", &v).With("client", "::1")
	l.Warn("before")
	v.Set(LevelWarn)
	l.Warn("after")
	if got := b.String(); strings.Contains(got, "before") || !strings.Contains(got, "after, client: ::1") {
		t.Errorf("got %q", got)
	}
}

func TestFileReopens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "error.log")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprint(f, "one\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "two\n")
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "three\n")
	for name, want := range map[string]string{path + ".1": "one\ntwo\n", path: "three\n"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestFileKeepsWritingWhenReopenFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	f, err := OpenFile(filepath.Join(dir, "error.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	if err := f.Reopen(); err == nil {
		t.Error("Reopen succeeds without a folder")
	}
	if _, err := fmt.Fprint(f, "still here\n"); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir+".old", "error.log")); string(got) != "still here\n" {
		t.Errorf("the old file holds %q", got)
	}
}
