package telemetry

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// A File is a log file that can be reopened after its rotation.
type File struct {
	path string
	std  io.Writer  // for /dev/stdout and /dev/stderr: never reopened, never closed
	mu   sync.Mutex // guards f
	f    *os.File
}

// OpenFile opens path for appending and makes its folder when there is none. /dev/stdout and
// /dev/stderr stand for the process's own, whatever they are connected to.
func OpenFile(path string) (*File, error) {
	switch path {
	case "/dev/stdout":
		return &File{path: path, std: os.Stdout}, nil
	case "/dev/stderr":
		return &File{path: path, std: os.Stderr}, nil
	}
	f, err := openAppend(path)
	if err != nil {
		return nil, err
	}
	return &File{path: path, f: f}, nil
}

func openAppend(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

// Path returns the path that was given to OpenFile.
func (f *File) Path() string { return f.path }

// Write appends p. The lock keeps the file from being closed under it.
func (f *File) Write(p []byte) (int, error) {
	if f.std != nil {
		return f.std.Write(p)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.f.Write(p)
}

// Reopen opens the path again, so that writing goes on in a new file after the old one was
// renamed. On error it goes on in the old one.
func (f *File) Reopen() error {
	if f.std != nil {
		return nil
	}
	fresh, err := openAppend(f.path)
	if err != nil {
		return err
	}
	f.mu.Lock()
	old := f.f
	f.f = fresh
	f.mu.Unlock()
	return old.Close()
}

// Close closes the file. Writing to it fails afterwards.
func (f *File) Close() error {
	if f.std != nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.f.Close()
}
