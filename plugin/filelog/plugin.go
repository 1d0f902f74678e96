// Package filelog writes a line of JSON about each request into a file.
package filelog

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/logentry"
	"gibbon/plugin/queue"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:     "file-log",
	Priority: 9,
	Doc:      "Writes a line of JSON about each request into a file.",
	New:      func() schema.Record { return new(settings) },
}

type settings struct {
	Path   string
	Reopen bool
	Custom map[string]string

	queue *queue.Queue
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	return schema.Fields{
		schema.String("path", &s.Path).Required().MatchElse("not a valid filename", "^[^*&%%\\`]+$").
			Doc("The file, which is made when there is none."),
		schema.Bool("reopen", &s.Reopen).Default(false).Required().
			Doc("Whether the file is opened anew for each write: needed when something else moves it away."),
		logentry.CustomFields(&s.Custom),
	}
}

// Start fetches the queue of the file.
func (s *settings) Start(e *plugin.Env) error {
	key := fmt.Sprintf("%t %s", s.Reopen, s.Path)
	s.queue = e.Shared(key, func() any { //nolint:errcheck,forcetypeassert // made here
		f := &file{path: s.Path, reopen: s.Reopen}
		f.Queue = queue.New(queue.Options{
			BatchSize: 1000, MaxEntries: 10_000, RetryTime: time.Minute, InitialRetry: 100 * time.Millisecond, MaxRetry: 10 * time.Second,
			Send: f.write, Log: e.Log.With("path", s.Path),
		})
		return f
	}).(*file).Queue
	return nil
}

// Log queues the line.
func (s *settings) Log(x *plugin.Exchange) { s.queue.Push(append(logentry.JSON(x), '\n')) }

// A file is written by one goroutine at a time.
type file struct {
	*queue.Queue
	path   string
	reopen bool
	open   *os.File // nil before the first write, and with reopen
}

// write appends a batch. The path may be that of a pipe: one that nobody reads cannot be opened, and one whose
// reader hangs is waited for until the context ends.
func (f *file) write(ctx context.Context, batch [][]byte) error {
	to := f.open
	if to == nil {
		var err error
		if to, err = os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o644); err != nil { //nolint:gosec // others read logs
			return fmt.Errorf("file-log: %w", err)
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = to.SetWriteDeadline(time.Unix(1, 0)) }) // files have none, and do not hang
	defer stop()
	_, err := to.Write(bytes.Join(batch, nil))
	if f.reopen || err != nil {
		if e := to.Close(); err == nil {
			err = e
		}
		to = nil
	}
	f.open = to
	return err
}

// Close writes what is queued.
func (f *file) Close() error {
	err := f.Queue.Close()
	if f.open != nil {
		if e := f.open.Close(); err == nil {
			err = e
		}
	}
	return err
}
