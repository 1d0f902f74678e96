package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"gibbon/settings"
	"gibbon/telemetry"
)

// noContext is for log lines that belong to no request.
var noContext = context.Background()

// runNode runs a node until it ends or a signal ends it: TERM and INT at once, QUIT after
// running requests. HUP reads the settings again, USR1 reopens logs. Ready is called when
// the node serves.
func (c *commandLine) runNode(s *settings.Settings, screen io.Writer, ready func([]listening)) (err error) {
	if err := makePrefix(s); err != nil {
		return err
	}
	signals := make(chan os.Signal, 8) // before the process can be found
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1)
	signal.Ignore(syscall.SIGPIPE) // a screen that goes away is no reason to end
	defer signal.Stop(signals)
	lock, err := lockPIDFile(s.PIDFile())
	if errors.Is(err, errRunning) {
		return alreadyRunning(s)
	}
	if err != nil {
		return fmt.Errorf("write the process id: %w", err)
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	id, err := nodeID(s)
	if err != nil {
		return err
	}
	if err := s.Save(s.SavedFile()); err != nil {
		return err
	}
	if s.WorkerProcesses > 0 {
		runtime.GOMAXPROCS(s.WorkerProcesses)
	}
	l, err := openLogs(s, screen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	for _, name := range s.Unused() {
		l.error.Warn("a setting has no effect", "name", name)
	}

	n := node{
		command: c, current: s, logs: l, lock: lock,
		reloads: make(chan *settings.Settings, 1), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	defer close(n.ended)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go n.follow(ctx, signals, stop)

	err = serve(ctx, s, serveOptions{
		nodeID: id, hostname: hostname(), log: l.error, level: &l.level,
		access: l.proxy, adminAccess: l.admin, statusAccess: l.status, guiAccess: l.gui,
		quit: n.quit, reload: n.reloads, migrate: c.migrate,
		ready: func(open []listening) {
			for _, o := range open {
				l.error.Log(ctx, telemetry.LevelNotice, "listening", "for", o.name, "url", o.url)
			}
			l.error.Log(ctx, telemetry.LevelNotice, "started", "version", version, "node", id)
			ready(open)
		},
	})
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // told to stop while it was starting
	}
	if err != nil {
		l.error.Error("ended by an error", "error", err)
		return err
	}
	l.error.Log(ctx, telemetry.LevelNotice, "stopped")
	return nil
}

// A node is the running process, as signals see it.
type node struct {
	command *commandLine
	current *settings.Settings
	logs    *logs
	lock    *pidFile
	reloads chan *settings.Settings
	quit    chan struct{} // closed by QUIT
	ended   chan struct{} // closed when serve has returned
}

// follow obeys signals until ctx ends.
func (n *node) follow(ctx context.Context, signals <-chan os.Signal, stop func()) {
	quitting := false
	for {
		var s os.Signal
		select {
		case <-ctx.Done():
			return
		case s = <-signals:
		}
		switch s {
		case syscall.SIGHUP:
			n.reload(ctx)
		case syscall.SIGUSR1:
			n.logs.reopen()
		case syscall.SIGQUIT:
			if !quitting {
				quitting = true
				n.logs.error.Log(ctx, telemetry.LevelNotice, "finishing running requests")
				close(n.quit)
			}
		default:
			n.logs.error.Log(ctx, telemetry.LevelNotice, "stopping", "signal", s.String())
			signal.Reset(syscall.SIGINT, syscall.SIGTERM) // the next one ends the process as it is
			stop()
			n.cutOff()
			return
		}
	}
}

// stopWithin is how long serve may take to return after it was told to stop.
const stopWithin = 3 * time.Second

// cutOff ends the process when serve does not return in time. What was acknowledged is on
// disk, and the logs lose nothing.
func (n *node) cutOff() {
	select {
	case <-n.ended:
		return
	case <-time.After(stopWithin):
	}
	n.logs.error.Warn("stopped by force: something did not end in time")
	_ = errors.Join(n.logs.close(), n.lock.release()) // nobody is left to tell
	os.Exit(1)
}

// reloadFile is where 'gibbon reload' leaves the settings that it has read.
func reloadFile(s *settings.Settings) string { return s.Path(".gibbon_reload") }

// reload takes over settings that can change live: those that 'gibbon reload' left, else
// those that the node's own sources give now.
func (n *node) reload(ctx context.Context) {
	next, err := settings.LoadSaved(reloadFile(n.current))
	if errors.Is(err, os.ErrNotExist) {
		next, err = settings.Load(n.command.source())
	} else {
		_ = os.Remove(reloadFile(n.current)) // at worst it is read once more
	}
	var adopted *settings.Settings
	if err == nil {
		adopted, err = n.current.Adopt(next)
	}
	if err != nil {
		n.logs.error.Error("settings are not reloaded", "error", err)
		return
	}
	for _, change := range n.current.Changes(next) {
		if !change.Live {
			n.logs.error.Warn("a setting changes at the next restart only", "name", change.Name)
		}
	}
	n.current = adopted
	level, _ := telemetry.ParseLevel(adopted.LogLevel)
	n.logs.level.Set(level)
	select {
	case <-n.reloads: // not taken yet, and out of date
	default:
	}
	n.reloads <- adopted
	if err := adopted.Save(adopted.SavedFile()); err != nil {
		n.logs.error.Error("settings are in force, but not saved", "error", err)
	}
	n.logs.error.Log(ctx, telemetry.LevelNotice, "reloaded")
}
