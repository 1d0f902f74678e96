//go:build unix

package filelog

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// Pipes that are not read hold up neither requests nor the end of the gateway.
func TestPipes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reader bool // there is one, but it reads one line only
	}{{"nobody reads", false}, {"the reader hangs", true}} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			state := plugin.NewState(slog.New(slog.NewTextHandler(&text, nil)), time.Now, "node")
			l := plugintest.Start[plugin.Logger](t, &Plugin, fmt.Sprintf(`{"path":%q}`, path), state)
			if tt.reader {
				pipe, err := os.OpenFile(path, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer pipe.Close()
				log(l, "/first")
				if line, err := bufio.NewReaderSize(pipe, 16).ReadString('\n'); err != nil || !strings.Contains(line, "/first") {
					t.Errorf("line %q, error %v", line, err)
				}
			}
			for i := range 1000 { // more than a pipe holds
				log(l, fmt.Sprint("/", i))
			}
			closed := make(chan struct{})
			go func() {
				state.Close()
				close(closed)
			}()
			select {
			case <-closed:
			case <-time.After(time.Minute):
				t.Fatal("the queue does not end")
			}
			if !strings.Contains(text.String(), "entries were dropped") {
				t.Errorf("log: %s", &text)
			}
		})
	}
}
