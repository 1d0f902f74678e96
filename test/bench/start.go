//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// starts measures the time from exec to the first proxied answer: on an empty
// store, with the service and the route made as soon as the Admin API takes
// them, and on a store that has them already.
func starts(ctx context.Context, o options) error {
	path, err := filepath.Abs(o.gibbon)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:19091")
	if err != nil {
		return err
	}
	origin := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answerBody) }),
		ReadHeaderTimeout: time.Minute,
	}
	go func() { _ = origin.Serve(listener) }()
	defer func() { _ = origin.Close() }() // on the way out
	var ready, first, again []float64
	for range o.rounds {
		dir, err := os.MkdirTemp("", "bench-start-")
		if err != nil {
			return err
		}
		one, err := startOnce(ctx, path, dir, true)
		if err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
		two, err := startOnce(ctx, path, dir, false)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return err
		}
		ready, first, again = append(ready, one.ready), append(first, one.first), append(again, two.first)
	}
	text := fmt.Sprintf("Milliseconds from exec, %d starts: median (least–most).\n\n| | ms |\n|---|---|\n"+
		"| empty store: the Admin API answers | %v |\n| empty store: first answer through a route made then | %v |\n| store with that route: first answer | %v |\n\n%s\n",
		o.rounds, spreadOf(ready), spreadOf(first), spreadOf(again), machine(ctx))
	return publish(o.write, "start", text)
}

// startTime is in milliseconds from exec.
type startTime struct{ ready, first float64 }

func startOnce(ctx context.Context, binary, dir string, empty bool) (t startTime, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, binary, "start", "-p", dir)
	command.Env = append(os.Environ(), "GIBBON_PROXY_LISTEN=127.0.0.1:19180", "GIBBON_ADMIN_LISTEN="+gibbonAdmin, "GIBBON_STATUS_LISTEN=off", "GIBBON_ADMIN_GUI_LISTEN=off")
	var output strings.Builder
	command.Stdout, command.Stderr = &output, &output
	begun := time.Now()
	if err := command.Start(); err != nil {
		return t, err
	}
	defer func() {
		_ = command.Process.Signal(syscall.SIGTERM) // Wait tells if it was gone
		_ = command.Wait()                          // how it ends is of no interest
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, output.String())
		}
	}()
	since := func() float64 { return float64(time.Since(begun).Microseconds()) / 1000 }
	if err := spin(ctx, "http://"+gibbonAdmin+"/status"); err != nil {
		return t, err
	}
	t.ready = since()
	if empty {
		if err := post(ctx, "http://"+gibbonAdmin+"/services", map[string]any{"name": "one", "url": "http://127.0.0.1:19091"}); err != nil {
			return t, err
		}
		if err := post(ctx, "http://"+gibbonAdmin+"/services/one/routes", map[string]any{"paths": []string{"/one"}}); err != nil {
			return t, err
		}
	}
	if err := spin(ctx, "http://127.0.0.1:19180/one"); err != nil {
		return t, err
	}
	t.first = since()
	return t, nil
}

// spin asks until the answer is 200.
func spin(ctx context.Context, url string) error {
	every := time.NewTicker(500 * time.Microsecond)
	defer every.Stop()
	for !ok(ctx, url) {
		select {
		case <-every.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", url, ctx.Err())
		}
	}
	return nil
}
