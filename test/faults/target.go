//go:build linux

package faults

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// environment names the variable that makes a process a target: the address.
const environment = "FAULTS_TARGET"

// Serve serves as a target and does not return, if this process was started as one.
func Serve() {
	address := os.Getenv(environment)
	if address == "" {
		return
	}
	if err := serve(address); err != nil {
		fmt.Fprintln(os.Stderr, "target:", err)
	}
	os.Exit(1)
}

// serve answers 200 at once, unless POST /control has set something else.
func serve(address string) error {
	var delay, status, hits atomic.Int64
	status.Store(http.StatusOK)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /control", func(_ http.ResponseWriter, r *http.Request) {
		for name, at := range map[string]*atomic.Int64{"delay": &delay, "status": &status} {
			if n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64); err == nil {
				at.Store(n)
			}
		}
	})
	mux.HandleFunc("GET /control", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, hits.Load()) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		if d := time.Duration(delay.Load()) * time.Millisecond; d > 0 {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
			}
		}
		w.WriteHeader(int(status.Load()))
		_, _ = io.WriteString(w, "hello\n")
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Minute}
	return server.ListenAndServe()
}

// A target is a process that serves.
type target struct {
	address string
	command *exec.Cmd
}

// startTarget starts a target and waits until it serves.
func startTarget(ctx context.Context, address string) (*target, error) {
	t := &target{address: address}
	return t, t.start(ctx)
}

func (t *target) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	t.command = exec.CommandContext(context.WithoutCancel(ctx), self)
	t.command.Env = append(os.Environ(), environment+"="+t.address)
	t.command.Stderr = os.Stderr
	t.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := t.command.Start(); err != nil {
		return err
	}
	for {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", t.address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("target %s: %w", t.address, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (t *target) signal(s syscall.Signal) error { return t.command.Process.Signal(s) }

// kill ends the process; it may be started again.
func (t *target) kill() error {
	if err := t.command.Process.Kill(); err != nil {
		return err
	}
	_ = t.command.Wait() // it says that the process was killed
	return nil
}

// set controls what a target does.
func (t *target) set(ctx context.Context, what string) error {
	_, err := ask(ctx, http.MethodPost, "http://"+t.address+"/control?"+what, "")
	return err
}

// hits returns how many requests came.
func (t *target) hits(ctx context.Context) (int, error) {
	text, err := ask(ctx, http.MethodGet, "http://"+t.address+"/control", "")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}
