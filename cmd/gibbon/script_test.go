package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gibbon": main})
}

// TestScripts runs the stories about the command line. Each has a loopback address of its
// own, $ADDR, and a prefix $PREFIX, which the settings in its environment name.
func TestScripts(t *testing.T) {
	var scripts atomic.Int64
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			pid := os.Getpid()
			addr := fmt.Sprintf("127.%d.%d.%d", 192+pid>>8%60, pid&0xff, 1+scripts.Add(1)%254)
			prefix := filepath.Join(env.WorkDir, "run")
			for name, value := range map[string]string{
				"ADDR": addr, "PREFIX": prefix, "HOME": env.WorkDir,
				"GIBBON_PREFIX":           prefix,
				"GIBBON_PROXY_LISTEN":     addr + ":8000",
				"GIBBON_ADMIN_LISTEN":     addr + ":8001",
				"GIBBON_STATUS_LISTEN":    addr + ":8007",
				"GIBBON_ADMIN_GUI_LISTEN": addr + ":8002",
			} {
				env.Setenv(name, value)
			}
			env.Defer(func() { _ = killNode(prefix, syscall.SIGKILL) }) // usually gone
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"until":  until,
			"signal": signalNode,
			"log":    waitForLog,
			"hold":   hold,
		},
	})
}

const patience = 20 * time.Second

// eventually calls try until it reports true.
func eventually(ts *testscript.TestScript, what string, try func() bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !try() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// until repeats a program until it succeeds, or fails when it is negated.
func until(ts *testscript.TestScript, negated bool, args []string) {
	eventually(ts, strings.Join(args, " "), func() bool {
		return (ts.Exec(args[0], args[1:]...) == nil) != negated
	})
}

// signalNode sends a signal to the node in the prefix: signal USR1.
func signalNode(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{
		"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1, "QUIT": syscall.SIGQUIT,
	}
	ts.Check(killNode(ts.Getenv("PREFIX"), signals[args[0]]))
}

func killNode(prefix string, signal syscall.Signal) error {
	text, err := os.ReadFile(filepath.Join(prefix, "pids", "gibbon.pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return syscall.Kill(pid, signal)
}

// waitForLog waits for a line in a file: log PATTERN FILE.
func waitForLog(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	eventually(ts, args[0], func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[1]))
		return err == nil && pattern.Match(text)
	})
}

// hold begins a request to the Admin API, of which the rest never comes.
func hold(ts *testscript.TestScript, _ bool, _ []string) {
	addr := ts.Getenv("ADDR") + ":8001"
	conn, err := net.Dial("tcp", addr)
	ts.Check(err)
	ts.Defer(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "POST /services HTTP/1.1\r\nHost: "+addr+"\r\nContent-Type: application/json\r\n"+
		"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n")
	ts.Check(err)
	line, err := bufio.NewReader(conn).ReadString('\n') // now the request is being read
	ts.Check(err)
	if !strings.Contains(line, " 100 ") {
		ts.Fatalf("unexpected answer %q", line)
	}
}
