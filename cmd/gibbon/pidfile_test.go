package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPIDFileIsForOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pids", "gibbon.pid")
	if pid, err := runningPID(path); pid != 0 || err != nil {
		t.Errorf("without a file: process %d, %v", pid, err)
	}
	lock, err := lockPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := runningPID(path); pid != os.Getpid() || err != nil {
		t.Errorf("running: process %d, %v, want %d", pid, err, os.Getpid())
	}
	if _, err := lockPIDFile(path); !errors.Is(err, errRunning) {
		t.Errorf("second lock: %v, want errRunning", err)
	}
	if ended, err := waitForEnd(path, time.Millisecond); ended || err != nil {
		t.Errorf("waitForEnd of a running process = %v, %v", ended, err)
	}
	if err := lock.release(); err != nil {
		t.Fatal(err)
	}
	if ended, err := waitForEnd(path, 0); !ended || err != nil {
		t.Errorf("waitForEnd after the end = %v, %v", ended, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestStalePIDFileIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gibbon.pid")
	if err := os.WriteFile(path, []byte("1234567890\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if pid, err := runningPID(path); pid != 0 || err != nil {
		t.Errorf("stale file: process %d, %v", pid, err)
	}
	lock, err := lockPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.release()
	if pid, err := runningPID(path); pid != os.Getpid() || err != nil {
		t.Errorf("taken over: process %d, %v", pid, err)
	}
}

func TestFromHere(t *testing.T) {
	tests := []struct{ url, want string }{
		{"http://0.0.0.0:8000", "http://127.0.0.1:8000"},
		{"http://[::]:8000", "http://127.0.0.1:8000"},
		{"http://[::1]:8000", "http://[::1]:8000"},
		{"https://10.0.0.1:8443", "https://10.0.0.1:8443"},
	}
	for _, tt := range tests {
		if got := fromHere(tt.url); got != tt.want {
			t.Errorf("fromHere(%s) = %s, want %s", tt.url, got, tt.want)
		}
	}
}
