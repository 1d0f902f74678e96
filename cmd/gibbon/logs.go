package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"gibbon/settings"
	"gibbon/telemetry"
)

// logs are the open logs of a running node.
type logs struct {
	level  telemetry.LevelVar
	error  *slog.Logger
	proxy  *telemetry.AccessLog // nil when off; likewise the next three
	admin  *telemetry.AccessLog
	status *telemetry.AccessLog
	gui    *telemetry.AccessLog
	files  map[string]*telemetry.File // by path
}

// openLogs opens what the settings name. Errors from warn on are shown on screen, too,
// unless it is nil or the log goes to a screen already.
func openLogs(s *settings.Settings, screen io.Writer) (_ *logs, err error) {
	l := &logs{files: make(map[string]*telemetry.File)}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	level, _ := telemetry.ParseLevel(s.LogLevel)
	l.level.Set(level)
	handlers := []slog.Handler{slog.DiscardHandler}
	if s.ProxyErrorLog.Path != "" {
		f, err := l.open(s.ProxyErrorLog.Path)
		if err != nil {
			return nil, err
		}
		handlers[0] = telemetry.NewErrorLog(f, s.ErrorLogFormat, &l.level).Handler()
	}
	if screen != nil && !onScreen(s.ProxyErrorLog.Path) {
		handlers = append(handlers, telemetry.NewErrorLog(screen, s.ErrorLogFormat, telemetry.LevelWarn).Handler())
	}
	l.error = slog.New(slog.NewMultiHandler(handlers...))
	for _, a := range []struct {
		log    **telemetry.AccessLog
		to     settings.Log
		withID bool
	}{{&l.proxy, s.ProxyAccessLog, true}, {&l.admin, s.AdminAccessLog, false}, {&l.status, s.StatusAccessLog, false}, {&l.gui, s.AdminGUIAccessLog, false}} {
		if a.to.Path == "" {
			continue
		}
		f, err := l.open(a.to.Path)
		if err != nil {
			return nil, err
		}
		*a.log = telemetry.NewAccessLog(f, telemetry.AccessLogOptions{
			Format: a.to.Format, RequestID: a.withID,
			Failed: func(err error) { l.error.Error(err.Error(), "path", a.to.Path) },
		})
	}
	return l, nil
}

func onScreen(path string) bool { return path == "/dev/stdout" || path == "/dev/stderr" }

// open opens a file once, however many logs go there.
func (l *logs) open(path string) (*telemetry.File, error) {
	if f := l.files[path]; f != nil {
		return f, nil
	}
	f, err := telemetry.OpenFile(path)
	if err != nil {
		return nil, err
	}
	l.files[path] = f
	return f, nil
}

// reopen follows a rotation of the files.
func (l *logs) reopen() {
	for _, a := range []*telemetry.AccessLog{l.proxy, l.admin, l.status, l.gui} {
		a.Flush() // what is waiting belongs to the old file
	}
	for path, f := range l.files {
		if err := f.Reopen(); err != nil {
			l.error.Error("the log goes on in the old file", "path", path, "error", err)
		}
	}
	l.error.Log(noContext, telemetry.LevelNotice, "logs reopened")
}

// close writes what is waiting and closes the files.
func (l *logs) close() error {
	var errs []error
	for _, a := range []*telemetry.AccessLog{l.proxy, l.admin, l.status, l.gui} {
		if err := a.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close access log: %w", err))
		}
	}
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
