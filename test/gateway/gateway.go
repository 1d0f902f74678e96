// Package gateway builds the program and runs it for tests, as a user would:
// a process of its own, a prefix of its own, settings in the environment.
//
// Every instance listens on a loopback address of its own (127.0.0.0/8), so the
// usual ports 8000 and 8001, or those of a recording, are free each time and
// many instances run side by side. Its DNS server is a fake: the names given
// in Options.Hosts exist, all others do not.
package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Options say how an instance differs from one started with no settings.
type Options struct {
	Binary  string            // the program, from Build
	Prefix  string            // its working directory; must exist
	Address string            // loopback address; NewAddress when empty
	Ports   Ports             // zero ports take the defaults
	Hosts   map[string]string // names in the hosts file, with their addresses
	Env     map[string]string // settings: PROXY_LISTEN becomes GIBBON_PROXY_LISTEN
	Args    []string          // further arguments of start
	Wrap    []string          // a command that runs the program given after it
}

// Ports are the four listeners. TLS is off when negative.
type Ports struct{ Proxy, TLS, Admin, Status int }

// A Gateway is one running instance.
type Gateway struct {
	Proxy, TLS, Admin, Status string // host:port of the listeners
	Prefix                    string

	command *exec.Cmd
	names   *nameServer
	exited  chan struct{} // closed when the process is gone
	state   error         // how it ended; read after exited
	output  *output
}

var (
	buildOnce = sync.OnceValues(build)
	addresses atomic.Int64
	directory atomic.Pointer[string] // that build made
)

// Build compiles the program once per test process, with the race detector when
// the tests run with it, and returns its path.
// GIBBON_BINARY names one that is used instead.
func Build() (string, error) { return buildOnce() }

func build() (string, error) {
	if path := os.Getenv("GIBBON_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.MkdirTemp("", "gibbon-test-")
	if err != nil {
		return "", err
	}
	directory.Store(&dir)
	path := filepath.Join(dir, "gibbon")
	arguments := []string{"build", "-o", path} // flags like -trimpath would miss what tests have compiled
	if raceDetector {
		arguments = append(arguments, "-race")
	}
	out, err := exec.CommandContext(context.Background(), "go", append(arguments, "gibbon/cmd/gibbon")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build gibbon: %w\n%s", err, out)
	}
	return path, nil
}

// Clean removes what Build made. TestMain calls it last.
func Clean() {
	if dir := directory.Load(); dir != nil {
		_ = os.RemoveAll(*dir) // in the temporary directory anyway
	}
}

// Supported reports whether this system has many loopback addresses.
func Supported() bool { return runtime.GOOS == "linux" }

// NewAddress is a loopback address that no other instance of this or another
// test process uses.
func NewAddress() string {
	n, pid := addresses.Add(1), os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 64+pid>>8%128, pid&0xff, 1+n%254)
}

// Start runs `gibbon start` and returns when the Admin API answers.
func Start(ctx context.Context, o Options) (*Gateway, error) {
	if o.Address == "" {
		o.Address = NewAddress()
	}
	o.Ports = o.Ports.defaults()
	at := func(port int) string { return net.JoinHostPort(o.Address, strconv.Itoa(port)) }
	g := &Gateway{
		Proxy: at(o.Ports.Proxy), Admin: at(o.Ports.Admin), Status: at(o.Ports.Status),
		Prefix: o.Prefix, exited: make(chan struct{}), output: new(output),
	}
	listen := g.Proxy
	if o.Ports.TLS > 0 {
		g.TLS = at(o.Ports.TLS)
		listen += ", " + g.TLS + " http2 ssl"
	}
	names, err := serveNames(o.Address)
	if err != nil {
		return nil, err
	}
	g.names = names
	hosts := filepath.Join(o.Prefix, "hosts")
	if err := os.WriteFile(hosts, hostsFile(o.Hosts), 0o600); err != nil {
		return nil, err
	}
	env := map[string]string{
		"PROXY_LISTEN": listen, "ADMIN_LISTEN": g.Admin, "STATUS_LISTEN": g.Status, "ADMIN_GUI_LISTEN": "off",
		"DNS_RESOLVER": names.address, "DNS_HOSTSFILE": hosts, "ANONYMOUS_REPORTS": "off",
	}
	maps.Copy(env, o.Env)
	// The process outlives ctx, which only limits how long its start may take.
	words := slices.Concat(o.Wrap, []string{o.Binary, "start", "-p", o.Prefix}, o.Args)
	g.command = exec.CommandContext(context.WithoutCancel(ctx), words[0], words[1:]...)
	g.command.Env = environment(env)
	g.command.Stdout, g.command.Stderr = g.output, g.output
	if err := g.command.Start(); err != nil {
		return nil, errors.Join(err, names.Close())
	}
	go func() {
		g.state = g.command.Wait()
		close(g.exited)
	}()
	if err := g.ready(ctx); err != nil {
		g.Kill()
		return nil, fmt.Errorf("%w\n%s", err, g.Output())
	}
	return g, nil
}

func (p Ports) defaults() Ports {
	for port, value := range map[*int]int{&p.Proxy: 8000, &p.Admin: 8001, &p.Status: 8007} {
		if *port == 0 {
			*port = value
		}
	}
	return p
}

// environment is this process's environment without settings of a gateway,
// and with those in set.
func environment(set map[string]string) []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "GIBBON_") && !strings.HasPrefix(pair, "KONG_") {
			env = append(env, pair)
		}
	}
	for name, value := range set {
		env = append(env, "GIBBON_"+name+"="+value)
	}
	return env
}

func hostsFile(hosts map[string]string) []byte {
	text := []byte("127.0.0.1 localhost\n")
	for name, address := range hosts {
		text = fmt.Appendln(text, address, name)
	}
	return text
}

// ready waits until the Admin API answers GET /status.
func (g *Gateway) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return Poll(ctx, func() error {
		select {
		case <-g.exited:
			return fmt.Errorf("%w: gibbon start ended: %w", ErrGone, g.state)
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.Admin+"/status", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()                                                                   // only the status counts
		if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusUnauthorized { // it may want a token
			return fmt.Errorf("GET /status: %s", response.Status)
		}
		return nil
	})
}

// ErrGone ends Poll at once: what is waited for cannot come any more.
var ErrGone = errors.New("gone")

// Poll calls try every few milliseconds until it returns nil or ErrGone, or
// ctx ends. The error is the last one of try.
func Poll(ctx context.Context, try func() error) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil || errors.Is(err, ErrGone) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: last: %w", ctx.Err(), err)
		}
	}
}

// Environment is that of the process, for other commands on the same prefix.
func (g *Gateway) Environment() []string {
	return append(slices.Clone(g.command.Env), "GIBBON_PREFIX="+g.Prefix)
}

// PID is the process id.
func (g *Gateway) PID() int { return g.command.Process.Pid }

// Signal sends a signal.
func (g *Gateway) Signal(s syscall.Signal) error { return g.command.Process.Signal(s) }

// Exited is closed when the process has ended.
func (g *Gateway) Exited() <-chan struct{} { return g.exited }

// Output is what the process wrote to both standard streams.
func (g *Gateway) Output() string { return g.output.String() }

// Kill ends the process at once, as a power cut would, and waits for it.
func (g *Gateway) Kill() {
	_ = g.command.Process.Kill() // it may be gone already
	<-g.exited
	_ = g.names.Close() // nobody asks any more
}

// Stop ends the process politely, or by force after ten seconds.
func (g *Gateway) Stop() error {
	defer g.Kill()
	if err := g.Signal(syscall.SIGTERM); err != nil {
		return nil // it has ended before
	}
	select {
	case <-g.exited:
		if strings.Contains(g.Output(), "WARNING: DATA RACE") {
			return errors.New("gibbon has a data race")
		}
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("gibbon did not stop within 10 s of SIGTERM")
	}
}

// output collects what a process writes while tests read it.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write appends p.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is all that was written so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
