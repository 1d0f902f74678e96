package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A pidFile names the process that runs in a prefix, which holds a lock on it. A file
// without a lock is what a crash left behind, whatever process has its number by now.
type pidFile struct{ file *os.File }

var errRunning = errors.New("already running")

// lockPatience covers the moment in which somebody else looks whether the file is locked.
const lockPatience = 200 * time.Millisecond

// lockPIDFile takes the file at path for this process, or returns errRunning.
func lockPIDFile(path string) (*pidFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(lockPatience)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil && sameFile(f, path) {
			if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			return &pidFile{f}, nil
		}
		_ = f.Close() // nothing was written
		if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if time.Now().After(deadline) {
			return nil, errRunning
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func writePID(f *os.File) error {
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// sameFile reports whether path still names f: its last owner may have removed it.
func sameFile(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(mine, named)
}

// release removes the file and gives up the lock.
func (p *pidFile) release() error {
	return errors.Join(os.Remove(p.file.Name()), p.file.Close())
}

// runningPID returns the number of the process that runs with the file at path, or 0 when
// there is none.
func runningPID(path string) (int, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // only read
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		return 0, nil // nobody holds it
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return 0, fmt.Errorf("look at the lock of %s: %w", path, err)
	}
	for deadline := time.Now().Add(time.Second); ; time.Sleep(10 * time.Millisecond) {
		text, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
		if err != nil {
			return 0, err
		}
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && pid > 0 {
			return pid, nil
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("%s is locked but names no process", path)
		}
	}
}

// waitForEnd waits until no process runs with the file at path. It reports false when that
// takes longer than limit.
func waitForEnd(path string, limit time.Duration) (bool, error) {
	for deadline := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		pid, err := runningPID(path)
		if err != nil || pid == 0 {
			return err == nil, err
		}
		if time.Now().After(deadline) {
			return false, nil
		}
	}
}
