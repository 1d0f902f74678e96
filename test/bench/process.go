//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what a process and its children have used and hold.
type usage struct {
	cpu    time.Duration
	memory int64 // proportional set size, bytes
}

// measureTree sums over a process and all below it.
func measureTree(pid int) (usage, error) {
	var u usage
	for _, one := range append([]int{pid}, children(pid)...) {
		cpu, err := cpuTime(one)
		if err != nil {
			return u, err
		}
		u.cpu += cpu
		u.memory += proportional(one)
	}
	return u, nil
}

func children(pid int) (all []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is good
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread that ended has none
		for word := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), children(child)...)
			}
		}
	}
	return all
}

// cpuTime is user and system time of all threads of a process. Those of threads that ended are not in it:
// none of the proxies ends threads under load.
func cpuTime(pid int) (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("process %d: no threads", pid)
	}
	total := time.Duration(0)
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has just ended
		}
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(text), " ")
		nanoseconds, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", thread, err)
		}
		total += time.Duration(nanoseconds)
	}
	return total, nil
}

// proportional is the Pss of a process: shared pages count by their share.
func proportional(pid int) int64 {
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	defer func() { _ = file.Close() }() // only read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "Pss:" {
			kib, _ := strconv.ParseInt(words[1], 10, 64) // the kernel writes numbers
			return kib << 10
		}
	}
	return 0
}

// process is a proxy under test, pinned to a core.
type process struct {
	*exec.Cmd
	log    string
	exited chan struct{}
}

// launch starts a program on one core, with its output in a file of dir.
func launch(ctx context.Context, dir, core string, env []string, program string, arguments ...string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, "output.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the program has its own descriptor
	command := exec.CommandContext(ctx, "taskset", append([]string{"-c", core, program}, arguments...)...)
	command.Dir, command.Env, command.Stdout, command.Stderr = dir, append(os.Environ(), env...), log, log
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &process{command, log.Name(), make(chan struct{})}
	go func() {
		_ = command.Wait() // how it ends is of no interest
		close(p.exited)
	}()
	return p, nil
}

// stop ends the process and waits for it.
func (p *process) stop() {
	_ = p.Process.Signal(syscall.SIGTERM) // it may be gone
	select {
	case <-p.exited:
	case <-time.After(5 * time.Second):
		_ = p.Process.Kill() // as above
		<-p.exited
	}
}

// failed is an error with what the program wrote.
func (p *process) failed(err error) error {
	text, _ := os.ReadFile(p.log) // then without
	return fmt.Errorf("%w\n%s", err, text)
}
