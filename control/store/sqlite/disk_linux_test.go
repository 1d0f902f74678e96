package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gibbon/control/store"
)

// A real disk that is full, where it is allowed to mount one.
func TestFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s, err := Open(t.Context(), Options{File: filepath.Join(dir, "gibbon.db")})
	if err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 500_000), 0o600); err != nil {
		t.Fatal(err)
	}
	written := 0
	for ; written < 5000; written++ {
		if _, err = insertOne(s, fmt.Sprint("row ", written), 500); err != nil {
			break
		}
	}
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "the disk is full: make room for "+s.file) {
		t.Errorf("Write: %v, want ErrUnavailable", err)
	}
	for range 3 {
		if _, err := insertOne(s, "row", 500); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Write while the disk is full: %v, want ErrUnavailable", err)
		}
	}
	whole(t, s, written)

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if _, err := insertOne(s, "after", 500); err != nil {
		t.Errorf("Write after there is room again: %v", err)
	}
	whole(t, s, written+1)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
