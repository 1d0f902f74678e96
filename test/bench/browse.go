//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// frames is what a real browser saw in some seconds.
type frames struct {
	Rate   float64  `json:"frames"` // per second
	P99    float64  `json:"p99"`    // milliseconds between two frames
	Late   int      `json:"late"`   // frames that came a whole one too late
	Count  int      `json:"count"`
	Thread float64  `json:"thread"` // CPU time of the page's thread for each frame, in milliseconds
	Rows   int      `json:"rows"`   // in the document
	Paths  []string `json:"paths"`  // that it asked for, but for the stream
}

// recordedTime is how long the stream is recorded.
const recordedTime = 20 * time.Second

// browse opens the page in Chromium and tells how it follows and scrolls: with the load on the same
// cores, and without it, when it is told what it was with it.
func (w *watched) browse(ctx context.Context, o options) (string, error) {
	var out strings.Builder
	out.WriteString("| in Chromium | frames/s | 99 of 100 frames within | frames left out | CPU time of a frame | rows in the document |\n|---|---|---|---|---|---|\n")
	if err := w.look(ctx, o, "http://"+watchedManager, ", beside gateway and load", &out); err != nil {
		return "", err
	}
	r, err := w.record(ctx, recordedTime)
	if err != nil {
		return "", err
	}
	w.resting.Store(true)
	replayed := r.serve()
	defer replayed.Close()
	err = w.look(ctx, o, replayed.URL, ", events replayed", &out)
	return out.String(), err
}

// look adds a line for following and one for scrolling.
func (w *watched) look(ctx context.Context, o options, manager, how string, out *strings.Builder) error {
	tab, err := w.openBrowser(ctx, o, manager)
	if err != nil {
		return err
	}
	defer tab.close()
	for _, command := range []string{"follow", "scroll"} {
		var rate, p99, late, thread []float64
		var f frames
		for range o.rounds {
			if f, err = tab.ask(command); err != nil {
				return err
			}
			for _, path := range f.Paths { // else an openTab is another than this one
				if !slices.Contains(refreshed(w.upstream), path) {
					return fmt.Errorf("the page asks for %s", path)
				}
			}
			fmt.Fprintf(os.Stderr, "%s%s: %+v\n", command, how, f)
			rate, p99, thread = append(rate, f.Rate), append(p99, f.P99), append(thread, f.Thread)
			late = append(late, 100*float64(f.Late)/float64(f.Count))
		}
		fmt.Fprintf(out, "| %sing%s | **%s** | %s ms | %s %% | %s ms | %d |\n", command, how, spreadOf(rate), spreadOf(p99), spreadOf(late), spreadOf(thread), f.Rows)
	}
	return nil
}

// A browserTab is the page in a real browser.
type browserTab struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func (w *watched) openBrowser(ctx context.Context, o options, manager string) (*browserTab, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, err
	}
	known, err := json.Marshal(map[string]any{"browser": path, "manager": manager, "upstream": w.upstream, "seconds": o.length.Seconds()})
	if err != nil {
		return nil, err
	}
	t := &browserTab{command: exec.CommandContext(ctx, "taskset", "-c", "0-"+strconv.Itoa(cores()-1), "node", filepath.Join("test", "manager", "browser", "frames.mjs"))}
	t.command.Env, t.command.Stderr = append(os.Environ(), "STORY="+string(known)), os.Stderr
	t.command.WaitDelay = 5 * time.Second
	if t.in, err = t.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := t.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.out = bufio.NewReader(out)
	if err := t.command.Start(); err != nil {
		return nil, err
	}
	_, err = t.answer()
	return t, err
}

// cores are all that there are: this process is pinned to one of them.
func cores() int {
	list, err := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*")
	if err != nil || len(list) == 0 {
		return 1
	}
	return len(list)
}

// ask has the page do something, and returns what it saw.
func (t *browserTab) ask(command string) (frames, error) {
	if _, err := io.WriteString(t.in, command+"\n"); err != nil {
		return frames{}, err
	}
	return t.answer()
}

func (t *browserTab) answer() (f frames, err error) {
	line, err := t.out.ReadBytes('\n')
	if err != nil {
		return f, errors.Join(fmt.Errorf("the browser says no more: %w", err), t.command.Wait())
	}
	return f, json.Unmarshal(line, &f)
}

func (t *browserTab) close() {
	_ = t.in.Close()     // which ends it
	_ = t.command.Wait() // what it had to say was said
}
